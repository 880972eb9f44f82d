#include "runtime/cli/child_choices.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/cli/parameter_faults.h"

namespace holdfast::cli {

namespace {

// What one plugin says of one child.
struct Said {
  std::uint32_t parent = 0;
  std::uint32_t child = 0;
  ChildChoice choice;
};

std::vector<Said> AskAll(Provider& provider, Operation operation, const ResourceGraph& graph,
                         const std::vector<Value>& parameters,
                         const std::set<ResourceKey>& left_out) {
  std::vector<Said> said;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const ResourceGraph::Node& node = graph.nodes()[i];
    if (graph.children(ResourceId{i}).empty() || left_out.contains(node.key)) continue;
    const auto plugin = provider.ProtectionFor(node.key.type);
    if (!plugin || !(*plugin)->descriptor().operation(operation).DefinesAny()) continue;
    const Resource resource = graph.ResourceAt(ResourceId{i});
    for (const ResourceLink& link : resource.children) {
      const auto child = graph.Find(link.key);
      if (!child || left_out.contains(link.key)) continue;
      said.push_back({i, child->value,
                      (*plugin)->ChooseForChild(operation, resource, parameters[i], link,
                                                parameters[child->value])});
    }
  }
  return said;
}

}  // namespace

ChildChoices ChooseForChildren(Provider& provider, Operation operation, const ResourceGraph& graph,
                               const std::vector<Value>& parameters,
                               const compiler::ParameterSet& given,
                               const std::set<ResourceKey>& left_out) {
  ChildChoices out;
  std::vector<Said> said = AskAll(provider, operation, graph, parameters, left_out);
  std::vector<std::uint32_t> open;
  for (const Said& one : said) {
    const ResourceKey& key = graph.nodes()[one.child].key;
    if (!one.choice.left_out || !out.left_out.insert(key).second) continue;
    open.push_back(one.child);
    out.notes.push_back(
        fmt::format("{} is left out: what is asked of {}, which it is in, does not reach it",
                    Printable(key.str()), Printable(graph.nodes()[one.parent].key.str())));
  }
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    for (const ResourceId child : graph.children(ResourceId{at})) {
      const ResourceKey& key = graph.node(child).key;
      if (!out.left_out.insert(key).second) continue;
      open.push_back(child.value);
      out.notes.push_back(fmt::format("{} is left out with {}, which it is in",
                                      Printable(key.str()),
                                      Printable(graph.nodes()[at].key.str())));
    }
  }
  for (Said& one : said) {
    const ResourceGraph::Node& child = graph.nodes()[one.child];
    if (out.left_out.contains(child.key) || out.left_out.contains(graph.nodes()[one.parent].key)) {
      continue;
    }
    for (ParameterFault& fault : one.choice.faults) {
      Error error = AtParameter(fault.error, fault, child, graph, given);
      out.faults.push_back(std::move(error).While(
          fmt::format("{} parameters of {}", NameOf(operation), Printable(child.key.str()))));
    }
  }
  return out;
}

}  // namespace holdfast::cli
