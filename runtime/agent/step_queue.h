#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/clock.h"
#include "runtime/agent/step_job.h"
#include "runtime/agent/step_kind.h"

namespace holdfast::agent {

// A step that is not done, and the jobs that ask for it.
struct QueuedStep {
  enum class State { kWaiting, kAsking, kRunning };

  StepRequest request;
  StepKind kind = StepKind::kOther;
  std::uint64_t number = 0;  // the older, the smaller
  std::vector<std::string>
      ids;  // never none; the newest is the last: the one that Mistral waits for
  State state = State::kWaiting;
  // Mistral has wanted it then; nullopt: before this agent lived.
  std::optional<SteadyTime> wanted_at;
  SteadyTime not_before{};  // it waits until then
  std::optional<WallTime> running_since;
  std::optional<SteadyTime> first_failed_start;
  int failed_starts = 0;
  std::string trouble;
};

// The steps that are to be run or at work, and whose turn it is: what ends a rest, or lets others go on, first, the older
// ones before the newer; what may take hours last, and not more than so many at once. One thread at a time.
class StepQueue {
 public:
  StepQueue(unsigned most_long, std::chrono::milliseconds unasked)
      : most_long_(most_long), unasked_(unasked) {}

  // Joins the step that is there, or adds it. `wanted_at`: nullopt for one of a former life.
  QueuedStep& Add(const StepRequest& request, const std::string& id,
                  std::optional<SteadyTime> wanted_at);
  // nullptr: none is there.
  QueuedStep* Find(const StepRequest& request);
  const QueuedStep* Find(const StepRequest& request) const;
  // Takes it out: it is done.
  void Remove(const StepRequest& request);

  struct Next {
    QueuedStep* step = nullptr;  // is running from now on; nullptr: none can be run now
    SteadyTime look_again = SteadyTime::max();
    bool asks = false;  // there is something new for NextToAsk
  };
  Next NextToRun(SteadyTime now, WallTime wall);
  // Mistral is to be asked about it. nullptr: there is none.
  QueuedStep* NextToAsk();
  // Waits again, until `not_before` at least.
  void PutBack(QueuedStep& step, SteadyTime not_before);

 private:
  using Turn = std::pair<int, std::uint64_t>;
  static Turn TurnOf(const QueuedStep& step) { return {agent::TurnOf(step.kind), step.number}; }
  void Leave(const QueuedStep& step);

  const unsigned most_long_;
  const std::chrono::milliseconds unasked_;
  std::uint64_t last_number_ = 0;
  unsigned long_ones_ = 0;  // at work
  unsigned asking_ = 0;
  std::map<StepRequest, QueuedStep> steps_;
  std::map<Turn, QueuedStep*> waiting_;
  std::map<Turn, QueuedStep*> to_ask_;
};

}  // namespace holdfast::agent
