#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/graph/digraph.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// The number of an activity among all activities, existing or not, of a graph.
inline std::uint32_t ActivityIndex(ResourceId resource, ActivityKind kind) {
  return resource.value * static_cast<std::uint32_t>(kActivityKindCount) +
         static_cast<std::uint32_t>(kind);
}
inline std::uint32_t ActivityIndex(const ActivityRef& activity) {
  return ActivityIndex(activity.resource, activity.kind);
}
inline ActivityRef ActivityAt(std::uint32_t index) {
  return {ResourceId{index / static_cast<std::uint32_t>(kActivityKindCount)},
          static_cast<ActivityKind>(index % kActivityKindCount)};
}

// The edges of a resource graph that no other path implies, and which resources stand in a tree.
struct ReducedGraph {
  Digraph children;
  // By resource: every resource of its component has at most one parent.
  std::vector<bool> in_tree;
  // Edges that may be implied by others: the component was too large to find out.
  std::size_t unproven = 0;
};

// The transitive reduction of an acyclic resource graph (the caller has walked it). The order of
// activities made from it is that of the whole graph. Linear for forests.
ReducedGraph ReduceResourceGraph(const ResourceGraph& graph);

// The order of the activities that exist, each with the nearest ones before it: edges between
// activity numbers (ActivityIndex). Its transitive closure is exactly the closure of the links
//   p.pre -> r.pre,  r.pre -> r.parallel,  r.parallel -> r.post,  r.post -> p.post
// for every resource r and parent p, and of pre_finish (design: semantics)
//   r.pre -> r.pre_finish,  the preparation of every descendant -> r.pre_finish,
//   r.pre_finish -> r.parallel where r's plugin defines it,
// taken over all activities and then restricted to those that exist. In trees it is reduced, too:
// no edge is implied by others. Linear in trees; elsewhere a resource that many need and that many
// others hang below costs their product where it has no activity of its own: kInvalidInput past
// `max_edges`, with the resource's name.
inline constexpr std::size_t kMaxOrderEdges = 20'000'000;
Result<Digraph> OrderActivities(const ResourceGraph& graph, const ReducedGraph& reduced,
                                std::span<const ResourceId> parents_first,
                                const ActivityTable& table, std::size_t max_edges = kMaxOrderEdges);

}  // namespace holdfast::compiler
