#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/dag/essential_gates.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// One step of a workflow, whatever engine runs it.
struct WorkflowStep {
  std::string name;     // unique, [a-z][a-z0-9-]*, at most 63 bytes; no text of a tenant but what is left of it after that
  std::string comment;  // for the reader: resource, activities, what it comes after
  StepConditions conditions;  // by index into EngineWorkflow::steps
};

// The workflow before it becomes an engine's text: steps in walk order, what they wait for, and
// what every engine needs to know. `begin` comes before all of them and `end`, the verdict, after.
struct EngineWorkflow {
  std::string name;  // "<plan>-<operation>"
  Operation operation = Operation::kProtect;
  std::vector<std::string> head;  // comment lines at the top
  std::vector<WorkflowStep> steps;
  std::string bundle;    // SHA-256
  std::string provider;  // id
  std::optional<std::int64_t> parallelism;
  std::optional<std::chrono::milliseconds> run_deadline;
  bool fail_fast = false;
  bool partial = false;  // restore, verify: also from a checkpoint in error
};

// The names of a DAG's steps, by step: "<name, at most 24 of [a-z0-9-]>-<hash of type#id>-<activities>",
// of a step of several resources "group-<hash of its key>-<activity>". The hash is as long as it must
// be for the names to differ; the same resource has the same name in every compile, unless its
// readable name or such a collision changes.
std::vector<std::string> NameSteps(const ResourceGraph& graph, const ActivityTable& table,
                                   const ActivityDag& dag, StepNames style);

// The comment of a step: "pre of application The shop (Local::Application#shop)".
std::string DescribeStep(const ResourceGraph& graph, const ActivityDag& dag, StepId step);

}  // namespace holdfast::compiler
