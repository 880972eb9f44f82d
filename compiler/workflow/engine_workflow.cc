#include "compiler/workflow/engine_workflow.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "compiler/graph/walk.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/volume.h"

namespace holdfast::compiler {
namespace {

// Names of tenants are cut in comments: a line is for reading.
constexpr std::size_t kLongestLabel = 80;

std::string Cut(std::string text) {
  if (text.size() <= kLongestLabel) return text;
  std::size_t end = kLongestLabel - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

std::string Describe(const ResourceGraph& graph, ResourceId id) {
  const ResourceGraph::Node& node = graph.node(id);
  return fmt::format("{} ({})", Cut(LabelOf(node)), Cut(Printable(node.key.str())));
}

// What steps wait for, in the words of a reader, each thing once.
class AfterWhat {
 public:
  // Adds ": after its pre, the pre of what it belongs to" to a comment. The link alone does not tell: a
  // contracted one starts at another resource's activity.
  static void Add(const ActivityDag& dag, const ActivityDag::Step& step, std::string& out) {
    std::array<bool, kWhose.size() * kActivityKindCount> said{};
    std::string_view before = ": after ";
    for (const ActivityDag::Predecessor& predecessor : step.order) {
      const auto [whose, kind] = Of(step, dag.steps[predecessor.step.value], predecessor.link);
      bool& is_said = said[whose * kActivityKindCount + static_cast<std::size_t>(kind)];
      if (std::exchange(is_said, true)) continue;
      out += before;
      out += whose == kOwn ? "its " : "the ";
      out += NameOf(kind);
      out += kWhose[whose];
      before = ", ";
    }
  }

 private:
  enum Whose : std::size_t { kOwn, kBelow, kAbove };
  static constexpr std::array<std::string_view, 3> kWhose{"", " of what is below it",
                                                          " of what it belongs to"};

  static std::pair<Whose, ActivityKind> Of(const ActivityDag::Step& here,
                                           const ActivityDag::Step& before, LinkKind link) {
    for (auto own = before.activities.rbegin(); own != before.activities.rend(); ++own) {
      const bool same = std::any_of(
          here.activities.begin(), here.activities.end(),
          [own](const ActivityRef& activity) { return activity.resource == own->resource; });
      if (same) return {kOwn, own->kind};
    }
    const bool below = link == LinkKind::kPostToParentPost || link == LinkKind::kPreFinish;
    return {below ? kBelow : kAbove, before.activities.back().kind};
  }
};

// `descriptions` is by resource, each made when it is first needed: a resource has several steps.
std::string CommentOf(const ResourceGraph& graph, const ActivityDag& dag, std::size_t index,
                      std::vector<std::string>& descriptions) {
  const auto described = [&](ResourceId id) -> const std::string& {
    std::string& text = descriptions[id.value];
    if (text.empty()) text = Describe(graph, id);
    return text;
  };
  const ActivityDag::Step& step = dag.steps[index];
  std::string out;
  std::array<bool, kActivityKindCount> said{};
  std::size_t resources = 0;
  const ActivityRef* last = nullptr;
  for (const ActivityRef& activity : step.activities) {
    if (!std::exchange(said[static_cast<std::size_t>(activity.kind)], true)) {
      if (!out.empty()) out += ", ";
      out += NameOf(activity.kind);
    }
    if (last == nullptr || last->resource != activity.resource) ++resources;
    last = &activity;
  }
  out += " of ";
  out += described(step.activities.front().resource);
  if (resources == 2) out += " and " + described(last->resource);
  if (resources > 2) out += fmt::format(" and {} more", resources - 1);
  AfterWhat::Add(dag, step, out);
  return out;
}

// The names of the volumes that resources live on, by resource; empty: none.
Result<std::vector<std::string>> VolumesOf(const ResourceGraph& graph) {
  std::vector<std::string> volumes(graph.size());
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const ResourceGraph::Node& node = graph.node(ResourceId{i});
    auto volume = VolumeOf(node.extra, graph.file());
    if (!volume)
      return std::move(volume).error().While("the volume of " + Printable(node.key.str()));
    if (*volume) volumes[i] = NameOfVolume(**volume);
  }
  return volumes;
}

Result<std::string> VolumeOfStep(const ResourceGraph& graph, const ActivityDag::Step& step,
                                 const std::vector<std::string>& volumes) {
  const ActivityRef* first = nullptr;
  for (const ActivityRef& activity : step.activities) {
    const std::string& volume = volumes[activity.resource.value];
    if (volume.empty()) continue;
    if (first == nullptr) first = &activity;
    if (volume == volumes[first->resource.value]) continue;
    return InvalidInput(fmt::format("{} and {} are handled in one step and live on two volumes",
                                    Printable(graph.node(first->resource).key.str()),
                                    Printable(graph.node(activity.resource).key.str())))
        .Hint("a pod mounts one volume: put both on one, or protect them by two plans");
  }
  return first == nullptr ? std::string() : volumes[first->resource.value];
}

std::string_view WhatIsIn(StepGroup::Part part) {
  switch (part) {
    case StepGroup::Part::kWhole:
      return "everything";
    case StepGroup::Part::kPreparations:
      return "pre and pre_finish";
    case StepGroup::Part::kRest:
      return "parallel and post";
    case StepGroup::Part::kPre:
      return "pre";
    case StepGroup::Part::kPreFinish:
      return "pre_finish";
    case StepGroup::Part::kParallel:
      return "parallel";
    case StepGroup::Part::kPost:
      return "post";
  }
  return "";
}

}  // namespace

std::string_view RuleOf(LinkKind link) {
  switch (link) {
    case LinkKind::kParentPreToPre:
      return "a parent's pre comes before its children's pre";
    case LinkKind::kPreToParallel:
      return "a resource's pre comes before its parallel";
    case LinkKind::kParallelToPost:
      return "a resource's parallel comes before its post";
    case LinkKind::kPostToParentPost:
      return "a child's post comes before its parents' post";
    case LinkKind::kPreFinish:
      return "pre_finish comes after the preparations of the resource and all below it, and before "
             "its parallel";
  }
  return "";
}

Result<std::vector<WorkflowStep>> MakeSteps(const ResourceGraph& graph, const ActivityDag& dag,
                                            const std::vector<std::string>& names) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> volumes, VolumesOf(graph));
  std::vector<WorkflowStep> steps;
  steps.reserve(dag.steps.size());
  std::vector<std::string> descriptions(graph.size());
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string volume, VolumeOfStep(graph, dag.steps[i], volumes));
    steps.push_back({names[i], CommentOf(graph, dag, i, descriptions), std::move(volume)});
  }
  return steps;
}

void DescribeGroups(const ResourceGraph& graph, const ActivityDag& dag,
                    std::vector<StepGroup>& groups) {
  struct Contents {
    std::size_t steps = 0;
    ResourceId first;
    ResourceId last;
  };
  std::vector<Contents> contents(groups.size());
  // A group stands in the list before those that are in it.
  for (std::size_t i = groups.size(); i-- != 0;) {
    Contents& here = contents[i];
    for (const GroupItem& item : groups[i].items) {
      Contents of_item{1, {}, {}};
      if (item.kind == GroupItem::Kind::kGroup) {
        of_item = contents[item.index];
      } else {
        const auto& activities = dag.steps[item.index].activities;
        of_item.first = of_item.last = activities.front().resource;
      }
      if (here.steps == 0) here.first = of_item.first;
      here.last = of_item.last;
      here.steps += of_item.steps;
    }
    if (i == 0) continue;
    const std::string steps = Counted(here.steps, "step");
    const std::string_view what = WhatIsIn(groups[i].part);
    groups[i].comment = here.first == here.last
                            ? fmt::format("{}: {} of {}", steps, what, Describe(graph, here.first))
                            : fmt::format("{}: {} of {} to {}", steps, what,
                                          Describe(graph, here.first), Describe(graph, here.last));
  }
}

}  // namespace holdfast::compiler
