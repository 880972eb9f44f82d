#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/compile.h"
#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// A large random graph, and which activities its resources have: the same for the same seed.
struct LargeGraph {
  std::uint64_t seed = 0;
  std::string_view form;  // "star"
  ResourceGraph graph;
  ActivityTable table;  // no aggregation
  std::string plan;     // a plan's file: the roots, a policy, a schedule
};

// Seeds that follow each other take turns: forests, diamonds, stars with 5,000 children, chains 300
// deep, many children below many parents.
inline constexpr std::uint64_t kLargeForms = 5;
LargeGraph MakeLargeGraph(std::uint64_t seed);
// Of up to 14 resources, for what is compared to small graphs.
LargeGraph MakeSmallGraph(std::uint64_t seed);

// The same graph, table and plan made from lists in another order; contents are equal.
LargeGraph Shuffled(const LargeGraph& large);

struct ShardSize {
  std::uint32_t max_tasks_per_template = 200;
  std::uint32_t max_tasks_per_workflow = 1500;
};
CompileInput InputOf(const LargeGraph& large, ShardSize size, FuseMode fuse);

}  // namespace holdfast::compiler
