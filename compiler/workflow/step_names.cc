#include "compiler/workflow/step_names.h"

#include <algorithm>
#include <map>

#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::size_t kMaxReadable = 24;
constexpr std::size_t kShortHash = 8;
constexpr std::size_t kWholeHash = 64;

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }

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
  std::string name = step_names_internal::SafeName(node.name);
  if (name.empty()) name = step_names_internal::SafeName(node.key.id);
  if (name.empty()) name = step_names_internal::SafeName(Split(node.key.type, ':').back());
  return name.empty() ? "r" : name;
}

}  // namespace

namespace step_names_internal {

std::string SafeName(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (IsLetter(lower) || (lower >= '0' && lower <= '9')) {
      // Task names of Argo begin with a letter.
      if (out.empty() && !IsLetter(lower)) out = "r-";
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() >= kMaxReadable) break;
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

std::vector<std::string> JoinParts(const std::vector<NameParts>& parts) {
  std::vector<std::string> names(parts.size());
  std::vector<std::size_t> open(parts.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  for (std::size_t length = kShortHash; !open.empty(); length += kShortHash) {
    // Different sources of a whole SHA-256: equal ones would be the same step twice.
    HOLDFAST_CHECK(length <= kWholeHash);
    std::map<std::string, std::vector<std::size_t>> by_name;
    for (const std::size_t i : open) {
      names[i] = parts[i].name + "-" + parts[i].hash.substr(0, length) + "-" + parts[i].what;
      by_name[names[i]].push_back(i);
    }
    open.clear();
    for (const auto& [name, same] : by_name) {
      if (same.size() > 1) open.insert(open.end(), same.begin(), same.end());
    }
  }
  return names;
}

}  // namespace step_names_internal

std::vector<std::string> NameSteps(const ResourceGraph& graph, const ActivityTable& table,
                                   const ActivityDag& dag, StepNames style) {
  std::vector<step_names_internal::NameParts> parts;
  parts.reserve(dag.steps.size());
  for (const ActivityDag::Step& step : dag.steps) {
    const ActivityRef first = step.activities.front();
    const ResourceGraph::Node& node = graph.node(first.resource);
    if (first.resource == step.activities.back().resource) {
      parts.push_back({style == StepNames::kReadable ? NameOfResource(node) : "r",
                       Sha256Hex(node.key.str()), WhatOf(step)});
      continue;
    }
    const StepChoice& choice =
        table.choices[first.resource.value][static_cast<std::size_t>(first.kind)];
    parts.push_back({"group", Sha256Hex("group " + choice.key), WhatOf(step)});
  }
  return step_names_internal::JoinParts(parts);
}

}  // namespace holdfast::compiler
