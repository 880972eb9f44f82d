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

// How many links may be looked at to find what other paths imply (about half a second); a count,
// so that the result is the same on every machine.
constexpr std::size_t kPruneVisits = 100'000'000;
// Sets of up to so many activities are left to the reduction of the steps.
constexpr std::size_t kNotPruned = 16;

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
// Outside of trees more than that can be implied, and where activities are missing, what is handed
// on would grow from layer to layer. There each set is pruned: what comes before another member of
// the set is left out, as far as kPruneVisits goes. That is a matter of cost only.
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
        pre_(graph.size(), ActivitySets::kEmpty),
        links_(graph.size() * kActivityKindCount),
        depth_(graph.size(), 0),
        height_(graph.size(), 0),
        seen_(graph.size() * kActivityKindCount, 0),
        member_(graph.size() * kActivityKindCount, 0) {}

  Result<Digraph> Run() {
    MeasureResources();
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
    Links& links = links_[to];
    links.begin = edges_.size();
    for (const std::uint32_t from : listed_) edges_.push_back({from, to});
    links.end = edges_.size();
    if (edges_.size() <= max_edges_) return Ok();
    return InvalidInput("the order of this graph's activities takes too many links: " +
                        std::to_string(edges_.size()) + " up to " + std::string(NameOf(kind)) +
                        " of " + LabelOf(graph_.node(ResourceId{r})))
        .Hint(
            "many resources hang below many parents through one that has no such activity: "
            "protect them in several plans");
  }

  // Grows along every link: with the depth of the resource for pre, then with its height.
  std::int64_t Rank(std::uint32_t activity) const {
    const ActivityRef a = ActivityAt(activity);
    if (a.kind == ActivityKind::kPre) {
      return static_cast<std::int64_t>(depth_[a.resource.value]) -
             static_cast<std::int64_t>(graph_.size());
    }
    return std::int64_t{height_[a.resource.value]} * 4 + static_cast<std::int64_t>(a.kind);
  }

  void MeasureResources() {
    for (const ResourceId r : parents_first_) {
      for (const auto& edge : reduced_.children.out_edges(r.value)) {
        depth_[edge.to] = std::max(depth_[edge.to], depth_[r.value] + 1);
      }
    }
    for (auto at = parents_first_.rbegin(); at != parents_first_.rend(); ++at) {
      for (const auto& edge : reduced_.children.out_edges(at->value)) {
        height_[at->value] = std::max(height_[at->value], height_[edge.to] + 1);
      }
    }
  }

  // The union of `members`, pruned, as it is handed on from r.
  Set Join(std::uint32_t r, std::vector<Set>& members) {
    const Set set = sets_.Union(members);
    if (reduced_.in_tree[r] || set == ActivitySets::kEmpty || visits_left_ == 0) return set;
    if (set >= pruned_.size()) pruned_.resize(set + 1, ActivitySets::kEmpty);
    if (pruned_[set] != ActivitySets::kEmpty) return pruned_[set];
    listed_.clear();
    sets_.List({&set, 1}, listed_);
    visits_left_ -= std::min(visits_left_, listed_.size());
    if (listed_.size() > kNotPruned) {
      Prune(listed_);
      return pruned_[set] = sets_.Listed(listed_);
    }
    return pruned_[set] = set;
  }

  // Removes from `activities` those that come before another one of them: found by going back
  // along the links from all of them, no further than the first of them.
  void Prune(std::vector<std::uint32_t>& activities) {
    ++mark_;
    std::int64_t first = Rank(activities.front());
    for (const std::uint32_t activity : activities) {
      first = std::min(first, Rank(activity));
      member_[activity] = mark_;
    }
    bool any = false;
    open_ = activities;
    while (!open_.empty()) {
      const Links& links = links_[open_.back()];
      open_.pop_back();
      if (visits_left_ < links.end - links.begin) break;
      visits_left_ -= links.end - links.begin;
      for (std::size_t i = links.begin; i < links.end; ++i) {
        const std::uint32_t before = edges_[i].from;
        if (seen_[before] == mark_ || Rank(before) < first) continue;
        seen_[before] = mark_;
        any = any || member_[before] == mark_;
        open_.push_back(before);
      }
    }
    if (!any) return;
    std::erase_if(activities, [&](std::uint32_t activity) { return seen_[activity] == mark_; });
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
      pre_[r] = Join(r, members_);
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
      prepared[r] = members_.empty() ? pre_[r] : Join(r, members_);
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
      late[r] = Join(r, members_);

      if (has_pre_finish) {
        early[r] = has_parallel ? ActivitySets::kEmpty : own_start;
      } else {
        members_.clear();
        for (const auto& edge : reduced_.children.out_edges(r)) members_.push_back(early[edge.to]);
        KeepBeside(pre_[r], members_, late[r] != ActivitySets::kEmpty);
        const bool leaf = reduced_.children.out_edges(r).empty();
        early[r] = leaf && !has_parallel ? own_start : Join(r, members_);
      }
      if (!Exists(r, ActivityKind::kPost)) continue;
      HOLDFAST_RETURN_IF_ERROR(Order(std::array{early[r], late[r]}, r, ActivityKind::kPost));
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

  // What an activity comes after: its part of edges_.
  struct Links {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::vector<Links> links_;           // by activity number
  std::vector<std::uint32_t> depth_;   // by resource: the longest way from a root
  std::vector<std::uint32_t> height_;  // by resource: the longest way to a leaf
  std::vector<Set> pruned_;            // by set: the same, pruned; kEmpty = not yet
  std::vector<std::uint32_t> seen_;    // by activity number: the last prune that met it
  std::vector<std::uint32_t> member_;
  std::vector<std::uint32_t> open_;
  std::uint32_t mark_ = 0;
  std::size_t visits_left_ = kPruneVisits;
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
