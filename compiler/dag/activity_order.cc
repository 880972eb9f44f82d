#include "compiler/dag/activity_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "compiler/dag/activity_sets.h"
#include "compiler/graph/reduction.h"
#include "compiler/graph/walk.h"

namespace holdfast::compiler {
namespace {

using Set = ActivitySets::Set;

// Hands the nearest existing activities from resource to resource: down the graph for pre, up it
// for pre_finish and post.
//
// Where a set comes to a place by two ways, one of them may say more than the other, and only that
// one is kept. These rules are exact in trees (so that no reduction has to follow there), and right
// everywhere; the property tests hold both claims against a brute-force closure.
//   1. What comes before r.pre comes before everything that any child of r hands up, since
//      r.pre -> c.pre -> c.pre_finish, c.post. So r hands up `pre_set(r)` itself only when nothing
//      else comes up.
//   2. Where r has a pre_finish, every pre and pre_finish that its children hand up comes before
//      it; only parallel and post of theirs are handed up past it.
class Orderer {
 public:
  Orderer(const ResourceGraph& graph, const ReducedGraph& reduced,
          std::span<const ResourceId> parents_first, const ActivityTable& table,
          std::size_t max_edges)
      : graph_(graph),
        reduced_(reduced),
        parents_first_(parents_first),
        table_(table),
        max_edges_(max_edges),
        sets_(static_cast<std::uint32_t>(graph.size() * kActivityKindCount)),
        pre_(graph.size(), ActivitySets::kEmpty) {}

  Result<Digraph> Run() {
    HOLDFAST_RETURN_IF_ERROR(Prepare());
    HOLDFAST_RETURN_IF_ERROR(FinishPreparations());
    HOLDFAST_RETURN_IF_ERROR(Complete());
    return Digraph(static_cast<std::uint32_t>(graph_.size() * kActivityKindCount),
                   std::move(edges_));
  }

 private:
  bool Exists(std::uint32_t r, ActivityKind kind) const {
    return table_.Exists(ResourceId{r}, kind);
  }
  Set Single(std::uint32_t r, ActivityKind kind) {
    return sets_.Single(ActivityIndex(ResourceId{r}, kind));
  }

  // Every activity of `before` comes before this one.
  Status Order(std::span<const Set> before, std::uint32_t r, ActivityKind kind) {
    listed_.clear();
    sets_.List(before, listed_);
    const std::uint32_t to = ActivityIndex(ResourceId{r}, kind);
    for (const std::uint32_t from : listed_) edges_.push_back({from, to});
    if (edges_.size() <= max_edges_) return Ok();
    return InvalidInput("the order of this graph's activities takes too many links: " +
                        std::to_string(edges_.size()) + " up to " +
                        std::string(NameOf(kind)) + " of " + LabelOf(graph_.node(ResourceId{r})))
        .Hint("many resources hang below many parents through one that has no such activity: "
              "protect them in several plans");
  }

  // pre_[r]: r.pre, or the nearest ones before it.
  Status Prepare() {
    std::vector<std::uint32_t> parent_begin(graph_.size() + 1, 0);
    for (const auto& edge : reduced_.children.edges()) ++parent_begin[edge.to + 1];
    std::partial_sum(parent_begin.begin(), parent_begin.end(), parent_begin.begin());
    std::vector<std::uint32_t> parents(reduced_.children.edge_count());
    std::vector<std::uint32_t> next(parent_begin.begin(), parent_begin.end() - 1);
    for (const auto& edge : reduced_.children.edges()) parents[next[edge.to]++] = edge.from;

    for (const ResourceId resource : parents_first_) {
      const std::uint32_t r = resource.value;
      members_.clear();
      for (std::uint32_t i = parent_begin[r]; i < parent_begin[r + 1]; ++i) {
        members_.push_back(pre_[parents[i]]);
      }
      pre_[r] = sets_.Union(members_);
      if (!Exists(r, ActivityKind::kPre)) continue;
      HOLDFAST_RETURN_IF_ERROR(Order({&pre_[r], 1}, r, ActivityKind::kPre));
      pre_[r] = Single(r, ActivityKind::kPre);
    }
    return Ok();
  }

  Status FinishPreparations() {
    // Only what stands below a pre_finish, or has one, is asked for its preparation.
    std::vector<bool> needed(graph_.size(), false);
    for (const ResourceId r : parents_first_) {
      if (Exists(r.value, ActivityKind::kPreFinish)) needed[r.value] = true;
      if (!needed[r.value]) continue;
      for (const auto& edge : reduced_.children.out_edges(r.value)) needed[edge.to] = true;
    }
    std::vector<Set> prepared(graph_.size(), ActivitySets::kEmpty);
    for (auto at = parents_first_.rbegin(); at != parents_first_.rend(); ++at) {
      const std::uint32_t r = at->value;
      if (!needed[r]) continue;
      members_.clear();
      for (const auto& edge : reduced_.children.out_edges(r)) members_.push_back(prepared[edge.to]);
      KeepBeside(pre_[r], members_, false);
      prepared[r] = members_.empty() ? pre_[r] : sets_.Union(members_);
      if (!Exists(r, ActivityKind::kPreFinish)) continue;
      HOLDFAST_RETURN_IF_ERROR(Order({&prepared[r], 1}, r, ActivityKind::kPreFinish));
      prepared[r] = Single(r, ActivityKind::kPreFinish);
    }
    return Ok();
  }

  Status Complete() {
    // What a resource's completion waits for: preparations (pre, pre_finish), and the rest.
    std::vector<Set> early(graph_.size(), ActivitySets::kEmpty);
    std::vector<Set> late(graph_.size(), ActivitySets::kEmpty);
    for (auto at = parents_first_.rbegin(); at != parents_first_.rend(); ++at) {
      const std::uint32_t r = at->value;
      const bool has_pre_finish = Exists(r, ActivityKind::kPreFinish);
      const bool has_parallel = Exists(r, ActivityKind::kParallel);
      const Set own_start = has_pre_finish ? Single(r, ActivityKind::kPreFinish) : pre_[r];
      if (has_parallel) {
        HOLDFAST_RETURN_IF_ERROR(Order({&own_start, 1}, r, ActivityKind::kParallel));
      }
      members_.clear();
      if (has_parallel) members_.push_back(Single(r, ActivityKind::kParallel));
      for (const auto& edge : reduced_.children.out_edges(r)) members_.push_back(late[edge.to]);
      late[r] = sets_.Union(members_);

      if (has_pre_finish) {
        early[r] = has_parallel ? ActivitySets::kEmpty : own_start;
      } else {
        members_.clear();
        for (const auto& edge : reduced_.children.out_edges(r)) members_.push_back(early[edge.to]);
        KeepBeside(pre_[r], members_, late[r] != ActivitySets::kEmpty);
        const bool leaf = reduced_.children.out_edges(r).empty();
        early[r] = leaf && !has_parallel ? own_start : sets_.Union(members_);
      }
      if (!Exists(r, ActivityKind::kPost)) continue;
      HOLDFAST_RETURN_IF_ERROR(
          Order(std::array{early[r], late[r]}, r, ActivityKind::kPost));
      early[r] = ActivitySets::kEmpty;
      late[r] = Single(r, ActivityKind::kPost);
    }
    return Ok();
  }

  // Rule 1: removes `start` from what the children hand up, unless there is nothing beside it.
  static void KeepBeside(Set start, std::vector<Set>& members, bool beside) {
    beside = beside || std::any_of(members.begin(), members.end(), [&](Set member) {
               return member != start && member != ActivitySets::kEmpty;
             });
    if (beside) members.erase(std::remove(members.begin(), members.end(), start), members.end());
  }

  const ResourceGraph& graph_;
  const ReducedGraph& reduced_;
  std::span<const ResourceId> parents_first_;
  const ActivityTable& table_;
  std::size_t max_edges_;
  ActivitySets sets_;
  std::vector<Set> pre_;
  std::vector<Digraph::Edge> edges_;
  std::vector<Set> members_;
  std::vector<std::uint32_t> listed_;
};

}  // namespace

ReducedGraph ReduceResourceGraph(const ResourceGraph& graph) {
  const auto size = static_cast<std::uint32_t>(graph.size());
  std::vector<Digraph::Edge> edges;
  edges.reserve(graph.edges().size());
  for (const auto& edge : graph.edges()) edges.push_back({edge.parent.value, edge.child.value});
  Digraph whole(size, std::move(edges));
  const Reduction reduction = ReduceTransitively(whole);

  ReducedGraph reduced;
  reduced.unproven = reduction.unproven;
  std::vector<Digraph::Edge> kept;
  kept.reserve(whole.edge_count());
  for (std::size_t i = 0; i < whole.edge_count(); ++i) {
    if (reduction.keep[i]) kept.push_back(whole.edges()[i]);
  }
  reduced.children = Digraph(size, std::move(kept));

  std::vector<std::uint32_t> parents(size, 0);
  for (const auto& edge : reduced.children.edges()) ++parents[edge.to];
  const std::vector<std::uint32_t> component = reduced.children.Components();
  std::vector<bool> has_diamond(size, false);
  for (std::uint32_t r = 0; r < size; ++r) {
    if (parents[r] > 1) has_diamond[component[r]] = true;
  }
  reduced.in_tree.resize(size);
  for (std::uint32_t r = 0; r < size; ++r) reduced.in_tree[r] = !has_diamond[component[r]];
  return reduced;
}

Result<Digraph> OrderActivities(const ResourceGraph& graph, const ReducedGraph& reduced,
                                std::span<const ResourceId> parents_first,
                                const ActivityTable& table, std::size_t max_edges) {
  return Orderer(graph, reduced, parents_first, table, max_edges).Run();
}

}  // namespace holdfast::compiler
