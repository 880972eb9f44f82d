#include "runtime/cli/parameter_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace {

// Where a fault is in what a user gave for one resource or all of its type; line 0: not known.
struct FaultPlace {
  Position position;
  std::size_t width = 1;
};

FaultPlace PlaceOf(const ParameterFault& fault, const ResourceKey& key,
                   const compiler::ParameterSet& given) {
  FaultPlace place;
  // The resource's own go over those of its type.
  for (const std::string& entry : {key.type, key.str()}) {
    const Value* const of_entry = given.entries.Find(entry);
    if (of_entry == nullptr) continue;
    const Value* value = of_entry->Find(fault.parameter);
    if (value == nullptr || value->position().line == 0) {
      // A default, or from the command line: at most the entry has a place.
      if (place.position.line == 0) place = {of_entry->key_position(), entry.size()};
      continue;
    }
    if (fault.item && value->is_list() && *fault.item < value->AsList().size()) {
      value = &value->AsList()[*fault.item];
    }
    place = {value->position(), value->is_string() ? value->AsString().size() : 1};
  }
  return place;
}

}  // namespace

Error AtParameter(Error error, const ParameterFault& fault, const ResourceGraph::Node& node,
                  const ResourceGraph& graph, const compiler::ParameterSet& given) {
  const bool in_graph = fault.parameter.empty();
  const FaultPlace place =
      in_graph ? FaultPlace{node.position, 1} : PlaceOf(fault, node.key, given);
  const std::string& file = in_graph ? graph.file() : given.source.file;
  if (file.empty() || place.position.line == 0) return error;
  return std::move(error).At({file,
                              place.position.line,
                              place.position.column,
                              {},
                              static_cast<std::uint32_t>(std::max<std::size_t>(1, place.width))});
}

namespace {

// An error and its causes, each alone.
void AddEach(const Error& error, std::vector<Error>& out) {
  out.push_back(Error(error.code(), error.message()).Hint(error.hint()));
  for (const Error& cause : error.causes()) AddEach(cause, out);
}

// What is wrong in one place of a type's parameters is wrong with many resources.
struct FaultGroup {
  Error error;
  std::string_view of;  // "", " parameters"
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::size_t resources = 1;
};

}  // namespace

std::vector<Error> FindParameterFaults(Provider& provider, Operation operation,
                                       const ResourceGraph& graph,
                                       const std::vector<Value>& parameters,
                                       const compiler::ParameterSet& given) {
  std::vector<FaultGroup> groups;
  std::map<std::string, std::size_t> known;
  const auto add = [&](std::uint32_t resource, const ParameterFault& fault) {
    const ResourceGraph::Node& node = graph.nodes()[resource];
    const bool in_graph = fault.parameter.empty();
    std::vector<Error> errors;
    AddEach(fault.error, errors);
    for (Error& error : errors) {
      error = AtParameter(std::move(error), fault, node, graph, given);
      const std::string said = (in_graph ? node.key.str() : node.key.type) + "\n" + error.OneLine();
      const auto [at, is_new] = known.emplace(said, groups.size());
      if (is_new) {
        groups.push_back({std::move(error), in_graph ? "" : " parameters", resource, resource});
      } else if (FaultGroup& group = groups[at->second]; group.last != resource) {
        group.last = resource;
        ++group.resources;
      }
    }
  };
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const auto plugin = provider.ProtectionFor(graph.nodes()[i].key.type);
    if (!plugin || !(*plugin)->descriptor().operation(operation).DefinesAny()) continue;
    for (const ParameterFault& fault :
         (*plugin)->Validate(operation, graph.ResourceAt(ResourceId{i}), parameters[i])) {
      add(i, fault);
    }
  }
  std::vector<Error> out;
  for (FaultGroup& group : groups) {
    std::string of = Printable(graph.nodes()[group.first].key.str());
    if (group.resources > 1) of += fmt::format(" and {} more", group.resources - 1);
    out.push_back(
        std::move(group.error).While(fmt::format("{}{} of {}", NameOf(operation), group.of, of)));
  }
  return out;
}

}  // namespace holdfast::cli
