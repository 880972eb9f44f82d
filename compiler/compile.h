#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/emit/engine_emitter.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

struct CompileOptions {
  std::string engine = "argo";
  EmitOptions emit;
  std::optional<FuseMode> fuse;  // none = as the plan's policy says
  bool partial = false;          // restore, verify: also of a checkpoint that is in error
};

// Everything that a workflow is made from; data, so that the compiler calls no plugin.
struct CompileInput {
  Operation operation = Operation::kProtect;
  // Plan::value; for the other operations what the checkpoint's record or bundle kept.
  Value plan;
  std::string checkpoint;  // restore, delete, verify: its id
  std::string provider_id;
  std::string provider_name;
  ResourceGraph graph;            // the file's; of the other operations the checkpoint's
  ActivityTable table;            // what the plugins answered, by ResourceId
  std::vector<Value> parameters;  // ResolveParameters, by ResourceId
  Value given_parameters;         // ParameterSet::entries: as the file gave them
  PluginsByType plugins;          // of every type in the graph; borrowed
  CompileOptions options;
};

struct CompiledWorkflow {
  std::string name;  // "<plan>-<operation>": the file's default name
  std::string text;  // the engine's file
  // What starts it by the plan's schedule: a second file; empty where there is nothing to schedule
  // (no schedule, another operation than protect, no template).
  std::string schedule;
  // What the engine's file starts in turn: of a folder beside it.
  std::vector<EmittedFile> children;
  BundleFiles bundle;
  std::vector<std::string> notes;  // what to tell the user beside success
  std::size_t steps = 0;           // without begin and end
};

// Compiles an operation over a resource graph into a workflow file and its bundle. A pure function:
// no network, no bank, no file; the same input gives the same bytes.
// kInvalidInput: a cycle of resources, an aggregation that closes one, an operation for which no
// plugin has anything to do, a type without plugin, an unknown engine.
Result<CompiledWorkflow> Compile(const CompileInput& input);

}  // namespace holdfast::compiler
