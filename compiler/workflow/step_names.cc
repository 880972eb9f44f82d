#include "compiler/workflow/step_names.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/safe_name.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::size_t kShortHash = 8;
constexpr std::size_t kWholeHash = 64;

std::string_view ShortName(ActivityKind kind) {
  switch (kind) {
    case ActivityKind::kPre:
      return "pre";
    case ActivityKind::kPreFinish:
      return "fin";
    case ActivityKind::kParallel:
      return "par";
    case ActivityKind::kPost:
      return "post";
  }
  return "";
}

std::string_view WhatOf(const ActivityDag::Step& step) {
  const bool fused = std::any_of(step.activities.begin(), step.activities.end(),
                                 [&step](const ActivityRef& activity) {
                                   return activity.kind != step.activities.front().kind;
                                 });
  if (!fused) return ShortName(step.activities.front().kind);
  return step.activities.front().kind == ActivityKind::kParallel ? "copy" : "leaf";
}

std::string NameOfResource(const ResourceGraph::Node& node) {
  std::string name = SafeName(node.name);
  if (name.empty()) name = SafeName(node.key.id);
  if (name.empty()) name = SafeName(Split(node.key.type, ':').back());
  return name.empty() ? "r" : name;
}

}  // namespace

namespace step_names_internal {

std::vector<std::string> JoinParts(const std::vector<NameParts>& parts) {
  std::vector<std::string> names(parts.size());
  std::vector<std::size_t> open(parts.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  for (std::size_t length = kShortHash; !open.empty(); length += kShortHash) {
    // Different sources of a whole SHA-256: equal ones would be the same step twice.
    HOLDFAST_CHECK(length <= kWholeHash);
    for (const std::size_t i : open) {
      std::string& name = names[i];
      name = parts[i].name;
      name += '-';
      name.append(parts[i].hash, 0, length);
      name += '-';
      name += parts[i].what;
    }
    std::unordered_map<std::string_view, std::size_t> uses;
    uses.reserve(open.size());
    for (const std::size_t i : open) ++uses[names[i]];
    std::vector<std::size_t> same;
    if (uses.size() != open.size()) {
      std::copy_if(open.begin(), open.end(), std::back_inserter(same),
                   [&](std::size_t i) { return uses.at(names[i]) > 1; });
    }
    open = std::move(same);
  }
  return names;
}

}  // namespace step_names_internal

std::vector<std::string> NameSteps(const ResourceGraph& graph, const ActivityTable& table,
                                   const ActivityDag& dag, StepNames style) {
  std::vector<step_names_internal::NameParts> parts;
  parts.reserve(dag.steps.size());
  // By resource, as a resource has several steps; and of groups.
  std::vector<std::string> hashes(graph.size());
  std::vector<std::string> readable(graph.size());
  std::deque<std::string> group_hashes;
  for (const ActivityDag::Step& step : dag.steps) {
    const ActivityRef first = step.activities.front();
    const std::size_t number = first.resource.value;
    if (first.resource == step.activities.back().resource) {
      const ResourceGraph::Node& node = graph.node(first.resource);
      if (hashes[number].empty()) {
        hashes[number] = Sha256Hex(node.key.str());
        readable[number] = style == StepNames::kReadable ? NameOfResource(node) : "r";
      }
      parts.push_back({readable[number], hashes[number], WhatOf(step)});
      continue;
    }
    const StepChoice& choice = table.choices[number][static_cast<std::size_t>(first.kind)];
    group_hashes.push_back(Sha256Hex("group " + choice.key));
    parts.push_back({"group", group_hashes.back(), WhatOf(step)});
  }
  return step_names_internal::JoinParts(parts);
}

}  // namespace holdfast::compiler
