#include "runtime/cli/place_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "plugins/sdk/place.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/parameter_faults.h"
#include "runtime/step/bank_folder.h"
#include "runtime/step/real_place.h"

namespace holdfast::cli {

namespace {

struct Use : runtime::RealPlace {
  Use(std::uint32_t of, Place at) : RealPlace(std::move(at)), resource(of) {}
  std::uint32_t resource;
};

// "A, B and C"; of many the first, and how many more.
std::string Names(const ResourceGraph& graph, const std::vector<std::uint32_t>& resources) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(resources.size(), kShown); ++i) {
    names.push_back(Printable(graph.nodes()[resources[i]].key.str()));
  }
  if (resources.size() > kShown) {
    return fmt::format("{} and {} more", Join(names, ", "), resources.size() - kShown);
  }
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : Join(names, ", ") + " and " + last;
}

// Is `above` one of those that `below` stands below, at any height?
bool IsAbove(const ResourceGraph& graph, std::uint32_t above, std::uint32_t below) {
  std::set<std::uint32_t> seen;
  std::vector<std::uint32_t> open{below};
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    for (const ResourceId parent : graph.parents(ResourceId{at})) {
      if (parent.value == above) return true;
      if (seen.insert(parent.value).second) open.push_back(parent.value);
    }
  }
  return false;
}

class Finder {
 public:
  Finder(Operation operation, const ResourceGraph& graph, const compiler::ParameterSet& given,
         const runtime::BankFolder& bank)
      : operation_(operation), graph_(graph), given_(given), bank_(bank) {}

  void AddError(Error error) { faults_.errors.push_back(std::move(error)); }

  void Add(std::uint32_t resource, Place place) {
    const Use use(resource, std::move(place));
    if (auto error = bank_.MetBy(operation_, use.place)) {
      Error located = At(std::move(*error), use);
      faults_.errors.push_back(std::move(located).While(fmt::format(
          "{} of {}", NameOf(operation_), Printable(graph_.nodes()[resource].key.str()))));
    }
    by_name_[{use.place.space, use.name}].push_back(use);
  }

  PlaceFaults Take() {
    for (const auto& [name, uses] : by_name_) {
      LookAtSame(uses);
      if (name.first == Place::kPaths) LookAbove(uses.front());
    }
    for (const auto& [outer, inner] : nested_) TellNested(*outer, inner);
    return std::move(faults_);
  }

 private:
  Error At(Error error, const Use& use) const {
    return AtParameter(std::move(error), {use.place.parameter, std::nullopt, InvalidInput("")},
                       graph_.nodes()[use.resource], graph_, given_);
  }

  void Tell(Error error, const Use& use) {
    (operation_ == Operation::kRestore ? faults_.errors : faults_.warnings)
        .push_back(At(std::move(error), use));
  }

  // Of several places of one name.
  void LookAtSame(const std::vector<Use>& uses) {
    std::vector<std::uint32_t> resources;
    for (const Use& use : uses) {
      if (resources.empty() || resources.back() != use.resource) resources.push_back(use.resource);
    }
    if (resources.size() < 2) return;
    // A parameter is easier to mend than a graph.
    const auto named = std::find_if(uses.begin(), uses.end(),
                                    [](const Use& use) { return !use.place.parameter.empty(); });
    const Use& use = named == uses.end() ? uses.front() : *named;
    const std::string who = Names(graph_, resources);
    std::string where = use.place.str();
    const auto other = std::find_if(uses.begin(), uses.end(), [&use](const Use& other_use) {
      return other_use.place.name != use.place.name;
    });
    if (other != uses.end())
      where += fmt::format(" (by a link the same as {})", other->place.str());
    if (operation_ == Operation::kRestore) {
      const std::string hint =
          use.place.parameter.empty()
              ? "give all but one of them another place, by parameters of 'type#id'"
              : fmt::format("give '{}' for each resource ('type#id') instead of its type",
                            use.place.parameter);
      Tell(
          InvalidInput(fmt::format("{} would all be restored to {}: only one of them would be left",
                                   who, where))
              .Hint(hint),
          use);
    } else {
      Tell(InvalidInput(fmt::format("{} are all of {}: it is protected once for each, and only one "
                                    "of them can be restored there",
                                    who, where))
               .Hint("leave out all but one of them"),
           use);
    }
  }

  // Of places that hold that of `inner`: each folder above it is looked up.
  void LookAbove(const Use& inner) {
    std::string above = inner.name;
    while (above != "/") {
      above = runtime::FolderAbove(above);
      const auto at = by_name_.find({std::string(Place::kPaths), above});
      if (at == by_name_.end()) continue;
      for (const Use& outer : at->second) {
        if (!outer.place.is_folder || outer.resource == inner.resource) continue;
        const bool left_out = runtime::LeavesOut(outer, inner);
        if (left_out && IsAbove(graph_, outer.resource, inner.resource)) continue;
        nested_[&outer].push_back(&inner);
      }
    }
  }

  void TellNested(const Use& outer, const std::vector<const Use*>& inner) {
    std::vector<std::uint32_t> resources;
    resources.reserve(inner.size());
    for (const Use* const use : inner) resources.push_back(use->resource);
    const std::string what = Printable(graph_.nodes()[outer.resource].key.str());
    const std::string more =
        inner.size() == 1
            ? inner.front()->place.str()
            : fmt::format("{} and {} more", inner.front()->place.str(), inner.size() - 1);
    // Where the user has said where to, that is what can be changed.
    const Use& use = inner.front()->place.parameter.empty() ? outer : *inner.front();
    if (operation_ == Operation::kRestore) {
      Tell(
          InvalidInput(
              fmt::format("{} would be restored to {}, inside {}, to which {} is restored: they "
                          "would overwrite each other",
                          Names(graph_, resources), more, outer.place.str(), what))
              .Hint("they are not above and below each other in the resource graph: restore one of "
                    "them to another place"),
          use);
    } else {
      Tell(
          InvalidInput(
              fmt::format("{}, at {}, lies inside {}, at {}, and is not below it in the resource "
                          "graph: a restore of both to where they were will be refused",
                          Names(graph_, resources), more, what, outer.place.str()))
              .Hint("'holdfast plan discover' writes the graph anew, with the one below the other, "
                    "if the inventory has both"),
          use);
    }
  }

  Operation operation_;
  const ResourceGraph& graph_;
  const compiler::ParameterSet& given_;
  const runtime::BankFolder& bank_;
  std::map<std::pair<std::string, std::string>, std::vector<Use>> by_name_;
  struct ByResource {
    bool operator()(const Use* a, const Use* b) const {
      return std::tie(a->resource, a->place.name) < std::tie(b->resource, b->place.name);
    }
  };
  // By the outer one, in the order of the graph: where a Use stands in memory says nothing.
  std::map<const Use*, std::vector<const Use*>, ByResource> nested_;
  PlaceFaults faults_;
};

}  // namespace

PlaceFaults FindPlaceFaults(Provider& provider, Operation operation, const ResourceGraph& graph,
                            const std::vector<Value>& parameters,
                            const compiler::ParameterSet& given,
                            const std::set<ResourceKey>& left_out, const SavedInfoOf& saved_info) {
  if (operation != Operation::kProtect && operation != Operation::kRestore) return {};
  const runtime::BankFolder bank(provider.bank_folder());
  Finder finder(operation, graph, given, bank);
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const ResourceGraph::Node& node = graph.nodes()[i];
    if (left_out.count(node.key) != 0) continue;
    const auto plugin = provider.ProtectionFor(node.key.type);
    if (!plugin || !(*plugin)->descriptor().operation(operation).DefinesAny()) continue;
    auto places = runtime::PlacesOf(**plugin, operation, graph.ResourceAt(ResourceId{i}),
                                    parameters[i], bank, [&]() -> Result<Value> {
                                      return saved_info != nullptr ? saved_info(node.key)
                                                                   : NotFound("no checkpoint");
                                    });
    if (!places) {
      finder.AddError(std::move(places).error());
      continue;
    }
    for (Place& place : *places) finder.Add(i, std::move(place));
  }
  return finder.Take();
}

}  // namespace holdfast::cli
