#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// What the DAG has to be, written down from the rules of the design as plainly as possible and
// without any code of the compiler: everything is a full matrix, and every rule is applied to every
// pair. For small graphs only.

using Matrix = std::vector<std::vector<bool>>;

// The transitive closure.
Matrix Close(Matrix matrix);

// By activity number (resource x 4 + kind): true = the first comes before the second. The closure
// of all links over all activities, existing or not; rows and columns of those that do not exist
// are then cleared.
Matrix OracleOrder(const ResourceGraph& graph, const ActivityTable& table);

// The gates of one activity, from their recursive definition; sorted.
std::vector<ActivityRef> OracleGates(const ResourceGraph& graph, const ActivityTable& table,
                                     ActivityRef activity);

// Which activities run, and which of them succeed, when those in `fails` fail if they run. By
// activity number.
struct OracleRun {
  std::vector<bool> ran;
  std::vector<bool> succeeded;
};
OracleRun RunOracle(const ResourceGraph& graph, const ActivityTable& table,
                    const std::vector<bool>& fails);

// Which activities stand in one step: sets of activities, each sorted, sorted. Empty when the
// aggregation closes a cycle.
std::vector<std::vector<ActivityRef>> OracleSteps(const ResourceGraph& graph,
                                                  const ActivityTable& table, FuseMode fuse);

}  // namespace holdfast::compiler
