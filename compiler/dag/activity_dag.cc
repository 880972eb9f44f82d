#include "compiler/dag/activity_dag.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/dag/activity_gates.h"
#include "compiler/dag/activity_order.h"
#include "compiler/dag/step_table.h"
#include "compiler/graph/reduction.h"
#include "compiler/graph/walk.h"
#include "plugins/sdk/check.h"

namespace holdfast::compiler {
namespace {

std::uint32_t StepOf(const StepTable& steps, std::uint32_t activity) {
  return steps.step_of[activity / kActivityKindCount][activity % kActivityKindCount];
}

// The link that ends at `to`: the last one on the way through the activities that do not exist.
LinkKind LinkBetween(ActivityRef from, ActivityRef to,
                     const std::vector<ActivityRef>& gates_of_to) {
  switch (to.kind) {
    case ActivityKind::kPre:
      return LinkKind::kParentPreToPre;
    case ActivityKind::kPreFinish:
      return LinkKind::kPreFinish;
    case ActivityKind::kParallel:
      return from.kind == ActivityKind::kPreFinish ? LinkKind::kPreFinish
                                                   : LinkKind::kPreToParallel;
    case ActivityKind::kPost:
      break;
  }
  // From the resource itself, or (it has neither pre nor parallel) from what would gate its pre.
  const bool own = from.resource == to.resource ||
                   std::binary_search(gates_of_to.begin(), gates_of_to.end(), from);
  return own ? LinkKind::kParallelToPost : LinkKind::kPostToParentPost;
}

// Which edges of the steps' order are known to be implied by no other: those of trees, where
// nothing is aggregated.
std::vector<bool> SettledEdges(const ReducedGraph& reduced, const StepTable& steps,
                               const Digraph& order) {
  const std::vector<std::uint32_t> component = order.Components();
  std::vector<bool> settled_component(steps.activities.size(), true);
  for (std::uint32_t i = 0; i < steps.activities.size(); ++i) {
    const auto& activities = steps.activities[i];
    if (activities.size() > 1 || !reduced.in_tree[activities.front().resource.value]) {
      settled_component[component[i]] = false;
    }
  }
  std::vector<bool> settled(order.edge_count());
  for (std::size_t i = 0; i < order.edge_count(); ++i) {
    settled[i] = settled_component[component[order.edges()[i].from]];
  }
  return settled;
}

Digraph KeptEdges(const Digraph& graph, const Reduction& reduction) {
  std::vector<Digraph::Edge> edges;
  edges.reserve(graph.edge_count());
  for (std::size_t i = 0; i < graph.edge_count(); ++i) {
    if (reduction.keep[i]) edges.push_back(graph.edges()[i]);
  }
  return Digraph(graph.size(), std::move(edges));
}

// By edge of `order`: the first kind of link (in the order of LinkKind) that stands behind it.
std::vector<LinkKind> LinksOf(const Digraph& order, const StepTable& steps,
                              const Digraph& activity_order,
                              const std::vector<std::vector<ActivityRef>>& gates) {
  std::vector<LinkKind> links(order.edge_count(), LinkKind::kPreFinish);
  for (const Digraph::Edge& edge : activity_order.edges()) {
    const std::uint32_t from = StepOf(steps, edge.from);
    const Digraph::Edge step_edge{from, StepOf(steps, edge.to)};
    const auto out = order.out_edges(from);
    const auto at = std::lower_bound(out.begin(), out.end(), step_edge);
    if (at == out.end() || *at != step_edge) continue;
    LinkKind& link = links[order.first_edge(from) + static_cast<std::size_t>(at - out.begin())];
    link = std::min(link, LinkBetween(ActivityAt(edge.from), ActivityAt(edge.to), gates[edge.to]));
  }
  return links;
}

}  // namespace

Result<ActivityDag> BuildActivityDag(const ResourceGraph& graph, const ActivityTable& table,
                                     FuseMode fuse) {
  HOLDFAST_CHECK(table.choices.size() == graph.size());
  HOLDFAST_ASSIGN_OR_RETURN(const Walk walk, WalkGraph(graph));
  const ReducedGraph reduced = ReduceResourceGraph(graph);
  HOLDFAST_ASSIGN_OR_RETURN(const Digraph activity_order,
                            OrderActivities(graph, reduced, walk.parents_first, table));
  HOLDFAST_ASSIGN_OR_RETURN(auto gates, GatesOfActivities(graph, walk.parents_first, table));

  StepTable steps = FormSteps(walk, table);
  HOLDFAST_ASSIGN_OR_RETURN(Digraph order, OrderSteps(graph, table, steps, activity_order));
  const Reduction reduction = ReduceTransitively(order, SettledEdges(reduced, steps, order));
  order = KeptEdges(order, reduction);
  if (fuse == FuseMode::kLeaf) steps = FuseLeaves(graph, walk, table, std::move(steps), order);
  const std::vector<LinkKind> links = LinksOf(order, steps, activity_order, gates);

  ActivityDag dag;
  if (reduction.unproven != 0) {
    dag.notes.push_back(fmt::format(
        "the graph is too large to be reduced wholly: {} links of the order may be implied by "
        "others; the order is the same with and without them",
        reduction.unproven));
  }
  dag.step_of = std::move(steps.step_of);
  dag.steps.resize(steps.activities.size());
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    ActivityDag::Step& step = dag.steps[i];
    step.activities = std::move(steps.activities[i]);
    step.gates.reserve(step.activities.size());
    for (const ActivityRef activity : step.activities) {
      step.gates.push_back(std::move(gates[ActivityIndex(activity)]));
    }
  }
  // Edges are sorted by their start, so each step's list comes out sorted.
  for (std::size_t i = 0; i < order.edge_count(); ++i) {
    const Digraph::Edge edge = order.edges()[i];
    dag.steps[edge.to].order.push_back({StepId{edge.from}, links[i]});
  }
  return dag;
}

}  // namespace holdfast::compiler
