#include "runtime/agent/step_queue.h"

#include <algorithm>

namespace holdfast::agent {

namespace {

// Mistral is asked about those alone whose turn has come, and not about a whole night's backlog at once.
constexpr unsigned kMostAsking = 8;

}  // namespace

QueuedStep& StepQueue::Add(const StepRequest& request, const std::string& id,
                           std::optional<SteadyTime> wanted_at) {
  const auto [at, is_new] = steps_.try_emplace(request);
  QueuedStep& step = at->second;
  step.ids.push_back(id);
  // Who hands it in wants it.
  if (is_new || wanted_at) step.wanted_at = wanted_at;
  if (!is_new) return step;
  step.request = request;
  step.kind = KindOf(request);
  step.number = ++last_number_;
  waiting_.emplace(TurnOf(step), &step);
  return step;
}

QueuedStep* StepQueue::Find(const StepRequest& request) {
  const auto at = steps_.find(request);
  return at == steps_.end() ? nullptr : &at->second;
}

const QueuedStep* StepQueue::Find(const StepRequest& request) const {
  const auto at = steps_.find(request);
  return at == steps_.end() ? nullptr : &at->second;
}

void StepQueue::Leave(const QueuedStep& step) {
  waiting_.erase(TurnOf(step));
  to_ask_.erase(TurnOf(step));
  if (step.state == QueuedStep::State::kAsking) --asking_;
  if (step.state == QueuedStep::State::kRunning && MayBeLong(step.kind)) --long_ones_;
}

void StepQueue::Remove(const StepRequest& request) {
  const auto at = steps_.find(request);
  if (at == steps_.end()) return;
  Leave(at->second);
  steps_.erase(at);
}

StepQueue::Next StepQueue::NextToRun(SteadyTime now, WallTime wall) {
  Next next;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    QueuedStep& step = *at->second;
    // Those that may take hours are the last ones.
    if (MayBeLong(step.kind) && long_ones_ >= most_long_) break;
    if (step.not_before > now) {
      next.look_again = std::min(next.look_again, step.not_before);
      ++at;
      continue;
    }
    if (!EndsARest(step.kind) && (!step.wanted_at || now - *step.wanted_at > unasked_)) {
      if (asking_ >= kMostAsking) {
        ++at;
        continue;
      }
      ++asking_;
      step.state = QueuedStep::State::kAsking;
      to_ask_.emplace(*at);
      at = waiting_.erase(at);
      next.asks = true;
      continue;
    }
    waiting_.erase(at);
    step.state = QueuedStep::State::kRunning;
    step.running_since = wall;
    step.trouble.clear();
    if (MayBeLong(step.kind)) ++long_ones_;
    next.step = &step;
    break;
  }
  return next;
}

QueuedStep* StepQueue::NextToAsk() {
  if (to_ask_.empty()) return nullptr;
  QueuedStep* const step = to_ask_.begin()->second;
  to_ask_.erase(to_ask_.begin());
  return step;
}

void StepQueue::PutBack(QueuedStep& step, SteadyTime not_before) {
  Leave(step);
  step.state = QueuedStep::State::kWaiting;
  step.running_since.reset();
  step.not_before = not_before;
  waiting_.emplace(TurnOf(step), &step);
}

}  // namespace holdfast::agent
