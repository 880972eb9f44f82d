#include "runtime/discovery/discovery.h"

#include <algorithm>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {

namespace {

// One run of discovery: the stack of resources whose children are still to be listed.
class Walker {
 public:
  Walker(Provider& provider, Context& context, const DiscoveryOptions& options)
      : provider_(provider), context_(context), options_(options) {}

  Status AddRoot(const ResourceKey& key) {
    if (seen_.contains(key)) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(ProtectablePlugin* const protectable,
                              provider_.ProtectableFor(key.type));
    auto node = protectable->Show(context_, key.id);
    if (!node) return std::move(node).error().While("looking up " + Printable(key.str()));
    return Enter(std::move(*node));
  }

  Status Walk() {
    while (!stack_.empty()) {
      if (context_.cancelled()) return CancelledError().While("listing the resource graph");
      const ResourceGraph::Node node = std::move(stack_.back());
      stack_.pop_back();
      HOLDFAST_RETURN_IF_ERROR(ListChildren(node));
    }
    return Ok();
  }

  Result<ResourceGraph> Finish() { return builder_.Build(); }

 private:
  Status Enter(ResourceGraph::Node node) {
    HOLDFAST_RETURN_IF_ERROR(provider_.ProtectionFor(node.key.type));
    HOLDFAST_RETURN_IF_ERROR(builder_.AddResource(node));
    seen_.insert(node.key);
    stack_.push_back(std::move(node));
    return Ok();
  }

  Status ListChildren(const ResourceGraph::Node& parent) {
    for (const auto& protectable : provider_.protectables()) {
      const auto& types = protectable->descriptor().parent_types;
      if (std::find(types.begin(), types.end(), parent.key.type) == types.end()) continue;
      auto dependents = protectable->Dependents(context_, parent);
      if (!dependents) {
        Error error = std::move(dependents)
                          .error()
                          .While("listing " + protectable->descriptor().type + " below " +
                                 Printable(parent.key.str()));
        if (!options_.allow_missing) {
          return std::move(error).Hint(
              "--allow-missing makes this a warning and the graph smaller");
        }
        builder_.AddWarning(Printable(error.OneLine()));
        continue;
      }
      for (Dependent& dependent : *dependents) {
        HOLDFAST_RETURN_IF_ERROR(
            builder_.AddEdge(parent.key, dependent.resource.key, std::move(dependent.facts)));
        if (!seen_.contains(dependent.resource.key)) {
          HOLDFAST_RETURN_IF_ERROR(Enter(std::move(dependent.resource)));
        }
      }
    }
    return Ok();
  }

  Provider& provider_;
  Context& context_;
  const DiscoveryOptions& options_;
  ResourceGraphBuilder builder_;
  std::set<ResourceKey> seen_;
  std::vector<ResourceGraph::Node> stack_;
};

std::vector<ResourceKey> ChildKeys(const ResourceGraph& graph, ResourceId id) {
  std::vector<ResourceKey> keys;
  for (const ResourceId child : graph.children(id)) keys.push_back(graph.node(child).key);
  return keys;
}

void DescribeKeys(const std::vector<ResourceKey>& keys, std::string_view one, std::string_view many,
                  std::vector<std::string>& out) {
  constexpr std::size_t kShown = 5;
  if (keys.empty()) return;
  std::string text = Counted(keys.size(), "resource is ", "resources are ");
  text += keys.size() == 1 ? one : many;
  text += " (";
  for (std::size_t i = 0; i < std::min(keys.size(), kShown); ++i) {
    if (i > 0) text += ", ";
    text += Printable(keys[i].str());
  }
  if (keys.size() > kShown) text += ", ...";
  out.push_back(text + ")");
}

}  // namespace

Result<ResourceGraph> DiscoverGraph(Provider& provider, Context& context,
                                    const std::vector<ResourceKey>& roots,
                                    const DiscoveryOptions& options) {
  Walker walker(provider, context, options);
  for (const ResourceKey& root : roots) {
    HOLDFAST_RETURN_IF_ERROR(walker.AddRoot(root));
  }
  HOLDFAST_RETURN_IF_ERROR(walker.Walk());
  return walker.Finish();
}

Drift CompareGraphs(const ResourceGraph& compiled, const ResourceGraph& live) {
  Drift drift;
  for (std::uint32_t i = 0; i < compiled.size(); ++i) {
    const auto& node = compiled.nodes()[i];
    const auto now = live.Find(node.key);
    if (!now) {
      drift.gone.push_back(node.key);
    } else if (!(live.node(*now).extra == node.extra) ||
               ChildKeys(live, *now) != ChildKeys(compiled, ResourceId{i})) {
      drift.changed.push_back(node.key);
    }
  }
  for (const auto& node : live.nodes()) {
    if (!compiled.Find(node.key)) drift.added.push_back(node.key);
  }
  return drift;
}

std::string DescribeDrift(const Drift& drift) {
  std::vector<std::string> parts;
  DescribeKeys(drift.added, "new", "new", parts);
  DescribeKeys(drift.gone, "gone", "gone", parts);
  DescribeKeys(drift.changed, "not what it was", "not what they were", parts);
  return Join(parts, ", ");
}

}  // namespace holdfast::runtime
