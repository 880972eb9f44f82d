#include "tests/compiler/emit/defined_run.h"

#include <algorithm>

namespace holdfast::compiler {

using enum ActivityKind;

DefinedRun::DefinedRun(const ResourceGraph& graph, const ActivityTable& table, FuseMode fuse)
    : graph_(graph), table_(table) {
  SortResources();
  MakeSteps(fuse);
  MakeOrder();
  MakeGates();
}

void DefinedRun::SortResources() {
  std::vector<std::size_t> missing(graph_.size());
  for (std::uint32_t i = 0; i < graph_.size(); ++i) {
    missing[i] = graph_.parents(ResourceId{i}).size();
    if (missing[i] == 0) parents_first_.push_back(ResourceId{i});
  }
  for (std::size_t at = 0; at < parents_first_.size(); ++at) {
    for (const ResourceId child : graph_.children(parents_first_[at])) {
      if (--missing[child.value] == 0) parents_first_.push_back(child);
    }
  }
}

// Pre, parallel and post of a leaf are one step where the mode says so; below a pre_finish its pre
// stays apart.
void DefinedRun::MakeSteps(FuseMode fuse) {
  std::vector<bool> below_pre_finish(graph_.size(), false);
  for (const ResourceId r : parents_first_) {
    for (const ResourceId child : graph_.children(r)) {
      if (below_pre_finish[r.value] || table_.Exists(r, kPreFinish))
        below_pre_finish[child.value] = true;
    }
  }
  for (std::uint32_t i = 0; i < graph_.size(); ++i) {
    const ResourceId r{i};
    const bool leaf = fuse == FuseMode::kLeaf && graph_.children(r).empty();
    bool open = false;  // the last step takes more
    for (const ActivityKind kind : kAllActivityKinds) {
      if (!table_.Exists(r, kind)) continue;
      if (!open) steps_.emplace_back();
      steps_.back().push_back({r, kind});
      const bool preparation = kind == kPre || kind == kPreFinish;
      open = leaf && !(preparation && below_pre_finish[i]);
    }
  }
  step_of_.assign(graph_.size() * kActivityKindCount, 0);
  for (std::uint32_t step = 0; step < steps_.size(); ++step) {
    for (const ActivityRef activity : steps_[step]) step_of_[NumberOf(activity)] = step;
  }
}

void DefinedRun::MakeOrder() {
  for (std::size_t i = 0; i < steps_.size(); ++i) nodes_.push_back(order_.AddNode());
  std::vector<std::uint32_t> node_of(step_of_.size());
  // When a resource and all below it are prepared.
  std::vector<std::uint32_t> prepared(graph_.size());
  for (std::uint32_t i = 0; i < graph_.size(); ++i) {
    const ResourceId r{i};
    for (const ActivityKind kind : kAllActivityKinds) {
      node_of[NumberOf({r, kind})] =
          table_.Exists(r, kind) ? nodes_[StepOf({r, kind})] : order_.AddNode();
    }
    // What does not exist is in a step with what is before and after it.
    const std::uint32_t last = node_of[NumberOf({r, kPost})];
    const bool around =
        last == node_of[NumberOf({r, kPre})] || last == node_of[NumberOf({r, kPreFinish})];
    if (!table_.Exists(r, kParallel) && around) node_of[NumberOf({r, kParallel})] = last;
    prepared[i] = order_.AddNode();
  }
  const auto link = [&](std::uint32_t before, std::uint32_t after) {
    if (before != after) order_.Link(before, after);  // in one step
  };
  for (std::uint32_t i = 0; i < graph_.size(); ++i) {
    const auto node = [&](ResourceId r, ActivityKind kind) { return node_of[NumberOf({r, kind})]; };
    const ResourceId r{i};
    link(node(r, kPre), node(r, kParallel));
    link(node(r, kParallel), node(r, kPost));
    link(node(r, kPre), prepared[i]);
    const bool has_pre_finish = table_.Exists(r, kPreFinish);
    if (has_pre_finish) {
      link(node(r, kPre), node(r, kPreFinish));
      link(node(r, kPreFinish), node(r, kParallel));
      link(node(r, kPreFinish), prepared[i]);
    }
    for (const ResourceId child : graph_.children(r)) {
      link(node(r, kPre), node(child, kPre));
      link(node(child, kPost), node(r, kPost));
      link(prepared[child.value], prepared[i]);
      if (has_pre_finish) link(prepared[child.value], node(r, kPreFinish));
    }
  }
}

void DefinedRun::MakeGates() {
  gates_of_pre_.resize(graph_.size());
  for (const ResourceId r : parents_first_) {
    auto& gates = gates_of_pre_[r.value];
    for (const ResourceId parent : graph_.parents(r)) {
      const auto& above = gates_of_pre_[parent.value];
      if (table_.Exists(parent, kPre)) {
        gates.push_back({parent, kPre});
      } else {
        gates.insert(gates.end(), above.begin(), above.end());
      }
    }
    std::sort(gates.begin(), gates.end());
    gates.erase(std::unique(gates.begin(), gates.end()), gates.end());
  }
}

std::vector<ActivityRef> DefinedRun::GatesOf(ActivityRef activity) const {
  const ResourceId r = activity.resource;
  std::vector<ActivityRef> gates;
  if (activity.kind == kPre || !table_.Exists(r, kPre)) {
    gates = gates_of_pre_[r.value];
  } else {
    gates = {{r, kPre}};
  }
  if (activity.kind == kParallel && table_.Exists(r, kPreFinish)) gates.push_back({r, kPreFinish});
  std::sort(gates.begin(), gates.end());
  return gates;
}

DefinedRun::Outcome DefinedRun::Run(const std::vector<bool>& fails) const {
  Outcome out{std::vector<bool>(fails.size(), false), std::vector<bool>(fails.size(), false)};
  for (const ResourceId r : parents_first_) {
    for (const ActivityKind kind : kAllActivityKinds) {
      const ActivityRef activity{r, kind};
      if (!table_.Exists(r, kind)) continue;
      const auto gates = GatesOf(activity);
      const std::size_t number = NumberOf(activity);
      out.ran[number] = std::all_of(gates.begin(), gates.end(), [&](ActivityRef gate) {
        return out.succeeded[NumberOf(gate)];
      });
      out.succeeded[number] = out.ran[number] && !fails[number];
    }
  }
  return out;
}

}  // namespace holdfast::compiler
