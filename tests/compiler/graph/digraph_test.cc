#include "compiler/graph/digraph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace holdfast::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Digraph, KeepsOneOfTwoEqualEdgesAndSortsThem) {
  const Digraph graph(3, {{2, 0}, {0, 1}, {2, 0}, {0, 2}});
  EXPECT_THAT(graph.edges(),
              ElementsAre(Digraph::Edge{0, 1}, Digraph::Edge{0, 2}, Digraph::Edge{2, 0}));
  EXPECT_EQ(graph.first_edge(2), 2U);
  EXPECT_THAT(graph.out_edges(1), IsEmpty());
}

TEST(Digraph, NamesComponentsByTheirSmallestNode) {
  const Digraph graph(6, {{4, 1}, {5, 4}, {3, 2}});
  EXPECT_THAT(graph.Components(), ElementsAre(0, 1, 2, 2, 1, 1));
}

TEST(DepthFirst, EntersAndLeavesEachNodeOnce) {
  // A diamond: 3 is below 1 and below 2.
  const Digraph graph(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  const DepthFirstSearch search = SearchDepthFirst(graph, std::vector<std::uint32_t>{0});
  std::vector<int> events;  // n + 1 on entry, -(n + 1) on exit
  for (const auto& e : search.events) {
    events.push_back((e.enter ? 1 : -1) * (static_cast<int>(e.node) + 1));
  }
  EXPECT_THAT(events, ElementsAre(1, 2, 4, -4, -2, 3, -3, -1));
  EXPECT_THAT(search.cycle, IsEmpty());
}

TEST(DepthFirst, FindsTheCycleAndNotTheWayToIt) {
  const Digraph graph(5, {{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}});
  EXPECT_THAT(SearchDepthFirst(graph, std::vector<std::uint32_t>{0}).cycle, ElementsAre(1, 2, 3));
}

TEST(DepthFirst, FindsACycleThatNoRootReaches) {
  const Digraph graph(3, {{1, 2}, {2, 1}});
  EXPECT_THAT(SearchDepthFirst(graph, std::vector<std::uint32_t>{0}).cycle, ElementsAre(1, 2));
}

TEST(DepthFirst, FindsAnEdgeFromANodeToItself) {
  EXPECT_THAT(SearchDepthFirst(Digraph(2, {{1, 1}}), {}).cycle, ElementsAre(1));
}

TEST(DepthFirst, NeedsNoStackForAChainOfAMillion) {
  constexpr std::uint32_t kLength = 1'000'000;
  std::vector<Digraph::Edge> edges;
  for (std::uint32_t i = 0; i + 1 < kLength; ++i) edges.push_back({i, i + 1});
  const Digraph graph(kLength, edges);
  EXPECT_EQ(SearchDepthFirst(graph, {}).events.size(), 2U * kLength);
  EXPECT_EQ(TopologicalOrder(graph)->back(), kLength - 1);
  edges.push_back({kLength - 1, 0});
  EXPECT_EQ(SearchDepthFirst(Digraph(kLength, edges), {}).cycle.size(), kLength);
}

TEST(TopologicalOrder, PutsEveryNodeBeforeItsSuccessors) {
  const Digraph graph(5, {{4, 0}, {0, 3}, {4, 2}, {2, 3}, {3, 1}});
  const auto order = TopologicalOrder(graph);
  ASSERT_TRUE(order.has_value());
  std::vector<std::size_t> place(5);
  for (std::size_t i = 0; i < 5; ++i) place[(*order)[i]] = i;
  for (const auto& edge : graph.edges()) EXPECT_LT(place[edge.from], place[edge.to]);
}

TEST(TopologicalOrder, IsNothingForACycle) {
  EXPECT_FALSE(TopologicalOrder(Digraph(3, {{0, 1}, {1, 2}, {2, 0}})).has_value());
}

TEST(CriticalPath, AddsUpTheLongestChain) {
  //   0 -> 1 -> 3    1 is slow, 2 is not
  //   0 -> 2 -> 3    4 stands alone
  const Digraph graph(5, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  const auto path = LongestPath(graph, std::vector<double>{1, 5, 2, 1, 6.5});
  ASSERT_TRUE(path.has_value());
  EXPECT_THAT(path->nodes, ElementsAre(0, 1, 3));
  EXPECT_DOUBLE_EQ(path->duration, 7);
}

TEST(CriticalPath, MayBeOneNodeThatStandsAlone) {
  const Digraph graph(3, {{0, 1}});
  const auto path = LongestPath(graph, std::vector<double>{1, 1, 6});
  ASSERT_TRUE(path.has_value());
  EXPECT_THAT(path->nodes, ElementsAre(2));
}

TEST(CriticalPath, OfAnEmptyGraphIsEmptyAndOfACycleNothing) {
  ASSERT_TRUE(LongestPath(Digraph(), {}).has_value());
  EXPECT_THAT(LongestPath(Digraph(), {})->nodes, IsEmpty());
  EXPECT_FALSE(LongestPath(Digraph(2, {{0, 1}, {1, 0}}), std::vector<double>{1, 1}).has_value());
}

}  // namespace
}  // namespace holdfast::compiler
