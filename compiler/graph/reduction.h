#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/graph/digraph.h"

namespace holdfast::compiler {

// How much work a transitive reduction may be. Both limits are counts, so that the outcome is the
// same on every machine.
struct ReductionLimits {
  // A component (nodes that edges join, whatever their direction) of up to so many nodes is always
  // reduced.
  std::size_t component_nodes = 30'000;
  // A larger one is reduced when this many 64-bit operations are enough (about half a second).
  std::size_t operations = std::size_t{1} << 30;
};

struct Reduction {
  // By edge number: false = another path leads from its start to its end.
  std::vector<bool> keep;
  // Edges of components that were too large: kept, though other paths may imply them.
  std::size_t unproven = 0;
};

// The transitive reduction of an acyclic graph (the least set of its edges with the same
// reachability; it is unique). `settled`, when not empty, is by edge number: the caller knows of
// these that no other path implies them.
// Linear where every edge is settled or leads from one level of the graph to the next (trees,
// ladders), else bitsets: edges x starts in question / 64. Never recursive.
Reduction ReduceTransitively(const Digraph& graph, const std::vector<bool>& settled = {},
                             const ReductionLimits& limits = {});

}  // namespace holdfast::compiler
