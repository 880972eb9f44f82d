#include "compiler/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "compiler/graph/walk.h"
#include "compiler/workflow/engine_workflow.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

using enum ActivityKind;

// An activity of a resource, whether it exists or not.
struct Place {
  ResourceId resource;
  ActivityKind kind = kPre;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const Place&, const Place&) = default;
};

// A link that ends at a place.
struct LinkBefore {
  Place from;
  std::string_view rule;
};

constexpr std::string_view kOwnPreFinish =
    "a resource's pre_finish comes before its parallel and its post";
constexpr std::string_view kGateOfPre = "a pre runs only if the pre of every parent succeeded";
constexpr std::string_view kGateOfOthers =
    "what a resource does runs only if its own pre succeeded";
constexpr std::string_view kGateOfParallel = "a parallel runs only if its own pre_finish succeeded";

class Explainer {
 public:
  Explainer(const LoadedBundle& bundle, ResourceGraph graph)
      : bundle_(bundle), graph_(std::move(graph)) {
    for (const BundleShard& shard : bundle.shards) {
      for (const BundleResource& entry : shard.resources) {
        if (const auto id = graph_.Find(entry.resource.key)) entries_[*id] = &entry;
      }
    }
  }

  StepExplanation Run(const BundleStep& step) {
    StepExplanation out;
    out.step = step.name;
    std::vector<Place> here;
    for (const BundleActivity& activity : step.activities) {
      const Place place{*graph_.Find(activity.resource), activity.kind};
      here.push_back(place);
      ExplainedActivity explained{
          activity.resource, activity.kind, entries_.at(place.resource)->plugin, {}};
      for (const BundleGate& gate : activity.gates) {
        const Place target{*graph_.Find(gate.resource), gate.kind};
        explained.gates.push_back(
            {gate.step, WayBetween(
                            {place}, [&](const Place& p) { return p == target; },
                            [this](const Place& p) { return GatesBefore(p); })});
      }
      out.activities.push_back(std::move(explained));
    }
    for (const std::string& before : step.order) {
      out.order.push_back({before, WayBetween(
                                       here, [&](const Place& p) { return StepOf(p) == before; },
                                       [this](const Place& p) { return LinksBefore(p); })});
    }
    out.text = Render(out);
    return out;
  }

 private:
  const std::string& StepOf(const Place& place) const {
    return entries_.at(place.resource)->StepOf(place.kind);
  }
  bool Exists(const Place& place) const { return !StepOf(place).empty(); }

  // Whether any activity of those kinds is left when a pre_finish does not exist: its links are then
  // not there at all, in contrast to those of the other three, which are contracted.
  std::vector<LinkBefore> LinksBefore(const Place& place) const {
    std::vector<LinkBefore> links;
    const auto add = [&links](ResourceId resource, ActivityKind kind, std::string_view rule) {
      links.push_back({{resource, kind}, rule});
    };
    switch (place.kind) {
      case kPre:
        for (const ResourceId parent : graph_.parents(place.resource))
          add(parent, kPre, RuleOf(LinkKind::kParentPreToPre));
        break;
      case kPreFinish:
        add(place.resource, kPre, RuleOf(LinkKind::kPreFinish));
        for (const ResourceId below : Below(place.resource)) {
          add(below, kPreFinish, RuleOf(LinkKind::kPreFinish));
          add(below, kPre, RuleOf(LinkKind::kPreFinish));
        }
        std::erase_if(links, [this](const LinkBefore& link) {
          return link.from.kind == kPreFinish && !Exists(link.from);
        });
        break;
      case kParallel:
        if (Exists({place.resource, kPreFinish})) add(place.resource, kPreFinish, kOwnPreFinish);
        add(place.resource, kPre, RuleOf(LinkKind::kPreToParallel));
        break;
      case kPost:
        add(place.resource, kParallel, RuleOf(LinkKind::kParallelToPost));
        for (const ResourceId child : graph_.children(place.resource))
          add(child, kPost, RuleOf(LinkKind::kPostToParentPost));
        break;
    }
    return links;
  }

  std::vector<LinkBefore> GatesBefore(const Place& place) const {
    std::vector<LinkBefore> gates;
    if (place.kind == kPre) {
      for (const ResourceId parent : graph_.parents(place.resource))
        gates.push_back({{parent, kPre}, kGateOfPre});
      return gates;
    }
    if (place.kind == kParallel && Exists({place.resource, kPreFinish})) {
      gates.push_back({{place.resource, kPreFinish}, kGateOfParallel});
    }
    gates.push_back({{place.resource, kPre}, kGateOfOthers});
    return gates;
  }

  std::vector<ResourceId> Below(ResourceId top) const {
    std::vector<ResourceId> found;
    std::set<ResourceId> seen{top};
    std::vector<ResourceId> open{top};
    while (!open.empty()) {
      const ResourceId at = open.back();
      open.pop_back();
      for (const ResourceId child : graph_.children(at)) {
        if (!seen.insert(child).second) continue;
        found.push_back(child);
        open.push_back(child);
      }
    }
    return found;
  }

  // The shortest way back from `here` to a place that `is_target`, through places that do not exist
  // and through those of the same step.
  template <class IsTarget, class Before>
  std::vector<ExplainedPlace> WayBetween(const std::vector<Place>& here, IsTarget is_target,
                                         Before before) const {
    struct Step {
      Place next;
      std::string_view rule;
    };
    std::map<Place, std::optional<Step>> way;
    std::deque<Place> open;
    for (const Place& place : here) {
      way[place] = std::nullopt;
      open.push_back(place);
    }
    const std::string& own = StepOf(here.front());
    while (!open.empty()) {
      const Place at = open.front();
      open.pop_front();
      for (const LinkBefore& link : before(at)) {
        if (way.contains(link.from)) continue;
        way[link.from] = Step{at, link.rule};
        if (is_target(link.from)) return Follow(way, link.from);
        if (!Exists(link.from) || StepOf(link.from) == own) open.push_back(link.from);
      }
    }
    return {};
  }

  template <class Way>
  std::vector<ExplainedPlace> Follow(const Way& way, Place at) const {
    std::vector<ExplainedPlace> out;
    std::string rule;
    while (true) {
      out.push_back({graph_.node(at.resource).key, at.kind, entries_.at(at.resource)->plugin,
                     Exists(at), rule});
      const auto& step = way.at(at);
      if (!step) return out;
      rule = std::string(step->rule);
      at = step->next;
    }
  }

  std::string Label(const ResourceKey& key) const {
    return LabelOf(graph_.node(*graph_.Find(key)));
  }

  void RenderReason(std::string& out, const ExplainedReason& reason,
                    std::string_view indent) const {
    out += fmt::format("{}{}\n", indent, reason.step);
    if (reason.way.empty()) {
      out += fmt::format("{}    it shares its step with others that come after this\n", indent);
      return;
    }
    for (const ExplainedPlace& place : reason.way) {
      const std::string what = fmt::format("{} of {}", NameOf(place.kind), Label(place.resource));
      if (!place.rule.empty()) out += fmt::format("{}    {}\n", indent, place.rule);
      out += fmt::format(
          "{}  {} ({}{})\n", indent, what, place.plugin,
          place.exists ? "" : " has none here: what comes before it comes before what follows");
    }
  }

  std::string Render(const StepExplanation& explanation) const {
    std::string out =
        fmt::format("step {} ({})\n", explanation.step, NameOf(bundle_.bundle.operation));
    for (const ExplainedActivity& activity : explanation.activities) {
      out += fmt::format("\n{} of {} ({}), plugin {}\n", NameOf(activity.kind),
                         Label(activity.resource), Printable(activity.resource.str()),
                         activity.plugin);
      if (activity.gates.empty()) {
        out += "  runs if begin succeeded\n";
      } else {
        out += "  runs only if these succeeded:\n";
        for (const ExplainedReason& gate : activity.gates) RenderReason(out, gate, "  - ");
      }
    }
    out +=
        explanation.order.empty() ? "\ncomes after begin\n" : "\ncomes after (however they end):\n";
    for (const ExplainedReason& reason : explanation.order) RenderReason(out, reason, "- ");
    return out;
  }

  const LoadedBundle& bundle_;
  const ResourceGraph graph_;
  std::map<ResourceId, const BundleResource*> entries_;
};

}  // namespace

Result<StepExplanation> Explain(const LoadedBundle& bundle, std::string_view step) {
  const BundleStep* const found = bundle.FindStep(step);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const BundleShard& shard : bundle.shards) {
      for (const BundleStep& other : shard.steps) names.push_back(other.name);
    }
    const std::string near = Nearest(step, names);
    Error error = NotFound(fmt::format("there is no step '{}'", Printable(step)));
    return std::move(error).Hint(near.empty() ? "'holdfast step list FILE' shows them"
                                              : "did you mean '" + near + "'?");
  }
  HOLDFAST_ASSIGN_OR_RETURN(ResourceGraph graph, GraphOfBundle(bundle));
  return Explainer(bundle, std::move(graph)).Run(*found);
}

}  // namespace holdfast::compiler
