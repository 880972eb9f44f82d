#include "compiler/graph/dominators.h"

#include <cstddef>
#include <utility>

namespace holdfast::compiler {

DominatorTree::DominatorTree(const Digraph& graph, std::span<const std::uint32_t> parents_first)
    : parent_(graph.size() + std::size_t{1}),
      depth_(graph.size() + std::size_t{1}, 0),
      jump_(graph.size() + std::size_t{1}) {
  parent_[root()] = root();
  jump_[root()] = root();
  // What the parents met so far have in common.
  std::vector<std::uint32_t> common(graph.size(), root());
  std::vector<bool> has_parent(graph.size(), false);
  for (const std::uint32_t node : parents_first) {
    Hang(node, common[node]);
    for (const Digraph::Edge& edge : graph.out_edges(node)) {
      common[edge.to] = has_parent[edge.to] ? NearestCommon(common[edge.to], node) : node;
      has_parent[edge.to] = true;
    }
  }
}

void DominatorTree::Hang(std::uint32_t node, std::uint32_t parent) {
  parent_[node] = parent;
  depth_[node] = depth_[parent] + 1;
  const std::uint32_t over = jump_[parent];
  const bool twice = depth_[parent] - depth_[over] == depth_[over] - depth_[jump_[over]];
  jump_[node] = twice ? jump_[over] : parent;
}

std::uint32_t DominatorTree::NearestCommon(std::uint32_t a, std::uint32_t b) const {
  if (depth_[a] < depth_[b]) std::swap(a, b);
  while (depth_[a] > depth_[b]) a = depth_[jump_[a]] >= depth_[b] ? jump_[a] : parent_[a];
  while (a != b) {
    // Nodes of one depth jump equally far.
    const bool far = jump_[a] != jump_[b];
    a = far ? jump_[a] : parent_[a];
    b = far ? jump_[b] : parent_[b];
  }
  return a;
}

std::vector<bool> ClosedNodes(const Digraph& graph, const DominatorTree& dominators,
                              std::span<const std::uint32_t> parents_first) {
  // An edge counts at its start and is taken back at the immediate dominator of its end: what is left
  // in the subtree of a node are the edges that leave it.
  std::vector<std::int64_t> leaving(graph.size() + std::size_t{1}, 0);
  for (const Digraph::Edge& edge : graph.edges()) {
    ++leaving[edge.from];
    --leaving[dominators.parent(edge.to)];
  }
  std::vector<bool> closed(graph.size());
  for (std::size_t i = parents_first.size(); i-- != 0;) {
    const std::uint32_t node = parents_first[i];
    closed[node] = leaving[node] == 0;
    leaving[dominators.parent(node)] += leaving[node];
  }
  return closed;
}

}  // namespace holdfast::compiler
