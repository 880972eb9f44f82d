#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"
#include "runtime/verify/precedence.h"

namespace holdfast::compiler {

using verify::Precedence;

// What a workflow has to be for a graph of thousands of resources, from the rules of the design and
// without any code of the compiler; dag_oracle.h says the same for small graphs by full matrices, and
// large_graphs_test.cc holds one to the other. Without aggregation.

inline std::size_t NumberOf(ActivityRef activity) {
  return activity.resource.value * kActivityKindCount + static_cast<std::size_t>(activity.kind);
}

class DefinedRun {
 public:
  // Borrows the graph and the table.
  DefinedRun(const ResourceGraph& graph, const ActivityTable& table, FuseMode fuse);

  // The activities of each step, in their order.
  const std::vector<std::vector<ActivityRef>>& steps() const { return steps_; }
  // By activity number; only of those that exist.
  std::uint32_t StepOf(ActivityRef activity) const { return step_of_[NumberOf(activity)]; }

  // All links between all activities, existing or not. Sort() first, once.
  const Precedence& order() const { return order_; }
  bool Sort() { return order_.Sort(); }
  // By step: its node in there.
  const std::vector<std::uint32_t>& nodes() const { return nodes_; }

  // Sorted.
  std::vector<ActivityRef> GatesOf(ActivityRef activity) const;

  // By activity number: which run, and which of them succeed, when those in `fails` fail if they run.
  struct Outcome {
    std::vector<bool> ran;
    std::vector<bool> succeeded;
  };
  Outcome Run(const std::vector<bool>& fails) const;

 private:
  void SortResources();
  void MakeSteps(FuseMode fuse);
  void MakeOrder();
  void MakeGates();

  const ResourceGraph& graph_;
  const ActivityTable& table_;
  std::vector<ResourceId> parents_first_;
  std::vector<std::vector<ActivityRef>> steps_;
  std::vector<std::uint32_t> step_of_;
  Precedence order_;
  std::vector<std::uint32_t> nodes_;
  std::vector<std::vector<ActivityRef>> gates_of_pre_;  // by resource
};

}  // namespace holdfast::compiler
