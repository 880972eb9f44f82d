#include "compiler/graph/walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

// Of a cycle through thousands of resources, the message names this many at its start.
constexpr std::size_t kNamedInCycle = 12;

Error CycleError(const ResourceGraph& graph, std::vector<std::uint32_t> cycle) {
  // The walk may enter a cycle anywhere; by starting at its smallest resource the message is the
  // same whatever stands above it.
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == kNamedInCycle && cycle.size() > kNamedInCycle + 1) {
      text += fmt::format("... ({} more) -> ", cycle.size() - kNamedInCycle);
      break;
    }
    text += LabelOf(graph.nodes()[cycle[i]]) + " -> ";
  }
  text += LabelOf(graph.nodes()[cycle.front()]);
  Error error = InvalidInput("resources depend on each other in a cycle: " + text)
                    .Hint(
                        "a resource can be neither its own parent nor its own child: remove one "
                        "of these edges");
  if (graph.file().empty()) return error;
  // At the edge that closes it.
  const auto ends = std::pair(ResourceId{cycle.back()}, ResourceId{cycle.front()});
  const auto edge = std::lower_bound(graph.edges().begin(), graph.edges().end(), ends,
                                     [](const ResourceGraph::Edge& e, const auto& wanted) {
                                       return std::pair(e.parent, e.child) < wanted;
                                     });
  return std::move(error).At({graph.file(), edge->position.line, edge->position.column, {}, 1});
}

}  // namespace

std::string LabelOf(const ResourceGraph::Node& node) {
  std::string_view type = node.key.type;
  if (const auto colon = type.rfind(':'); colon != std::string_view::npos) {
    type.remove_prefix(colon + 1);
  }
  return Lowered(type) + " " + Printable(node.name.empty() ? node.key.id : node.name);
}

Result<Walk> WalkGraph(const ResourceGraph& graph) {
  std::vector<Digraph::Edge> edges;
  edges.reserve(graph.edges().size());
  for (const ResourceGraph::Edge& edge : graph.edges()) {
    edges.push_back({edge.parent.value, edge.child.value});
  }
  const auto size = static_cast<std::uint32_t>(graph.size());
  std::vector<std::uint32_t> roots;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (graph.parents(ResourceId{i}).empty()) roots.push_back(i);
  }
  DepthFirstSearch search = SearchDepthFirst(Digraph(size, std::move(edges)), roots);
  if (!search.cycle.empty()) return CycleError(graph, std::move(search.cycle));

  Walk walk;
  walk.events = std::move(search.events);
  walk.parents_first.reserve(size);
  // A depth-first search leaves a resource after everything below it.
  for (auto event = walk.events.rbegin(); event != walk.events.rend(); ++event) {
    if (!event->enter) walk.parents_first.push_back(ResourceId{event->node});
  }
  return walk;
}

}  // namespace holdfast::compiler
