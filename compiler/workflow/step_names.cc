#include <algorithm>
#include <map>

#include "compiler/graph/walk.h"
#include "compiler/workflow/workflow.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {

namespace {

constexpr std::size_t kMaxReadable = 24;
constexpr std::size_t kShortHash = 8;

std::string_view ShortName(ActivityKind kind) {
  switch (kind) {
    case ActivityKind::kPre: return "pre";
    case ActivityKind::kPreFinish: return "fin";
    case ActivityKind::kParallel: return "par";
    case ActivityKind::kPost: return "post";
  }
  return "";
}

// What is left of a tenant's name: [a-z0-9-], at most 24, beginning with a letter.
std::string SafeName(const ResourceGraph::Node& node) {
  std::string out;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      if (out.size() == kMaxReadable) return;
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
      if (fits) {
        out += lower;
      } else if (!out.empty() && out.back() != '-') {
        out += '-';
      }
    }
  };
  add(node.name);
  while (!out.empty() && out.back() == '-') out.pop_back();
  if (out.empty()) {
    const std::size_t last = node.key.type.rfind("::");
    add(last == std::string::npos ? node.key.type : node.key.type.substr(last + 2));
    while (!out.empty() && out.back() == '-') out.pop_back();
  }
  if (out.empty() || !(out.front() >= 'a' && out.front() <= 'z')) {
    out.insert(0, "r-");
    out.resize(std::min(out.size(), kMaxReadable));
    while (out.back() == '-') out.pop_back();
  }
  return out;
}

// "pre", "leaf" (pre, parallel and post of a leaf), "copy" (its parallel and post).
std::string KindsOf(const ActivityDag::Step& step) {
  std::vector<std::string> kinds;
  for (const ActivityRef& activity : step.activities) {
    std::string name(ShortName(activity.kind));
    if (kinds.empty() || kinds.back() != name) kinds.push_back(std::move(name));
  }
  if (kinds == std::vector<std::string>{"pre", "par", "post"}) return "leaf";
  if (kinds == std::vector<std::string>{"par", "post"}) return "copy";
  return Join(kinds, "-");
}

std::string_view LinkText(LinkKind link) {
  switch (link) {
    case LinkKind::kParentPreToPre: return "what it stands on is prepared";
    case LinkKind::kPreToParallel: return "its preparation";
    case LinkKind::kParallelToPost: return "its parallel";
    case LinkKind::kPostToParentPost: return "the posts below it";
    case LinkKind::kPreFinish: return "the preparations below it (pre_finish)";
  }
  return "";
}

}  // namespace

std::vector<std::string> NameSteps(const ResourceGraph& graph, const ActivityTable& table, const ActivityDag& dag,
                                   StepNames style) {
  struct Parts {
    std::string stem;
    std::string hash;
    std::string kinds;
  };
  std::vector<Parts> parts;
  parts.reserve(dag.steps.size());
  for (const ActivityDag::Step& step : dag.steps) {
    const ActivityRef& first = step.activities.front();
    const ResourceGraph::Node& node = graph.node(first.resource);
    const StepChoice& choice = table.choices[first.resource.value][static_cast<std::size_t>(first.kind)];
    if (choice.kind == StepChoice::Kind::kAggregate) {
      parts.push_back({"group", Sha256Hex(node.key.type + "\n" + choice.key), KindsOf(step)});
    } else {
      parts.push_back({style == StepNames::kReadable ? SafeName(node) : "r", Sha256Hex(node.key.str()), KindsOf(step)});
    }
  }
  std::vector<std::string> names(parts.size());
  std::vector<std::size_t> open(parts.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  // Those that still share a name get a longer piece of their hash: all of them, so that none
  // depends on which came first.
  for (std::size_t length = kShortHash; !open.empty() && length <= 64; length *= 2) {
    std::map<std::string, std::vector<std::size_t>> by_name;
    for (const std::size_t i : open) {
      names[i] = parts[i].stem + "-" + parts[i].hash.substr(0, length) + "-" + parts[i].kinds;
      by_name[names[i]].push_back(i);
    }
    open.clear();
    for (const auto& [name, indices] : by_name) {
      if (indices.size() > 1) open.insert(open.end(), indices.begin(), indices.end());
    }
  }
  return names;
}

std::string DescribeStep(const ResourceGraph& graph, const ActivityDag& dag, StepId id) {
  const ActivityDag::Step& step = dag.steps[id.value];
  std::vector<std::string> kinds;
  for (const ActivityRef& activity : step.activities) {
    const std::string name(NameOf(activity.kind));
    if (std::find(kinds.begin(), kinds.end(), name) == kinds.end()) kinds.push_back(name);
  }
  const ResourceGraph::Node& node = graph.node(step.activities.front().resource);
  std::string out = Join(kinds, ", ") + " of " + LabelOf(node) + " (" + Printable(node.key.str()) + ")";
  const bool several = step.activities.front().resource != step.activities.back().resource;
  if (several) out += " and " + std::to_string(step.activities.size() - 1) + " more, in one step";
  std::vector<std::string> after;
  for (const ActivityDag::Predecessor& predecessor : step.order) {
    const std::string text(LinkText(predecessor.link));
    if (std::find(after.begin(), after.end(), text) == after.end()) after.push_back(text);
  }
  if (!after.empty()) out += ": after " + Join(after, ", ");
  return out;
}

}  // namespace holdfast::compiler
