#include "tests/compiler/dag/dag_oracle.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>

namespace holdfast::compiler {
namespace {

std::size_t Number(std::uint32_t resource, ActivityKind kind) {
  return resource * std::size_t{4} + static_cast<std::size_t>(kind);
}

// Proper descendants of every resource.
Matrix Descendants(const ResourceGraph& graph) {
  Matrix below(graph.size(), std::vector<bool>(graph.size(), false));
  for (const auto& edge : graph.edges()) below[edge.parent.value][edge.child.value] = true;
  return Close(std::move(below));
}

}  // namespace

Matrix Close(Matrix matrix) {
  const std::size_t n = matrix.size();
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!matrix[i][k]) continue;
      for (std::size_t j = 0; j < n; ++j) {
        if (matrix[k][j]) matrix[i][j] = true;
      }
    }
  }
  return matrix;
}

Matrix OracleOrder(const ResourceGraph& graph, const ActivityTable& table) {
  const auto size = static_cast<std::uint32_t>(graph.size());
  const Matrix below = Descendants(graph);
  Matrix links(size * 4, std::vector<bool>(size * 4, false));
  const auto link = [&](std::uint32_t a, ActivityKind a_kind, std::uint32_t b,
                        ActivityKind b_kind) {
    links[Number(a, a_kind)][Number(b, b_kind)] = true;
  };
  using enum ActivityKind;
  for (std::uint32_t r = 0; r < size; ++r) {
    for (const auto& edge : graph.edges()) {
      if (edge.child.value != r) continue;
      link(edge.parent.value, kPre, r, kPre);
      link(r, kPost, edge.parent.value, kPost);
    }
    link(r, kPre, r, kParallel);
    link(r, kParallel, r, kPost);
    if (!table.Exists(ResourceId{r}, kPreFinish)) continue;
    link(r, kPre, r, kPreFinish);
    link(r, kPreFinish, r, kParallel);
    for (std::uint32_t d = 0; d < size; ++d) {
      if (!below[r][d]) continue;
      link(d, kPre, r, kPreFinish);
      if (table.Exists(ResourceId{d}, kPreFinish)) link(d, kPreFinish, r, kPreFinish);
    }
  }
  Matrix order = Close(std::move(links));
  for (std::uint32_t r = 0; r < size; ++r) {
    for (const ActivityKind kind : kAllActivityKinds) {
      if (table.Exists(ResourceId{r}, kind)) continue;
      const std::size_t gone = Number(r, kind);
      for (std::size_t i = 0; i < order.size(); ++i) order[gone][i] = order[i][gone] = false;
    }
  }
  return order;
}

std::vector<ActivityRef> OracleGates(const ResourceGraph& graph, const ActivityTable& table,
                                     ActivityRef activity) {
  using enum ActivityKind;
  std::set<ActivityRef> gates;
  std::set<std::uint32_t> done;
  const std::function<void(ResourceId)> add_gates_of_pre = [&](ResourceId r) {
    if (!done.insert(r.value).second) return;
    for (const auto& edge : graph.edges()) {
      if (edge.child != r) continue;
      if (table.Exists(edge.parent, kPre)) {
        gates.insert({edge.parent, kPre});
      } else {
        add_gates_of_pre(edge.parent);
      }
    }
  };
  const ResourceId r = activity.resource;
  if (activity.kind == kPre || !table.Exists(r, kPre)) {
    add_gates_of_pre(r);
  } else {
    gates.insert({r, kPre});
  }
  if (activity.kind == kParallel && table.Exists(r, kPreFinish)) gates.insert({r, kPreFinish});
  return {gates.begin(), gates.end()};
}

OracleRun RunOracle(const ResourceGraph& graph, const ActivityTable& table,
                    const std::vector<bool>& fails) {
  using enum ActivityKind;
  const auto size = static_cast<std::uint32_t>(graph.size());
  OracleRun run{std::vector<bool>(size * 4, false), std::vector<bool>(size * 4, false)};
  const auto try_to_run = [&](std::uint32_t r, ActivityKind kind, bool may) {
    if (!may || !table.Exists(ResourceId{r}, kind)) return;
    run.ran[Number(r, kind)] = true;
    run.succeeded[Number(r, kind)] = !fails[Number(r, kind)];
  };
  // Whether r.pre succeeded, or counts as succeeded because what gates it did. No memory of what
  // was asked: the graphs are small.
  std::map<std::uint32_t, bool> known;
  const std::function<bool(std::uint32_t)> pre_succeeded = [&](std::uint32_t r) {
    if (const auto at = known.find(r); at != known.end()) return at->second;
    bool may = true;
    for (const auto& edge : graph.edges()) {
      if (edge.child.value == r && !pre_succeeded(edge.parent.value)) may = false;
    }
    try_to_run(r, kPre, may);
    const bool result = table.Exists(ResourceId{r}, kPre) ? run.succeeded[Number(r, kPre)] : may;
    known[r] = result;
    return result;
  };
  for (std::uint32_t r = 0; r < size; ++r) {
    const bool may = pre_succeeded(r);
    try_to_run(r, kPreFinish, may);
    try_to_run(
        r, kParallel,
        may && (!table.Exists(ResourceId{r}, kPreFinish) || run.succeeded[Number(r, kPreFinish)]));
    try_to_run(r, kPost, may);
  }
  return run;
}

std::vector<std::vector<ActivityRef>> OracleSteps(const ResourceGraph& graph,
                                                  const ActivityTable& table, FuseMode fuse) {
  using enum ActivityKind;
  const auto size = static_cast<std::uint32_t>(graph.size());
  std::map<std::pair<ActivityKind, std::string>, std::vector<ActivityRef>> groups;
  std::vector<std::vector<ActivityRef>> steps;
  for (std::uint32_t r = 0; r < size; ++r) {
    for (const ActivityKind kind : kAllActivityKinds) {
      const StepChoice& choice = table.choices[r][static_cast<std::size_t>(kind)];
      if (choice.kind == StepChoice::Kind::kOwn) steps.push_back({{ResourceId{r}, kind}});
      if (choice.kind == StepChoice::Kind::kAggregate) {
        groups[{kind, choice.key}].push_back({ResourceId{r}, kind});
      }
    }
  }
  for (auto& [key, group] : groups) steps.push_back(std::move(group));

  const Matrix order = OracleOrder(graph, table);
  Matrix step_order(steps.size(), std::vector<bool>(steps.size(), false));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t j = 0; j < steps.size(); ++j) {
      for (const ActivityRef a : steps[i]) {
        for (const ActivityRef b : steps[j]) {
          if (order[Number(a.resource.value, a.kind)][Number(b.resource.value, b.kind)]) {
            step_order[i][j] = true;
          }
        }
      }
    }
  }
  step_order = Close(std::move(step_order));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (step_order[i][i]) return {};
  }

  if (fuse == FuseMode::kLeaf) {
    const Matrix below = Descendants(graph);
    for (std::uint32_t r = 0; r < size; ++r) {
      bool leaf = true;
      bool below_pre_finish = false;
      for (std::uint32_t other = 0; other < size; ++other) {
        if (below[r][other]) leaf = false;
        if (below[other][r] && table.Exists(ResourceId{other}, kPreFinish)) below_pre_finish = true;
      }
      if (!leaf) continue;
      std::vector<std::vector<ActivityRef>> alone;
      bool all_alone = true;
      for (const auto& step : steps) {
        for (const ActivityRef activity : step) {
          if (activity.resource.value != r) continue;
          if (step.size() == 1) alone.push_back(step);
          if (step.size() != 1) all_alone = false;
        }
      }
      if (!all_alone || below_pre_finish) {
        std::erase_if(alone, [](const auto& s) {
          return s.front().kind == kPre || s.front().kind == kPreFinish;
        });
        if (alone.size() != 2) continue;  // parallel and post, or nothing
      }
      std::vector<ActivityRef> fused;
      for (const auto& step : alone) {
        fused.push_back(step.front());
        std::erase(steps, step);
      }
      if (!fused.empty()) steps.push_back(fused);
    }
  }
  for (auto& step : steps) std::sort(step.begin(), step.end());
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace holdfast::compiler
