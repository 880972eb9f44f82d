#include "runtime/lint/fault_runs.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace holdfast::lint {
namespace {

using local::DagTemplate;
using local::DependsExpression;
using local::Phase;
using local::Task;
using Runs = DependsExpression::Runs;

// So many words of runs are worked out in one pass: it bounds the memory, whatever the template.
constexpr std::size_t kWords = 8;
constexpr std::size_t kRunsInOnePass = kWords * 64;

// In which runs a task has ended in which way, and what a branch of the graph that passes it
// carries on.
struct TaskRuns {
  std::array<Runs, 5> ended;
  Runs failed_branch;

  TaskRuns() : failed_branch(kWords, 0) { ended.fill(Runs(kWords, 0)); }
  static std::size_t Place(Phase phase) {
    switch (phase) {
      case Phase::kFailed:
        return 1;
      case Phase::kError:
        return 2;
      case Phase::kSkipped:
        return 3;
      case Phase::kOmitted:
        return 4;
      case Phase::kSucceeded:
      case Phase::kPending:
      case Phase::kRunning:
        break;
    }
    return 0;
  }
  Runs& Ended(Phase phase) { return ended[Place(phase)]; }
  const Runs& Ended(Phase phase) const { return ended[Place(phase)]; }
};

// A run: one task fails, or ends in Error, and nothing else does.
struct Fault {
  std::uint32_t task;
  Phase phase;
};

// One condition that may have forgotten something, to be looked at in the runs.
struct Suspect {
  MissingOutcome outcome;
  bool confirmed = false;
};

// Whether a condition is met when one task ends in a way and all others as usual.
bool IsMet(const DagTemplate& dag, const Task& task, std::uint32_t other, Phase phase) {
  return task.depends.Evaluate([&](std::uint32_t t) {
    if (t == other) return phase;
    return dag.tasks[t].IsBarrier() ? Phase::kSkipped : Phase::kSucceeded;
  });
}

class Player {
 public:
  explicit Player(const DagTemplate& dag) : dag_(dag), tasks_(dag.tasks.size()) {}

  FaultFindings Play() {
    FindSuspects();
    std::vector<Fault> faults;
    for (std::uint32_t i = 0; i < dag_.tasks.size(); ++i) {
      if (!dag_.tasks[i].needed || dag_.tasks[i].IsBarrier()) continue;
      faults.push_back({i, Phase::kFailed});
      faults.push_back({i, Phase::kError});
    }
    for (std::size_t first = 0; first < faults.size(); first += kRunsInOnePass) {
      faults_ = std::span(faults).subspan(first, std::min(kRunsInOnePass, faults.size() - first));
      RunAll();
      FindMasked();
      ConfirmSuspects();
    }
    found_.masked.erase(std::unique(found_.masked.begin(), found_.masked.end()),
                        found_.masked.end());
    for (const Suspect& suspect : suspects_) {
      if (suspect.confirmed) found_.missing.push_back(suspect.outcome);
    }
    return std::move(found_);
  }

 private:
  void FindSuspects() {
    for (std::uint32_t i = 0; i < dag_.tasks.size(); ++i) {
      const Task& task = dag_.tasks[i];
      if (task.depends.over_limit()) continue;
      for (const std::uint32_t other : task.depends.tasks()) {
        const Task& before = dag_.tasks[other];
        if (before.IsBarrier()) continue;
        if (!IsMet(dag_, task, other, Phase::kSucceeded) ||
            !IsMet(dag_, task, other, Phase::kFailed))
          continue;
        if (!IsMet(dag_, task, other, Phase::kError)) AddSuspect(i, other, Phase::kError);
        if (before.when && !IsMet(dag_, task, other, Phase::kSkipped)) {
          AddSuspect(i, other, Phase::kSkipped);
          suspects_.back().confirmed = true;  // no run here shows what a `when` will say
        }
        if (!before.depends.empty() && !IsMet(dag_, task, other, Phase::kOmitted))
          AddSuspect(i, other, Phase::kOmitted);
      }
    }
  }

  void AddSuspect(std::uint32_t task, std::uint32_t other, Phase phase) {
    suspects_.push_back({{task, other, phase}, false});
  }

  void RunAll() {
    for (TaskRuns& task : tasks_) task = TaskRuns();
    for (const std::uint32_t index : dag_.order) {
      if (dag_.tasks[index].needed) RunTask(index);
    }
  }

  void RunTask(std::uint32_t index) {
    const Task& task = dag_.tasks[index];
    TaskRuns& own = tasks_[index];
    Runs before(kWords, 0);  // a failure that came along a branch
    for (const std::uint32_t other : task.depends.tasks()) {
      for (std::size_t i = 0; i < kWords; ++i) before[i] |= tasks_[other].failed_branch[i];
    }
    Runs ran;
    if (task.depends.over_limit()) {
      ran.assign(kWords, ~std::uint64_t{0});
      own.Ended(Phase::kError) = ran;
    } else {
      ran = task.depends.EvaluateRuns(
          kWords, [this](std::uint32_t other, Phase phase) { return tasks_[other].Ended(phase); });
      for (std::size_t i = 0; i < kWords; ++i) own.Ended(Phase::kOmitted)[i] = ~ran[i];
      if (task.IsBarrier()) {
        own.Ended(Phase::kSkipped) = std::exchange(ran, Runs(kWords, 0));
      } else {
        own.Ended(Phase::kSucceeded) = ran;
        for (std::size_t run = 0; run < faults_.size(); ++run) {
          const std::uint64_t bit = std::uint64_t{1} << (run % 64);
          if (faults_[run].task != index || (ran[run / 64] & bit) == 0) continue;
          own.Ended(Phase::kSucceeded)[run / 64] &= ~bit;
          own.Ended(faults_[run].phase)[run / 64] |= bit;
        }
      }
    }
    for (std::size_t i = 0; i < kWords; ++i) {
      const std::uint64_t failed = own.Ended(Phase::kFailed)[i] | own.Ended(Phase::kError)[i];
      own.failed_branch[i] = failed | (~ran[i] & before[i]);
    }
  }

  void FindMasked() {
    Runs shown(kWords, 0);
    for (const std::uint32_t target : dag_.targets) {
      for (std::size_t i = 0; i < kWords; ++i) shown[i] |= tasks_[target].failed_branch[i];
    }
    for (std::size_t run = 0; run < faults_.size(); ++run) {
      const std::uint64_t bit = std::uint64_t{1} << (run % 64);
      const Fault& fault = faults_[run];
      const bool happened = (tasks_[fault.task].Ended(fault.phase)[run / 64] & bit) != 0;
      if (happened && (shown[run / 64] & bit) == 0) found_.masked.push_back(fault.task);
    }
  }

  // Is there a run in which the other ended so, and the task would have started had it succeeded?
  // Else what it forgot comes only where something else keeps the task from starting, too.
  void ConfirmSuspects() {
    for (Suspect& suspect : suspects_) {
      if (suspect.confirmed) continue;
      const MissingOutcome& outcome = suspect.outcome;
      const Runs& ended = tasks_[outcome.other].Ended(outcome.phase);
      const Runs met = dag_.tasks[outcome.task].depends.EvaluateRuns(
          kWords, [&](std::uint32_t other, Phase phase) {
            Runs runs = tasks_[other].Ended(phase);
            if (other != outcome.other) return runs;
            for (std::size_t i = 0; i < kWords; ++i) {
              if (phase == Phase::kSucceeded) runs[i] |= ended[i];
              if (phase == outcome.phase) runs[i] = 0;
            }
            return runs;
          });
      for (std::size_t run = 0; run < faults_.size(); ++run) {
        const std::uint64_t bit = std::uint64_t{1} << (run % 64);
        if ((ended[run / 64] & met[run / 64] & bit) != 0) suspect.confirmed = true;
      }
    }
  }

  const DagTemplate& dag_;
  std::vector<TaskRuns> tasks_;
  std::vector<Suspect> suspects_;
  std::span<const Fault> faults_;
  FaultFindings found_;
};

}  // namespace

FaultFindings PlayFaults(const DagTemplate& dag) { return Player(dag).Play(); }

}  // namespace holdfast::lint
