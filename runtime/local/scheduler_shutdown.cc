// What Stop, Terminate and the deadline do to a Scheduler.
#include <fmt/format.h>

#include <set>
#include <string>

#include "runtime/local/scheduler.h"

namespace holdfast::local {

std::string_view NameOf(Shutdown strategy) {
  switch (strategy) {
    case Shutdown::kNone:
      return "";
    case Shutdown::kStop:
      return "Stop";
    case Shutdown::kTerminate:
      return "Terminate";
  }
  return "";
}

void Scheduler::Stop(Shutdown strategy) {
  if (complete_ || strategy <= shutdown_) return;
  shutdown_ = strategy;
  if (!root_done_ || strategy == Shutdown::kTerminate) stopped_ = true;
  FailAll();
  force_below_ = static_cast<std::uint32_t>(dags_.size());
  Drain();
}

void Scheduler::DeadlinePassed() {
  if (complete_ || root_done_ || deadline_passed_) return;
  deadline_passed_ = true;
  FailAll();
  Drain();
}

// After a shutdown a DAG is Failed at once, whatever of it still dies, unless an exit hook of one
// of its targets runs. The innermost first: what comes after them is looked at on the way out.
bool Scheduler::ForceOneDag() {
  while (force_below_ > 0) {
    DagInstance& dag = dags_[--force_below_];
    if (dag.done || !StopApplies(nodes_[dag.node])) continue;
    bool hook_runs = false;
    for (const std::uint32_t target : workflow_.templates[dag.template_index].dag->targets) {
      const NodeId hook = dag.tasks[target].hook;
      hook_runs = hook_runs || (hook != kNoNode && !IsFulfilled(nodes_[hook].phase));
    }
    if (hook_runs) continue;
    CompleteDag(force_below_);
    return true;
  }
  return false;
}

bool Scheduler::StopApplies(const Node& node) const {
  return shutdown_ == Shutdown::kTerminate || (shutdown_ == Shutdown::kStop && !node.exit_scope);
}

bool Scheduler::MayNotStart(const Node& node) const {
  return StopApplies(node) || (deadline_passed_ && !node.exit_scope);
}

std::string Scheduler::WhyNotStarted() const {
  if (shutdown_ != Shutdown::kNone)
    return fmt::format("workflow shutdown with strategy: {}", NameOf(shutdown_));
  return "Step exceeded its deadline";
}

void Scheduler::FailAll() {
  const std::set<NodeId> running = running_;
  for (const NodeId id : running) {
    if (!MayNotStart(nodes_[id])) continue;
    running_.erase(id);
    actions_.push_back({Action::Kind::kKill, id, {}, {}});
    Fulfil(id, Phase::kFailed, WhyNotStarted());
  }
  for (Ordered* queue : {&ready_, &waiting_for_lock_}) {
    const Ordered entries = *queue;
    for (const auto& entry : entries) {
      if (!MayNotStart(nodes_[entry.second])) continue;
      queue->erase(entry);
      Show(entry.second);
      Fulfil(entry.second, Phase::kFailed, WhyNotStarted());
    }
  }
  const std::set<NodeId> waiting = waiting_;
  for (const NodeId id : waiting) {
    if (!MayNotStart(nodes_[id])) continue;
    waiting_.erase(id);
    Fulfil(id, Phase::kFailed, WhyNotStarted());
  }
}

}  // namespace holdfast::local
