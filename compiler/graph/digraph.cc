#include "compiler/graph/digraph.h"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/dag_shortest_paths.hpp>
#include <boost/graph/depth_first_search.hpp>
#include <boost/graph/topological_sort.hpp>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

namespace holdfast::compiler {
namespace {

using Csr =
    boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                       boost::no_property, std::uint32_t, std::size_t>;

Csr ToBoost(std::uint32_t size, const std::vector<Digraph::Edge>& edges) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  pairs.reserve(edges.size());
  for (const Digraph::Edge& edge : edges) pairs.emplace_back(edge.from, edge.to);
  return Csr(boost::edges_are_sorted, pairs.begin(), pairs.end(), size, pairs.size());
}

// Collects the events, and the first edge that leads back to a node on the search's path.
class EventRecorder : public boost::dfs_visitor<> {
 public:
  EventRecorder(DepthFirstSearch& search, std::vector<std::uint32_t>& found_from)
      : search_(&search), found_from_(&found_from) {}

  void discover_vertex(std::uint32_t node, const Csr&) { search_->events.push_back({node, true}); }
  void finish_vertex(std::uint32_t node, const Csr&) { search_->events.push_back({node, false}); }
  template <class E>
  void tree_edge(const E& edge, const Csr& graph) {
    (*found_from_)[target(edge, graph)] = static_cast<std::uint32_t>(source(edge, graph));
  }
  template <class E>
  void back_edge(const E& edge, const Csr& graph) {
    if (!search_->cycle.empty()) return;
    const auto first = static_cast<std::uint32_t>(target(edge, graph));
    auto node = static_cast<std::uint32_t>(source(edge, graph));
    for (; node != first; node = (*found_from_)[node]) search_->cycle.push_back(node);
    search_->cycle.push_back(first);
    std::reverse(search_->cycle.begin(), search_->cycle.end());
  }

 private:
  // Not owned; Boost copies visitors, so that they are held by address.
  DepthFirstSearch* search_;
  std::vector<std::uint32_t>* found_from_;
};

}  // namespace

Digraph::Digraph(std::uint32_t size, std::vector<Edge> edges)
    : edges_(std::move(edges)), begin_(static_cast<std::size_t>(size) + 1, 0) {
  if (!std::is_sorted(edges_.begin(), edges_.end())) std::sort(edges_.begin(), edges_.end());
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  for (const Edge& edge : edges_) ++begin_[edge.from + 1];
  for (std::size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
}

std::vector<std::uint32_t> Digraph::Components() const {
  // Disjoint sets in which the smaller number stands for both: no ranks are needed at these sizes,
  // and the result does not depend on the order of the edges. (Boost's connected_components wants
  // an undirected copy of the graph.)
  std::vector<std::uint32_t> parent(size());
  std::iota(parent.begin(), parent.end(), 0U);
  const auto find = [&](std::uint32_t x) {
    while (parent[x] != x) x = parent[x] = parent[parent[x]];
    return x;
  };
  for (const Edge& edge : edges_) {
    const std::uint32_t a = find(edge.from);
    const std::uint32_t b = find(edge.to);
    parent[std::max(a, b)] = std::min(a, b);
  }
  for (std::uint32_t node = 0; node < size(); ++node) parent[node] = find(node);
  return parent;
}

DepthFirstSearch SearchDepthFirst(const Digraph& graph, std::span<const std::uint32_t> roots) {
  DepthFirstSearch search;
  search.events.reserve(2 * static_cast<std::size_t>(graph.size()));
  std::vector<std::uint32_t> found_from(graph.size(), 0);
  const Csr boost_graph = ToBoost(graph.size(), graph.edges());
  std::vector<boost::default_color_type> colors(graph.size(), boost::white_color);
  const auto color_map =
      boost::make_iterator_property_map(colors.begin(), get(boost::vertex_index, boost_graph));
  const EventRecorder recorder(search, found_from);
  const auto search_from = [&](std::uint32_t node) {
    if (colors[node] != boost::white_color) return;
    boost::depth_first_visit(boost_graph, node, recorder, color_map);
  };
  for (const std::uint32_t root : roots) search_from(root);
  for (std::uint32_t node = 0; node < graph.size(); ++node) search_from(node);
  return search;
}

std::optional<std::vector<std::uint32_t>> TopologicalOrder(const Digraph& graph) {
  std::vector<std::uint32_t> order;
  order.reserve(graph.size());
  const Csr boost_graph = ToBoost(graph.size(), graph.edges());
  try {
    boost::topological_sort(boost_graph, std::back_inserter(order));
  } catch (const boost::not_a_dag&) {
    return std::nullopt;
  }
  std::reverse(order.begin(), order.end());
  return order;
}

std::optional<CriticalPath> LongestPath(const Digraph& graph, std::span<const double> durations) {
  if (graph.size() == 0) return CriticalPath{};
  // A node's duration stands on the edges that leave it; one more node before all and one after
  // all make it a question about one source, which is what Boost answers.
  const std::uint32_t before_all = graph.size();
  const std::uint32_t after_all = graph.size() + 1;
  std::vector<Digraph::Edge> edges;
  edges.reserve(graph.edge_count() + 2 * static_cast<std::size_t>(graph.size()));
  std::vector<double> weights;
  weights.reserve(edges.capacity());
  for (std::uint32_t node = 0; node < graph.size(); ++node) {
    for (const Digraph::Edge& edge : graph.out_edges(node)) edges.push_back(edge);
    edges.push_back({node, after_all});
    weights.resize(edges.size(), durations[node]);
  }
  for (std::uint32_t node = 0; node < graph.size(); ++node) edges.push_back({before_all, node});
  weights.resize(edges.size(), 0);

  const Csr boost_graph = ToBoost(graph.size() + 2, edges);
  std::vector<double> distances(graph.size() + 2);
  std::vector<std::uint32_t> before(graph.size() + 2);
  const auto node_index = get(boost::vertex_index, boost_graph);
  try {
    boost::dag_shortest_paths(
        boost_graph, before_all,
        boost::distance_map(boost::make_iterator_property_map(distances.begin(), node_index))
            .predecessor_map(boost::make_iterator_property_map(before.begin(), node_index))
            .weight_map(boost::make_iterator_property_map(weights.begin(),
                                                          get(boost::edge_index, boost_graph)))
            .distance_compare([](double a, double b) { return a > b; })
            .distance_combine([](double a, double b) { return a + b; })
            .distance_inf(-std::numeric_limits<double>::infinity())
            .distance_zero(0.0));
  } catch (const boost::not_a_dag&) {
    return std::nullopt;
  }
  CriticalPath path;
  path.duration = distances[after_all];
  for (std::uint32_t node = before[after_all]; node != before_all; node = before[node]) {
    path.nodes.push_back(node);
  }
  std::reverse(path.nodes.begin(), path.nodes.end());
  return path;
}

}  // namespace holdfast::compiler
