#include "compiler/graph/dominators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace holdfast::compiler {
namespace {

// By node: what can be reached from the nodes without parents, without going through `without`.
std::vector<bool> ReachedWithout(const Digraph& graph, std::uint32_t without) {
  std::vector<bool> has_parent(graph.size(), false);
  for (const auto& edge : graph.edges()) has_parent[edge.to] = true;
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    if (!has_parent[i] && i != without) open.push_back(i);
  }
  std::vector<bool> reached(graph.size(), false);
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (reached[at]) continue;
    reached[at] = true;
    for (const auto& edge : graph.out_edges(at)) {
      if (edge.to != without) open.push_back(edge.to);
    }
  }
  return reached;
}

std::vector<bool> BelowAndItself(const Digraph& graph, std::uint32_t node) {
  std::vector<bool> below(graph.size(), false);
  std::vector<std::uint32_t> open{node};
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (below[at]) continue;
    below[at] = true;
    for (const auto& edge : graph.out_edges(at)) open.push_back(edge.to);
  }
  return below;
}

Digraph RandomDag(std::mt19937& random) {
  const std::uint32_t size = 1 + random() % 24;
  std::vector<Digraph::Edge> edges;
  const std::uint32_t most = random() % 4;
  for (std::uint32_t to = 1; to < size; ++to) {
    for (std::uint32_t i = random() % (most + 1); i != 0; --i)
      edges.push_back({static_cast<std::uint32_t>(random() % to), to});
  }
  return Digraph(size, std::move(edges));
}

TEST(DominatorTree, IsWhatEveryPathGoesThrough) {
  std::mt19937 random(20261128);
  for (int round = 0; round < 500; ++round) {
    const Digraph graph = RandomDag(random);
    const DominatorTree tree(graph, *TopologicalOrder(graph));
    std::vector<std::vector<bool>> without;
    for (std::uint32_t i = 0; i < graph.size(); ++i) without.push_back(ReachedWithout(graph, i));
    const auto dominates = [&](std::uint32_t a, std::uint32_t b) {
      return a == tree.root() || !without[a][b];
    };
    for (std::uint32_t node = 0; node < graph.size(); ++node) {
      const std::uint32_t nearest = tree.parent(node);
      ASSERT_NE(nearest, node);
      ASSERT_TRUE(dominates(nearest, node));
      ASSERT_EQ(tree.depth(node), tree.depth(nearest) + 1);
      for (std::uint32_t other = 0; other < graph.size(); ++other) {
        // Whatever else dominates it dominates the nearest one, too.
        if (other != node && dominates(other, node) && nearest != tree.root()) {
          ASSERT_TRUE(other == nearest || dominates(other, nearest));
        }
        const std::uint32_t both = tree.NearestCommon(node, other);
        ASSERT_TRUE(dominates(both, node) && dominates(both, other));
        for (std::uint32_t third = 0; third < graph.size(); ++third) {
          if (dominates(third, node) && dominates(third, other)) {
            ASSERT_TRUE(both != tree.root() && dominates(third, both));
          }
        }
      }
    }
  }
}

TEST(ClosedNodes, HaveAllParentsOfWhatIsBelowThem) {
  std::mt19937 random(20261129);
  std::size_t closed_count = 0;
  std::size_t open_count = 0;
  for (int round = 0; round < 500; ++round) {
    const Digraph graph = RandomDag(random);
    const auto order = *TopologicalOrder(graph);
    const std::vector<bool> closed = ClosedNodes(graph, DominatorTree(graph, order), order);
    for (std::uint32_t node = 0; node < graph.size(); ++node) {
      const std::vector<bool> below = BelowAndItself(graph, node);
      const bool expected =
          std::none_of(graph.edges().begin(), graph.edges().end(), [&](const Digraph::Edge& edge) {
            return edge.to != node && below[edge.to] && !below[edge.from];
          });
      ASSERT_EQ(closed[node], expected) << node;
      ++(expected ? closed_count : open_count);
    }
  }
  EXPECT_GT(closed_count, 1000U);
  EXPECT_GT(open_count, 1000U);
}

TEST(DominatorTree, OfALongChainTakesLinearTime) {
  constexpr std::uint32_t kLength = 1'000'000;
  std::vector<Digraph::Edge> edges;
  for (std::uint32_t i = 1; i < kLength; ++i) {
    edges.push_back({i - 1, i});
    if (i % 2 == 0) edges.push_back({i - 2, i});  // over the one between
    if (i > 1) edges.push_back({0, i});
  }
  const Digraph graph(kLength, std::move(edges));
  const DominatorTree tree(graph, *TopologicalOrder(graph));
  EXPECT_EQ(tree.parent(kLength - 1), 0U);
  EXPECT_EQ(tree.parent(1), 0U);
}

}  // namespace
}  // namespace holdfast::compiler
