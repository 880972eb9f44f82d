#include "compiler/emit/mistral/group_entries.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace holdfast::compiler {
namespace {

// Where groups and steps stand in the tree of groups.
struct Places {
  std::vector<std::uint32_t> group_of_step;
  std::vector<std::uint32_t> parent;  // by group; of the first one itself
  std::vector<std::int64_t> depth;    // by group

  Places(const ActivityDag& dag, const std::vector<StepGroup>& groups)
      : group_of_step(dag.steps.size(), 0), parent(groups.size(), 0), depth(groups.size(), 0) {
    std::vector<std::uint32_t> open{0};
    while (!open.empty()) {
      const std::uint32_t group = open.back();
      open.pop_back();
      for (const GroupItem& item : groups[group].items) {
        if (item.kind == GroupItem::Kind::kStep) {
          group_of_step[item.index] = group;
          continue;
        }
        parent[item.index] = group;
        depth[item.index] = depth[group] + 1;
        open.push_back(item.index);
      }
    }
  }

  // Of the lowest group that both steps are in.
  std::int64_t DepthOfCommon(std::uint32_t a, std::uint32_t b) const {
    std::uint32_t here = group_of_step[a];
    std::uint32_t there = group_of_step[b];
    while (here != there) {
      std::uint32_t& lower = depth[here] >= depth[there] ? here : there;
      lower = parent[lower];
    }
    return depth[here];
  }
};

// Of the lowest group that holds a gate of the step's, for that of its activities where it is the
// highest; -1: an activity without gates.
std::int64_t DepthOfGates(const ActivityDag& dag, const Places& places, std::uint32_t step) {
  const auto step_of = [&dag](const ActivityRef& gate) {
    return dag.step_of[gate.resource.value][static_cast<std::size_t>(gate.kind)];
  };
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  for (const std::vector<ActivityRef>& gates : dag.steps[step].gates) {
    // One that comes after another one of its own step runs only when that has.
    const bool first = std::none_of(gates.begin(), gates.end(),
                                    [&](const ActivityRef& gate) { return step_of(gate) == step; });
    if (!first) continue;
    std::int64_t lowest = -1;
    for (const ActivityRef& gate : gates)
      lowest = std::max(lowest, places.DepthOfCommon(step, step_of(gate)));
    highest = std::min(highest, lowest);
  }
  return highest;
}

}  // namespace

void SetEntries(const ActivityDag& dag, std::vector<StepGroup>& groups) {
  const Places places(dag, groups);
  for (std::uint32_t step = 0; step < dag.steps.size(); ++step) {
    std::uint32_t group = places.group_of_step[step];
    if (group == 0) continue;
    const std::int64_t gates = DepthOfGates(dag, places, step);
    for (; group != 0 && places.depth[group] > gates; group = places.parent[group]) {
      std::vector<std::uint32_t>& entries = groups[group].entries;
      const bool same =
          !entries.empty() && dag.steps[entries.back()].gates == dag.steps[step].gates;
      // One more than is asked for says that there are too many.
      if (!same && entries.size() <= kMostEntries) entries.push_back(step);
    }
  }
  for (StepGroup& group : groups) {
    if (group.entries.size() > kMostEntries) group.entries.clear();
  }
}

}  // namespace holdfast::compiler
