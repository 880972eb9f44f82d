#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

// Between the plugins and the compiler, which calls none: plans and graphs from files, what the
// plugins answer for each resource, and from checkpoints what restore, delete and verify need.
namespace holdfast::cli {

// A plan file and its text.
Result<compiler::Plan> LoadPlan(Session& session, const std::string& file);
// The provider that a plan names. When there is none that can be used, the error is kInvalidInput
// and at the place of the plan that names it.
Result<Provider*> OpenProviderOf(Session& session, const compiler::Plan& plan);
// The resource graph of a plan; an empty `file` is PLAN.graph.yaml (or .jsonl) beside the plan.
Result<ResourceGraph> LoadGraph(Session& session, const std::string& plan_file,
                                const std::string& file);
// The error, with the lines that it names of the file that the graph was read from. The text of a
// large graph is not kept for that: the file is read once more.
Error WithGraphLines(const Error& error, const ResourceGraph& graph);
// Where `plan discover` writes and `compile` reads.
std::string GraphFileOf(const std::string& plan_file, bool json_lines);

// The descriptors of its protection plugins by resource type; borrowed.
compiler::PluginsByType DescriptorsOf(const Provider& provider);

// Asks the provider's plugins what there is to do for every resource, but for those left out.
Result<compiler::ActivityTable> AskPlugins(Provider& provider, Operation operation,
                                           const ResourceGraph& graph,
                                           const std::vector<Value>& parameters,
                                           const std::set<ResourceKey>& left_out = {});

// Everything for the compiler, for one command line. `fuse` and kinds are as the arguments say.
Result<compiler::CompileInput> GatherCompileInput(Session& session,
                                                  const CompileArguments& arguments);

// Compiles and writes file and bundle; returns the file's path.
Result<std::string> CompileToFile(Session& session, const CompileArguments& arguments);

}  // namespace holdfast::cli
