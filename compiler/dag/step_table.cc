#include "compiler/dag/step_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/dag/activity_order.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::array kOnEntry{ActivityKind::kPre, ActivityKind::kPreFinish,
                              ActivityKind::kParallel};
// Of a long way around, the message names this many links.
constexpr std::size_t kNamedLinks = 8;

std::uint32_t& StepOf(StepTable& steps, ActivityRef activity) {
  return steps.step_of[activity.resource.value][static_cast<std::size_t>(activity.kind)];
}
std::uint32_t StepOf(const StepTable& steps, ActivityRef activity) {
  return steps.step_of[activity.resource.value][static_cast<std::size_t>(activity.kind)];
}

std::string Describe(const ResourceGraph& graph, const ActivityTable& table, ActivityRef activity) {
  const StepChoice& choice =
      table.choices[activity.resource.value][static_cast<std::size_t>(activity.kind)];
  std::string text =
      std::string(NameOf(activity.kind)) + " of " + LabelOf(graph.node(activity.resource));
  // What the plugin gave: before it the driver puts the plugin's name and a newline.
  const std::string_view key = std::string_view(choice.key).substr(choice.key.find('\n') + 1);
  if (choice.kind == StepChoice::Kind::kAggregate) text += " [key '" + Printable(key) + "']";
  return text;
}

Error CollisionError(const ResourceGraph& graph, const ActivityTable& table, const StepTable& steps,
                     const Digraph& order, std::vector<std::uint32_t> cycle) {
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == kNamedLinks && cycle.size() > kNamedLinks + 1) {
      text += fmt::format("; ... ({} more)", cycle.size() - kNamedLinks);
      break;
    }
    const std::uint32_t here = cycle[i];
    const std::uint32_t next = cycle[(i + 1) % cycle.size()];
    for (const ActivityRef from : steps.activities[here]) {
      const auto edges = order.out_edges(ActivityIndex(from));
      const auto edge = std::find_if(edges.begin(), edges.end(), [&](const Digraph::Edge& e) {
        return StepOf(steps, ActivityAt(e.to)) == next;
      });
      if (edge == edges.end()) continue;
      if (i != 0) text += "; ";
      text += Describe(graph, table, from) + " -> " + Describe(graph, table, ActivityAt(edge->to));
      break;
    }
  }
  return InvalidInput("steps would wait for each other because of what plugins aggregate: " + text)
      .Hint(
          "resources in one step must not depend on each other, not even through others: their "
          "plugin has to give them different keys, or steps of their own");
}

}  // namespace

StepTable FormSteps(const Walk& walk, const ActivityTable& table) {
  StepTable steps;
  steps.step_of.resize(table.choices.size());
  for (auto& row : steps.step_of) row.fill(ActivityDag::kNoStep);
  std::array<std::map<std::string_view, std::uint32_t>, kActivityKindCount> step_of_key;
  const auto add = [&](ActivityRef activity) {
    const auto kind = static_cast<std::size_t>(activity.kind);
    const StepChoice& choice = table.choices[activity.resource.value][kind];
    if (choice.kind == StepChoice::Kind::kNone) return;
    auto step = static_cast<std::uint32_t>(steps.activities.size());
    if (choice.kind == StepChoice::Kind::kAggregate) {
      step = step_of_key[kind].try_emplace(choice.key, step).first->second;
    }
    if (step == steps.activities.size()) steps.activities.emplace_back();
    steps.activities[step].push_back(activity);
    StepOf(steps, activity) = step;
  };
  for (const DepthFirstEvent& event : walk.events) {
    const ResourceId resource{event.node};
    if (event.enter) {
      for (const ActivityKind kind : kOnEntry) add({resource, kind});
    } else {
      add({resource, ActivityKind::kPost});
    }
  }
  for (auto& activities : steps.activities) std::sort(activities.begin(), activities.end());
  return steps;
}

Result<Digraph> OrderSteps(const ResourceGraph& graph, const ActivityTable& table,
                           const StepTable& steps, const Digraph& order) {
  std::vector<Digraph::Edge> edges;
  edges.reserve(order.edge_count());
  for (const Digraph::Edge& edge : order.edges()) {
    edges.push_back({StepOf(steps, ActivityAt(edge.from)), StepOf(steps, ActivityAt(edge.to))});
  }
  Digraph result(static_cast<std::uint32_t>(steps.activities.size()), std::move(edges));
  const bool aggregated = std::any_of(steps.activities.begin(), steps.activities.end(),
                                      [](const auto& activities) { return activities.size() > 1; });
  if (!aggregated) return result;
  if (auto cycle = SearchDepthFirst(result, {}).cycle; !cycle.empty()) {
    return CollisionError(graph, table, steps, order, std::move(cycle));
  }
  return result;
}

StepTable FuseLeaves(const ResourceGraph& graph, const Walk& walk, const ActivityTable& table,
                     StepTable steps, Digraph& order) {
  std::vector<bool> below_pre_finish(graph.size(), false);
  for (const ResourceId r : walk.parents_first) {
    for (const ResourceId parent : graph.parents(r)) {
      if (below_pre_finish[parent.value] || table.Exists(parent, ActivityKind::kPreFinish)) {
        below_pre_finish[r.value] = true;
      }
    }
  }
  const auto step_count = static_cast<std::uint32_t>(steps.activities.size());
  std::vector<std::uint32_t> in_degree(step_count, 0);
  for (const Digraph::Edge& edge : order.edges()) ++in_degree[edge.to];

  const auto alone = [&](ActivityRef activity) {
    return steps.activities[StepOf(steps, activity)].size() == 1;
  };
  const auto is_chain = [&](const std::vector<ActivityRef>& activities) {
    for (std::size_t i = 0; i < activities.size(); ++i) {
      if (!alone(activities[i])) return false;
      if (i == 0) continue;
      const std::uint32_t step = StepOf(steps, activities[i]);
      const auto out = order.out_edges(StepOf(steps, activities[i - 1]));
      if (out.size() != 1 || out.front().to != step || in_degree[step] != 1) return false;
    }
    return activities.size() > 1;
  };
  // By step: the step that it becomes a part of (itself, unless it is fused).
  std::vector<std::uint32_t> part_of(step_count);
  for (std::uint32_t i = 0; i < step_count; ++i) part_of[i] = i;
  for (const ResourceId r : walk.parents_first) {
    if (!graph.children(r).empty()) continue;
    std::vector<ActivityRef> chain;
    for (const ActivityKind kind : kAllActivityKinds) {
      if (table.Exists(r, kind)) chain.push_back({r, kind});
    }
    const bool whole = !below_pre_finish[r.value] && std::all_of(chain.begin(), chain.end(), alone);
    if (!whole) {
      std::erase_if(chain, [](const ActivityRef& activity) {
        return activity.kind == ActivityKind::kPre || activity.kind == ActivityKind::kPreFinish;
      });
    }
    if (!is_chain(chain)) continue;
    for (const ActivityRef activity : chain) {
      part_of[StepOf(steps, activity)] = StepOf(steps, chain.front());
    }
  }

  // Steps that became a part leave their place; the others keep their order.
  std::vector<std::uint32_t> number(step_count, 0);
  StepTable fused;
  fused.step_of = std::move(steps.step_of);
  for (std::uint32_t i = 0; i < step_count; ++i) {
    if (part_of[i] == i) {
      number[i] = static_cast<std::uint32_t>(fused.activities.size());
      fused.activities.emplace_back();
    }
    auto& activities = fused.activities[number[part_of[i]]];
    activities.insert(activities.end(), steps.activities[i].begin(), steps.activities[i].end());
  }
  for (std::uint32_t i = 0; i < fused.activities.size(); ++i) {
    for (const ActivityRef activity : fused.activities[i]) StepOf(fused, activity) = i;
  }
  std::vector<Digraph::Edge> edges;
  edges.reserve(order.edge_count());
  for (const Digraph::Edge& edge : order.edges()) {
    if (part_of[edge.from] == part_of[edge.to]) continue;
    edges.push_back({number[part_of[edge.from]], number[part_of[edge.to]]});
  }
  order = Digraph(static_cast<std::uint32_t>(fused.activities.size()), std::move(edges));
  return fused;
}

}  // namespace holdfast::compiler
