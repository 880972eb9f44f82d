#include "compiler/graph/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace holdfast::compiler {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(Reduction, DropsTheEdgeBesideALongerPath) {
  // 0 -> 3 stands beside 0 -> 1 -> 2 -> 3; the other way to 3, over 4, is needed.
  const Digraph graph(5, {{0, 1}, {0, 3}, {0, 4}, {1, 2}, {2, 3}, {4, 3}});
  const Reduction reduction = ReduceTransitively(graph);
  EXPECT_THAT(reduction.keep, ElementsAre(true, false, true, true, true, true));
  EXPECT_EQ(reduction.unproven, 0U);
}

TEST(Reduction, KeepsWhatTheCallerHasSettled) {
  const Digraph graph(3, {{0, 1}, {0, 2}, {1, 2}});
  EXPECT_THAT(ReduceTransitively(graph, {true, true, true}).keep, Each(true));
}

TEST(Reduction, LeavesAComponentThatIsTooLargeAndSaysHowMuch) {
  // The path beside 0 -> 4 is longer than two edges and its ends have others: only bitsets tell.
  const Digraph graph(6, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}, {5, 4}});
  const Reduction reduction =
      ReduceTransitively(graph, {}, {.component_nodes = 5, .operations = 0});
  EXPECT_THAT(reduction.keep, Each(true));
  EXPECT_EQ(reduction.unproven, 1U);
  EXPECT_EQ(ReduceTransitively(graph, {}, {.component_nodes = 6, .operations = 0}).unproven, 0U);
}

// Against a plain closure, on graphs in which many sweeps are needed.
class ReductionOfLargeGraphs : public ::testing::TestWithParam<int> {};

TEST_P(ReductionOfLargeGraphs, EqualsBruteForce) {
  constexpr std::uint32_t kNodes = 1'600;
  std::mt19937 random(static_cast<std::mt19937::result_type>(GetParam()));
  std::vector<Digraph::Edge> edges;
  const std::uint32_t reach = GetParam() % 2 == 0 ? 40 : kNodes;
  for (std::uint32_t i = 0; i < kNodes * 4; ++i) {
    const std::uint32_t from = static_cast<std::uint32_t>(random() % (kNodes - 1));
    const std::uint32_t to =
        from + 1 + static_cast<std::uint32_t>(random() % std::min(reach, kNodes - from - 1));
    // Numbers that say nothing about the order.
    edges.push_back({from * 7 % kNodes, to * 7 % kNodes});
  }
  const Digraph graph(kNodes, edges);
  const auto order = TopologicalOrder(graph);
  ASSERT_TRUE(order.has_value());
  std::vector<std::vector<bool>> reaches(kNodes, std::vector<bool>(kNodes, false));
  for (auto node = order->rbegin(); node != order->rend(); ++node) {
    for (const auto& edge : graph.out_edges(*node)) {
      reaches[*node][edge.to] = true;
      for (std::uint32_t i = 0; i < kNodes; ++i) {
        if (reaches[edge.to][i]) reaches[*node][i] = true;
      }
    }
  }
  const Reduction reduction = ReduceTransitively(graph);
  EXPECT_EQ(reduction.unproven, 0U);
  for (std::size_t i = 0; i < graph.edge_count(); ++i) {
    const auto [from, to] = graph.edges()[i];
    bool implied = false;
    for (const auto& edge : graph.out_edges(from)) implied = implied || reaches[edge.to][to];
    ASSERT_EQ(reduction.keep[i], !implied) << from << " -> " << to;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReductionOfLargeGraphs, ::testing::Range(1, 5));

}  // namespace
}  // namespace holdfast::compiler
