#include "compiler/dag/activity_gates.h"

#include <algorithm>
#include <string>

#include "compiler/dag/activity_order.h"
#include "compiler/dag/activity_sets.h"
#include "compiler/graph/walk.h"

namespace holdfast::compiler {

Result<std::vector<std::vector<ActivityRef>>> GatesOfActivities(
    const ResourceGraph& graph, std::span<const ResourceId> parents_first,
    const ActivityTable& table, std::size_t max_gates) {
  std::vector<std::vector<ActivityRef>> gates(graph.size() * kActivityKindCount);
  ActivitySets sets(static_cast<std::uint32_t>(gates.size()));
  // By resource: what must have succeeded for its pre to count as succeeded.
  std::vector<ActivitySets::Set> passed(graph.size(), ActivitySets::kEmpty);
  std::vector<ActivitySets::Set> members;
  std::vector<std::uint32_t> listed;
  std::size_t total = 0;
  const auto set_gates = [&](ResourceId r, ActivityKind kind, ActivitySets::Set set) {
    if (!table.Exists(r, kind)) return;
    listed.clear();
    sets.List({&set, 1}, listed);
    if (kind == ActivityKind::kParallel && table.Exists(r, ActivityKind::kPreFinish)) {
      const std::uint32_t own = ActivityIndex(r, ActivityKind::kPreFinish);
      listed.insert(std::upper_bound(listed.begin(), listed.end(), own), own);
    }
    auto& list = gates[ActivityIndex(r, kind)];
    list.reserve(listed.size());
    for (const std::uint32_t gate : listed) list.push_back(ActivityAt(gate));
    total += listed.size();
  };
  for (const ResourceId r : parents_first) {
    members.clear();
    for (const ResourceId parent : graph.parents(r)) members.push_back(passed[parent.value]);
    passed[r.value] = sets.Union(members);
    set_gates(r, ActivityKind::kPre, passed[r.value]);
    if (table.Exists(r, ActivityKind::kPre)) {
      passed[r.value] = sets.Single(ActivityIndex(r, ActivityKind::kPre));
    }
    set_gates(r, ActivityKind::kPreFinish, passed[r.value]);
    set_gates(r, ActivityKind::kParallel, passed[r.value]);
    set_gates(r, ActivityKind::kPost, passed[r.value]);
    if (total > max_gates) {
      return InvalidInput("the activities of this graph have too many gates: " +
                          std::to_string(total) + " up to " + LabelOf(graph.node(r)))
          .Hint(
              "many resources hang below many parents through one without a pre: protect them "
              "in several plans");
    }
  }
  return gates;
}

}  // namespace holdfast::compiler
