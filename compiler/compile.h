#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/emit/engine_emitter.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// Everything that a workflow is compiled from. Data: the compiler calls no plugin, opens no file
// and knows no network.
struct CompileInput {
  Operation operation = Operation::kProtect;
  // The plan's value (Plan::value): of the others the one that the checkpoint keeps.
  Value plan;
  std::string checkpoint;     // restore, delete, verify: its id
  bool partial = false;       // restore, verify: also from a checkpoint in error
  ResourceGraph graph;        // protect: the file's; the others: the checkpoint's
  ActivityTable activities;   // what the plugins answered, by resource
  std::vector<Value> parameters;          // by resource: checked, defaults filled in
  Value given_parameters;                 // as the plan or the parameters file gave them
  std::vector<PluginDescriptor> plugins;  // of every type in the graph
  std::string provider_id;
  std::string provider_name;
  std::string engine = "argo";
  std::optional<FuseMode> fuse;  // nothing: as the plan says
  EmitOptions emit;
};

struct CompiledWorkflow {
  std::string text;    // the engine's file
  BundleFiles bundle;  // what stands beside it
  std::vector<std::string> notes;  // for people: what was not reduced ...
  std::size_t steps = 0;           // without begin and end
};

// Compiles. The same input gives the same bytes. kInvalidInput: a cycle of resources, aggregation
// that collides, more than the engine takes, a type without plugin.
Result<CompiledWorkflow> Compile(const CompileInput& input);

}  // namespace holdfast::compiler
