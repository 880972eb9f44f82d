#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/plan/plan.h"
#include "compiler/plan/schedule.h"
#include "compiler/workflow/step_group.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// One step of a workflow, whatever engine runs it.
struct WorkflowStep {
  std::string name;  // step_names.h
  // For the reader: what it does to which resource, and the links that put it where it is. Has
  // tenants' text in it: only for comments, through Printable.
  std::string comment;
  std::string volume;  // NameOfVolume of what its resources live on; empty: none
};

// A workflow before it becomes an engine's text (design: stages are types). `begin` comes before all
// steps; `end`, the verdict, runs when they have ended, however they did.
struct EngineWorkflow {
  std::string name;  // "<plan>-<operation>"
  std::string plan;  // its name
  Operation operation = Operation::kProtect;
  std::vector<std::string> head;    // comment lines for the top of the file
  std::vector<WorkflowStep> steps;  // in walk order
  // How they are put together; the first one is the whole. Its items run only when `begin` has
  // succeeded: to be said where `succeeded` is empty, implied where it is not.
  std::vector<StepGroup> groups;
  std::string bundle;      // its SHA-256
  std::string provider;    // its id
  bool fail_fast = false;  // the run's parameters' defaults
  bool partial = false;
  std::optional<std::uint32_t> parallelism;
  std::optional<std::chrono::milliseconds> step_deadline;
  std::optional<std::chrono::milliseconds> run_deadline;
  std::uint32_t retries = 5;
  std::chrono::milliseconds keep_succeeded = PlanPolicy{}.keep_succeeded;
  std::chrono::milliseconds keep_failed = PlanPolicy{}.keep_failed;
  std::optional<Schedule> schedule;  // what starts it by itself
};

// The steps of a DAG under the names that they were given (NameSteps). kInvalidInput for a resource
// whose volume cannot be read, and for a step whose resources live on different ones: a pod mounts
// what its leaf template says.
Result<std::vector<WorkflowStep>> MakeSteps(const ResourceGraph& graph, const ActivityDag& dag,
                                            const std::vector<std::string>& names);

// Gives the groups of a DAG's steps their comments.
void DescribeGroups(const ResourceGraph& graph, const ActivityDag& dag,
                    std::vector<StepGroup>& groups);

// The rule behind a link, for people: "a parent's pre comes before its children's".
std::string_view RuleOf(LinkKind link);

}  // namespace holdfast::compiler
