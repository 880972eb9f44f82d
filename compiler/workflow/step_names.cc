#include "compiler/workflow/step_names.h"

#include <algorithm>
#include <cstddef>
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

std::string WhatOf(const ActivityDag::Step& step) {
  const bool fused = std::any_of(step.activities.begin(), step.activities.end(),
                                 [&step](const ActivityRef& activity) {
                                   return activity.kind != step.activities.front().kind;
                                 });
  if (!fused) return std::string(ShortName(step.activities.front().kind));
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
    std::sort(open.begin(), open.end(),
              [&names](std::size_t a, std::size_t b) { return names[a] < names[b]; });
    std::vector<std::size_t> same;
    for (std::size_t begin = 0; begin < open.size();) {
      std::size_t end = begin + 1;
      while (end < open.size() && names[open[end]] == names[open[begin]]) ++end;
      if (end - begin > 1)
        same.insert(same.end(), open.begin() + static_cast<std::ptrdiff_t>(begin),
                    open.begin() + static_cast<std::ptrdiff_t>(end));
      begin = end;
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
  // By resource: a resource has several steps.
  std::vector<std::string> hashes(graph.size());
  for (const ActivityDag::Step& step : dag.steps) {
    const ActivityRef first = step.activities.front();
    const ResourceGraph::Node& node = graph.node(first.resource);
    if (first.resource == step.activities.back().resource) {
      std::string& hash = hashes[first.resource.value];
      if (hash.empty()) hash = Sha256Hex(node.key.str());
      parts.push_back(
          {style == StepNames::kReadable ? NameOfResource(node) : "r", hash, WhatOf(step)});
      continue;
    }
    const StepChoice& choice =
        table.choices[first.resource.value][static_cast<std::size_t>(first.kind)];
    parts.push_back({"group", Sha256Hex("group " + choice.key), WhatOf(step)});
  }
  return step_names_internal::JoinParts(parts);
}

}  // namespace holdfast::compiler
