#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// The gates of every activity that exists, by ActivityIndex, each list sorted (design: semantics):
//   r.pre                    for every parent p: p.pre where it exists, else the gates of p.pre
//   r.pre_finish and r.post  r.pre where it exists, else the gates of r.pre
//   r.parallel               the same, and r.pre_finish where it exists
// An empty list means: `begin` alone. None is left out, also where another one requires it, and
// every edge of the graph counts, also one that other paths imply.
// Linear in what it returns and in the graph; kInvalidInput when there would be more than
// `max_gates` in all.
inline constexpr std::size_t kMaxGates = 20'000'000;
Result<std::vector<std::vector<ActivityRef>>> GatesOfActivities(
    const ResourceGraph& graph, std::span<const ResourceId> parents_first,
    const ActivityTable& table, std::size_t max_gates = kMaxGates);

}  // namespace holdfast::compiler
