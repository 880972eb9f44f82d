#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace holdfast::compiler {

// A directed graph over the nodes 0 to size()-1, without parallel edges, immutable: what the
// algorithms below work on, whatever the nodes stand for (resources, activities, steps).
// Edges are sorted by (from, to) and have the numbers 0 to edge_count()-1 in that order, so that
// nothing depends on the order in which they were given. As thread-safe as any const object.
class Digraph {
 public:
  struct Edge {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };

  Digraph() : begin_(1, 0) {}
  // Both ends of every edge are below `size`. An edge given twice is one edge; one from a node to
  // itself is kept (and is a cycle).
  Digraph(std::uint32_t size, std::vector<Edge> edges);

  std::uint32_t size() const { return static_cast<std::uint32_t>(begin_.size() - 1); }
  std::size_t edge_count() const { return edges_.size(); }
  const std::vector<Edge>& edges() const { return edges_; }
  // The edges that leave a node, sorted by their other end.
  std::span<const Edge> out_edges(std::uint32_t node) const {
    return std::span(edges_).subspan(begin_[node], begin_[node + 1] - begin_[node]);
  }
  // The number of the first edge of out_edges(node).
  std::size_t first_edge(std::uint32_t node) const { return begin_[node]; }
  // By node: the smallest node of its component (the nodes that edges join, whatever their
  // direction). Practically linear.
  std::vector<std::uint32_t> Components() const;

 private:
  std::vector<Edge> edges_;
  std::vector<std::size_t> begin_;  // size() + 1 offsets into edges_
};

// One event of a depth-first search: a node is entered before, and left after, everything that is
// found below it.
struct DepthFirstEvent {
  std::uint32_t node = 0;
  bool enter = true;
};

// A depth-first search over the whole graph: from each of `roots` in their order, then from each
// node that was not reached, in order. Nodes and edges are each looked at once; the search keeps
// its own stack, so a chain may be as long as memory allows.
struct DepthFirstSearch {
  std::vector<DepthFirstEvent> events;  // two a node
  // The first cycle that was met, each node once, in the direction of the edges, starting where
  // the search came upon it; empty = there is none.
  std::vector<std::uint32_t> cycle;
};
DepthFirstSearch SearchDepthFirst(const Digraph& graph, std::span<const std::uint32_t> roots);

// Every node before all nodes that its edges lead to; nothing when the graph has a cycle.
std::optional<std::vector<std::uint32_t>> TopologicalOrder(const Digraph& graph);

// The chain of nodes, each joined to the next by an edge, whose durations add up to the most: what
// a run waited for. `durations` is by node, not negative, in any unit. Of several such chains the
// one that the order of the nodes' numbers puts first. Nothing when the graph has a cycle; an
// empty chain for an empty graph.
struct CriticalPath {
  std::vector<std::uint32_t> nodes;
  double duration = 0;
};
std::optional<CriticalPath> LongestPath(const Digraph& graph, std::span<const double> durations);

}  // namespace holdfast::compiler
