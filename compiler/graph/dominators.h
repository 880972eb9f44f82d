#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/graph/digraph.h"

namespace holdfast::compiler {

// The dominator tree of an acyclic graph under one more node, the root, that has an edge to every
// node without parents: each node's immediate dominator is the nearest node that is on every path
// from the root to it.
class DominatorTree {
 public:
  // `parents_first`: every node, each after all nodes that have an edge to it. O((n + e) log n),
  // linear for forests; never recursive.
  DominatorTree(const Digraph& graph, std::span<const std::uint32_t> parents_first);

  std::uint32_t root() const { return static_cast<std::uint32_t>(parent_.size() - 1); }
  // The immediate dominator of a node of the graph; root() where there is no other.
  std::uint32_t parent(std::uint32_t node) const { return parent_[node]; }
  // The number of nodes above it; 0 for the root.
  std::uint32_t depth(std::uint32_t node) const { return depth_[node]; }
  // The nearest node that dominates both (a node dominates itself).
  std::uint32_t NearestCommon(std::uint32_t a, std::uint32_t b) const;

 private:
  void Hang(std::uint32_t node, std::uint32_t parent);

  std::vector<std::uint32_t> parent_;  // of root(): itself
  std::vector<std::uint32_t> depth_;
  // A node further up, so that any ancestor is a logarithmic number of jumps and steps away
  // (Myers, "An applicative random-access stack", 1983).
  std::vector<std::uint32_t> jump_;
};

// By node: whether all parents of everything below it (other than itself) are itself or below it,
// so that it and all below it can be treated as one.
std::vector<bool> ClosedNodes(const Digraph& graph, const DominatorTree& dominators,
                              std::span<const std::uint32_t> parents_first);

}  // namespace holdfast::compiler
