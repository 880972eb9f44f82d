#include "compiler/graph/reduction.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "plugins/sdk/check.h"

// Boost has a transitive_reduction: it takes n x n bits and n x n steps whatever the graph is
// (1.25 GB for 100,000 nodes), so this is our own.

namespace holdfast::compiler {
namespace {

constexpr std::size_t kWordsPerRow = 8;  // starts in question that one sweep carries: 512
constexpr std::size_t kStartsPerSweep = kWordsPerRow * 64;
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

struct InEdge {
  std::uint32_t from;
  std::size_t edge;
};

class Reducer {
 public:
  Reducer(const Digraph& graph, const std::vector<bool>& settled, const ReductionLimits& limits)
      : graph_(graph), limits_(limits), in_question_(graph.edge_count(), false) {
    result_.keep.assign(graph.edge_count(), true);
    auto order = TopologicalOrder(graph);
    HOLDFAST_CHECK(order.has_value());
    order_ = std::move(*order);
    IndexInEdges();
    if (!FindEdgesInQuestion(settled)) return;
    if (DropTriangles()) ReduceComponents();
  }

  Reduction Take() && { return std::move(result_); }

 private:
  std::span<const InEdge> in_edges(std::uint32_t node) const {
    return std::span(in_edges_).subspan(in_begin_[node], in_begin_[node + 1] - in_begin_[node]);
  }

  void IndexInEdges() {
    in_begin_.assign(static_cast<std::size_t>(graph_.size()) + 1, 0);
    for (const Digraph::Edge& edge : graph_.edges()) ++in_begin_[edge.to + 1];
    std::partial_sum(in_begin_.begin(), in_begin_.end(), in_begin_.begin());
    in_edges_.resize(graph_.edge_count());
    std::vector<std::size_t> next(in_begin_.begin(), in_begin_.end() - 1);
    for (std::size_t i = 0; i < graph_.edge_count(); ++i) {
      const Digraph::Edge& edge = graph_.edges()[i];
      in_edges_[next[edge.to]++] = {edge.from, i};
    }
  }

  // An edge that is the only one out of its start or into its end, or that leads from one level
  // to the next (levels counted from the sources or from the sinks), has no other path beside it.
  bool FindEdgesInQuestion(const std::vector<bool>& settled) {
    std::vector<std::uint32_t> depth(graph_.size(), 0);
    std::vector<std::uint32_t> height(graph_.size(), 0);
    for (const std::uint32_t node : order_) {
      for (const auto& edge : graph_.out_edges(node)) {
        depth[edge.to] = std::max(depth[edge.to], depth[node] + 1);
      }
    }
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) {
      for (const auto& edge : graph_.out_edges(*node)) {
        height[*node] = std::max(height[*node], height[edge.to] + 1);
      }
    }
    bool any = false;
    for (std::size_t i = 0; i < graph_.edge_count(); ++i) {
      if (!settled.empty() && settled[i]) continue;
      const auto [from, to] = graph_.edges()[i];
      if (graph_.out_edges(from).size() == 1 || in_edges(to).size() == 1 ||
          depth[to] - depth[from] == 1 || height[from] - height[to] == 1) {
        continue;
      }
      in_question_[i] = true;
      any = true;
    }
    return any;
  }

  // Most implied edges stand beside a path of two; finding those first spares the bitsets. Nodes
  // for which that would be much work are left to them. True when edges in question remain.
  bool DropTriangles() {
    std::vector<std::size_t> edge_from(graph_.size(), 0);  // 1 + the edge from this node to `node`
    bool left = false;
    for (std::uint32_t node = 0; node < graph_.size(); ++node) {
      const auto edges = in_edges(node);
      if (std::none_of(edges.begin(), edges.end(),
                       [&](const InEdge& e) { return in_question_[e.edge]; })) {
        continue;
      }
      std::size_t work = 0;
      for (const InEdge& e : edges) work += in_edges(e.from).size();
      if (work > 8 * edges.size() + 64) {
        left = true;
        continue;
      }
      for (const InEdge& e : edges) edge_from[e.from] = e.edge + 1;
      for (const InEdge& e : edges) {
        for (const InEdge& before : in_edges(e.from)) {
          if (const std::size_t implied = edge_from[before.from]; implied != 0) {
            result_.keep[implied - 1] = false;
            in_question_[implied - 1] = false;
          }
        }
      }
      for (const InEdge& e : edges) {
        edge_from[e.from] = 0;
        left = left || in_question_[e.edge];
      }
    }
    return left;
  }

  void ReduceComponents() {
    const std::vector<std::uint32_t> component = graph_.Components();
    // Components with edges in question, in the order of their first node.
    std::vector<std::vector<std::uint32_t>> nodes;
    std::vector<std::uint32_t> number_of(graph_.size(), kNone);
    for (std::size_t i = 0; i < graph_.edge_count(); ++i) {
      if (!in_question_[i]) continue;
      std::uint32_t& number = number_of[component[graph_.edges()[i].from]];
      if (number == kNone) {
        number = static_cast<std::uint32_t>(nodes.size());
        nodes.emplace_back();
      }
    }
    for (const std::uint32_t node : order_) {
      const std::uint32_t number = number_of[component[node]];
      if (number != kNone) nodes[number].push_back(node);
    }
    position_.assign(graph_.size(), 0);
    for (const auto& component_nodes : nodes) ReduceComponent(component_nodes);
  }

  // `nodes`: one component in topological order.
  void ReduceComponent(const std::vector<std::uint32_t>& nodes) {
    std::size_t edge_count = 0;
    std::vector<std::uint32_t> starts;
    std::size_t questions = 0;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      position_[nodes[i]] = i;
      edge_count += graph_.out_edges(nodes[i]).size();
      std::size_t here = 0;
      for (std::size_t j = 0; j < graph_.out_edges(nodes[i]).size(); ++j) {
        here += in_question_[graph_.first_edge(nodes[i]) + j] ? 1 : 0;
      }
      if (here != 0) starts.push_back(nodes[i]);
      questions += here;
    }
    if (nodes.size() > limits_.component_nodes) {
      // Each sweep goes only from its first start to the last end in question.
      std::size_t rows = 0;
      for (std::size_t first = 0; first < starts.size(); first += kStartsPerSweep) {
        const auto [from, to] = SweepRange(SweepStarts(starts, first));
        rows += to - from + 1;
      }
      const std::size_t edges_a_row = edge_count / nodes.size() + 1;
      if (rows * edges_a_row * kWordsPerRow > limits_.operations) {
        result_.unproven += questions;
        return;
      }
    }
    for (std::size_t first = 0; first < starts.size(); first += kStartsPerSweep) {
      Sweep(nodes, SweepStarts(starts, first));
    }
  }

  static std::span<const std::uint32_t> SweepStarts(const std::vector<std::uint32_t>& starts,
                                                    std::size_t first) {
    return std::span(starts).subspan(first, std::min(kStartsPerSweep, starts.size() - first));
  }

  // The positions of the first start and of the last end in question.
  std::pair<std::size_t, std::size_t> SweepRange(std::span<const std::uint32_t> starts) const {
    std::size_t last = 0;
    for (const std::uint32_t start : starts) {
      for (std::size_t j = 0; j < graph_.out_edges(start).size(); ++j) {
        if (!in_question_[graph_.first_edge(start) + j]) continue;
        last = std::max<std::size_t>(last, position_[graph_.out_edges(start)[j].to]);
      }
    }
    return {position_[starts.front()], last};
  }

  // Carries, from node to node, which of up to 512 starts reach it; an edge in question is implied
  // when its start reaches another predecessor of its end.
  void Sweep(const std::vector<std::uint32_t>& nodes, std::span<const std::uint32_t> starts) {
    using Row = std::array<std::uint64_t, kWordsPerRow>;
    const auto [from, to] = SweepRange(starts);
    rows_.assign((to - from + 1) * kWordsPerRow, 0);
    column_.resize(graph_.size(), kNone);
    for (std::uint32_t i = 0; i < starts.size(); ++i) column_[starts[i]] = i;
    for (std::size_t at = from; at <= to; ++at) {
      const std::uint32_t node = nodes[at];
      Row reached{};
      for (const InEdge& e : in_edges(node)) {
        if (position_[e.from] < from) continue;
        const std::uint64_t* row = &rows_[(position_[e.from] - from) * kWordsPerRow];
        for (std::size_t w = 0; w < kWordsPerRow; ++w) reached[w] |= row[w];
      }
      for (const InEdge& e : in_edges(node)) {
        const std::uint32_t column = column_[e.from];
        if (column == kNone) continue;
        const std::uint64_t bit = std::uint64_t{1} << (column % 64);
        if (in_question_[e.edge] && (reached[column / 64] & bit) != 0) {
          result_.keep[e.edge] = false;
        }
      }
      for (const InEdge& e : in_edges(node)) {
        const std::uint32_t column = column_[e.from];
        if (column != kNone) reached[column / 64] |= std::uint64_t{1} << (column % 64);
      }
      std::copy(reached.begin(), reached.end(), &rows_[(at - from) * kWordsPerRow]);
    }
    for (const std::uint32_t start : starts) column_[start] = kNone;
  }

  const Digraph& graph_;
  const ReductionLimits& limits_;
  Reduction result_;
  std::vector<std::uint32_t> order_;
  std::vector<std::size_t> in_begin_;
  std::vector<InEdge> in_edges_;
  std::vector<bool> in_question_;        // by edge
  std::vector<std::uint32_t> position_;  // by node: its place in its component's order
  std::vector<std::uint64_t> rows_;      // by place: which starts reach the node
  std::vector<std::uint32_t> column_;    // by node: its number among a sweep's starts
};

}  // namespace

Reduction ReduceTransitively(const Digraph& graph, const std::vector<bool>& settled,
                             const ReductionLimits& limits) {
  return Reducer(graph, settled, limits).Take();
}

}  // namespace holdfast::compiler
