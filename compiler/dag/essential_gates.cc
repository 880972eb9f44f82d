#include "compiler/dag/essential_gates.h"

#include <algorithm>
#include <utility>

#include "compiler/graph/digraph.h"
#include "compiler/graph/reduction.h"

namespace holdfast::compiler {
namespace {

std::uint32_t StepOf(const ActivityDag& dag, ActivityRef activity) {
  return dag.step_of[activity.resource.value][static_cast<std::size_t>(activity.kind)];
}

// The gates of one activity that lie outside its own step, sorted: a gate in the same step (a
// fused leaf's pre) stands for its own gates.
std::vector<ActivityRef> GatesFromOutside(const ActivityDag& dag, std::uint32_t step,
                                          std::size_t activity) {
  const auto& own = dag.steps[step];
  std::vector<ActivityRef> outside;
  std::vector<bool> seen(own.activities.size(), false);
  std::vector<std::size_t> open{activity};
  seen[activity] = true;
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const ActivityRef gate : own.gates[at]) {
      if (StepOf(dag, gate) != step) {
        outside.push_back(gate);
        continue;
      }
      const auto inside = static_cast<std::size_t>(
          std::find(own.activities.begin(), own.activities.end(), gate) - own.activities.begin());
      if (seen[inside]) continue;
      seen[inside] = true;
      open.push_back(inside);
    }
  }
  std::sort(outside.begin(), outside.end());
  outside.erase(std::unique(outside.begin(), outside.end()), outside.end());
  return outside;
}

// The steps all of whose activities are among the gates of every activity of `step`, sorted.
std::vector<std::uint32_t> GateSteps(const ActivityDag& dag, std::uint32_t step) {
  const auto& own = dag.steps[step];
  std::vector<ActivityRef> shared = GatesFromOutside(dag, step, 0);
  for (std::size_t i = 1; i < own.activities.size() && !shared.empty(); ++i) {
    const std::vector<ActivityRef> gates = GatesFromOutside(dag, step, i);
    std::erase_if(shared, [&](const ActivityRef& gate) {
      return !std::binary_search(gates.begin(), gates.end(), gate);
    });
  }
  std::vector<std::uint32_t> result;
  for (const ActivityRef gate : shared) {
    const std::uint32_t gate_step = StepOf(dag, gate);
    const auto& activities = dag.steps[gate_step].activities;
    if (activities.front() == gate &&
        std::all_of(activities.begin(), activities.end(), [&](const ActivityRef& activity) {
          return std::binary_search(shared.begin(), shared.end(), activity);
        })) {
      result.push_back(gate_step);
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

std::vector<StepConditions> EssentialGates(const ActivityDag& dag) {
  const auto step_count = static_cast<std::uint32_t>(dag.steps.size());
  std::vector<Digraph::Edge> edges;
  for (std::uint32_t step = 0; step < step_count; ++step) {
    for (const std::uint32_t gate : GateSteps(dag, step)) edges.push_back({gate, step});
  }
  const Digraph requires_success(step_count, std::move(edges));
  const Reduction reduction = ReduceTransitively(requires_success);

  std::vector<StepConditions> conditions(step_count);
  // All gate steps of each step, essential or not: what the lists below are compared with.
  std::vector<std::vector<std::uint32_t>> all(step_count);
  for (std::size_t i = 0; i < requires_success.edge_count(); ++i) {
    const auto [gate, step] = requires_success.edges()[i];
    all[step].push_back(gate);
    if (reduction.keep[i]) conditions[step].succeeded.push_back(StepId{gate});
  }
  for (std::uint32_t step = 0; step < step_count; ++step) {
    for (const auto& predecessor : dag.steps[step].order) {
      if (!std::binary_search(all[step].begin(), all[step].end(), predecessor.step.value)) {
        conditions[step].finished.push_back(predecessor.step);
      }
    }
  }
  return conditions;
}

}  // namespace holdfast::compiler
