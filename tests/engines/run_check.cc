#include "tests/engines/run_check.h"

#include <algorithm>
#include <map>
#include <set>

namespace holdfast::testing_engines {
namespace {

using runtime::Outcome;

class Check {
 public:
  explicit Check(const CheckedRun& run)
      : run_(run), c_(run.c), order_(OrderOf(run.c)), events_(run.c.activity_count()) {
    for (const TraceEvent& event : run.trace) {
      if (event.epoch == At(event.activity).epoch) events_[event.activity].push_back(event);
    }
    for (auto& events : events_) {
      std::sort(events.begin(), events.end(),
                [](const TraceEvent& x, const TraceEvent& y) { return x.steady_ns < y.steady_ns; });
    }
    for (std::size_t a = 0; a < c_.activity_count(); ++a) {
      if (!At(a).step.empty()) steps_[At(a).step].push_back(a);
    }
  }

  std::vector<std::string> All() {
    for (std::size_t a = 0; a < c_.activity_count(); ++a) {
      if (At(a).there != c_.At(a).exists) {
        Add(a, At(a).there ? "is in the record, but does not exist" : "is not in the record");
      }
    }
    if (!violations_.empty()) return violations_;
    CheckOrder();
    for (std::size_t a = 0; a < c_.activity_count(); ++a) {
      if (!c_.At(a).exists) continue;
      CheckGates(a);
      CheckKnowledge(a);
      CheckTimes(a);
      if (run_.whole) CheckFate(a);
      if (Kind(a) == ActivityKind::kPost) CheckCleanUp(a);
    }
    CheckVerdict();
    return violations_;
  }

 private:
  static ActivityKind Kind(std::size_t a) {
    return static_cast<ActivityKind>(a % kActivityKindCount);
  }
  static std::size_t Sibling(std::size_t a, ActivityKind kind) {
    return a - a % kActivityKindCount + static_cast<std::size_t>(kind);
  }
  const JournaledActivity& At(std::size_t a) const { return run_.truth.activities[a]; }
  void Add(std::size_t a, const std::string& text) {
    violations_.push_back(NameOfActivity(c_, a) + " " + text);
  }
  // Called by `end` or gc in place of its step.
  bool MadeUp(std::size_t a) const {
    return Kind(a) == ActivityKind::kPost && At(a).Ran() && At(a).outcome->by != "step";
  }
  bool GatesSucceeded(std::size_t a) const {
    const auto gates = GatesOf(c_, a);
    return std::all_of(gates.begin(), gates.end(),
                       [&](std::size_t gate) { return At(gate).Succeeded(); });
  }
  bool AllBeforeSucceeded(std::size_t a) const {
    for (std::size_t x = 0; x < c_.activity_count(); ++x) {
      if (order_[x][a] && !At(x).Succeeded()) return false;
    }
    return true;
  }
  static std::int64_t FirstBegin(const std::vector<TraceEvent>& events) {
    for (const TraceEvent& event : events) {
      if (event.event == "begin") return event.steady_ns;
    }
    return 0;
  }

  // --- order: in the trace, which has every try, and in the journal
  void CheckOrder() {
    for (std::size_t x = 0; x < c_.activity_count(); ++x) {
      for (std::size_t y = 0; y < c_.activity_count(); ++y) {
        if (!order_[x][y] || (MadeUp(x) && !MadeUp(y))) continue;
        if (!events_[x].empty() && !events_[y].empty() &&
            events_[x].back().steady_ns >= FirstBegin(events_[y])) {
          Add(y, "began before " + NameOfActivity(c_, x) + " had ended, says the trace");
        }
        if (events_[x].empty() || events_[y].empty()) continue;  // of an earlier run
        if (At(x).Ran() && At(y).Ran() && At(x).outcome->ended > At(y).outcome->started) {
          Add(y, "began before " + NameOfActivity(c_, x) + " had ended, says the journal");
        }
      }
    }
  }

  // --- gates: nothing ran whose gate had not succeeded
  void CheckGates(std::size_t a) {
    const bool began = !events_[a].empty();
    if (At(a).Ran() && !began && !run_.disturbed && c_.course != Course::kRepeat)
      Add(a, "has an outcome, but never began");
    if (MadeUp(a)) return;
    if (!began && !At(a).Ran()) return;
    for (const std::size_t gate : GatesOf(c_, a)) {
      if (At(gate).Succeeded()) continue;
      Add(a, "ran, but its gate " + NameOfActivity(c_, gate) + " has not succeeded");
    }
  }

  // --- what pre_finish and post were told of the activities before them
  void CheckKnowledge(std::size_t a) {
    for (const TraceEvent& event : events_[a]) {
      if (!event.all_succeeded) continue;
      const bool all = AllBeforeSucceeded(a);
      // Where steps are shared or fused, more is before a step than before its activity.
      const bool exact = !c_.aggregates() && c_.fuse == "none";
      if (*event.all_succeeded && !all) Add(a, "was told that all before it succeeded; it did not");
      // A clean-up before it may have been made up after it.
      if (exact && !*event.all_succeeded && all && !MadeUpBefore(a)) {
        Add(a, "was told that something before it failed; nothing did");
      }
    }
  }
  bool MadeUpBefore(std::size_t a) const {
    for (std::size_t x = 0; x < c_.activity_count(); ++x) {
      if (order_[x][a] && MadeUp(x)) return true;
    }
    return false;
  }

  void CheckTimes(std::size_t a) {
    if (At(a).Ran() && At(a).outcome->ended < At(a).outcome->started)
      Add(a, "ended before it started");
  }

  // --- fate: what had to run ran, and came to what it was told
  // The activities that share a's step and kind and are worked on.
  std::vector<std::size_t> Call(std::size_t a) const {
    std::vector<std::size_t> call;
    for (const std::size_t other : steps_.at(At(a).step)) {
      if (other % kActivityKindCount != a % kActivityKindCount || At(other).epoch != At(a).epoch)
        continue;
      if (other == a || Called(other)) call.push_back(other);
    }
    return call;
  }
  bool Called(std::size_t a) const {
    if (At(a).outcome && At(a).outcome->outcome == Outcome::kOmitted) return false;
    return GatesSucceeded(a) || MadeUp(a);
  }
  // No try of its step gets to its end.
  bool NeverEnds(std::size_t a) const {
    const std::vector<std::size_t> call = Call(a);
    const bool fails =
        std::any_of(call.begin(), call.end(), [&](std::size_t x) { return c_.At(x).MayFail(); });
    return std::any_of(call.begin(), call.end(), [&](std::size_t x) {
      const Injection& injection = c_.At(x);
      if (injection.exits) return true;
      return !injection.die.empty() && injection.die_times == 0 &&
             !(fails && injection.die == "end");
    });
  }
  // Another activity of the same fused step, before this one, never ends.
  bool StepDiesBefore(std::size_t a) const {
    for (const std::size_t other : steps_.at(At(a).step)) {
      if (other < a && other / kActivityKindCount == a / kActivityKindCount &&
          GatesSucceeded(other) && NeverEnds(other)) {
        return true;
      }
    }
    return false;
  }
  void CheckFate(std::size_t a) {
    const bool post = Kind(a) == ActivityKind::kPost;
    const bool commit = post && !c_.post_acts_on_failure;
    const JournaledActivity& now = At(a);
    if (!GatesSucceeded(a)) {
      if (now.Ran() && !MadeUp(a)) Add(a, "ran although a gate of it did not succeed");
      return;
    }
    if (now.outcome && now.outcome->outcome == Outcome::kOmitted) {
      if (!commit)
        return Add(a, "was omitted (" + now.outcome->reason + "), but all its gates succeeded");
      if (now.outcome->reason != runtime::kReasonCommit)
        Add(a, "was omitted for " + now.outcome->reason);
      if (AllBeforeSucceeded(a) && !c_.aggregates() && c_.fuse == "none") {
        Add(a, "was not committed, but all before it succeeded");
      }
      return;
    }
    if (commit && now.Ran() && !AllBeforeSucceeded(a))
      Add(a, "was committed, but something before it failed");
    if (StepDiesBefore(a)) {
      // Only a clean-up that is owed is made all the same: CheckCleanUp.
      if (now.Ran() && !MadeUp(a)) Add(a, "ran although its step died before it");
      return;
    }
    if (NeverEnds(a)) {
      if (now.Ran()) Add(a, "has an outcome, but no try of it could end");
      if (events_[a].empty() && !commit) Add(a, "was not tried, but all its gates succeeded");
      return;
    }
    if (!now.outcome) return Add(a, "has no outcome, but all its gates succeeded");
    const std::vector<std::size_t> call = Call(a);
    const bool may_fail =
        std::any_of(call.begin(), call.end(), [&](std::size_t x) { return c_.At(x).MayFail(); });
    const bool must_fail = std::any_of(call.begin(), call.end(), [&](std::size_t x) {
      return c_.At(x).fail ||
             (c_.At(x).fail_times > 0 && !run_.disturbed && c_.course != Course::kRepeat);
    });
    if (now.Failed() && !may_fail) Add(a, "failed, but was not told to: " + now.outcome->error);
    if (now.Succeeded() && must_fail) Add(a, "succeeded, but was told to fail");
  }

  // --- clean-ups: exactly one outcome of each that is owed, none of one that is not
  void CheckCleanUp(std::size_t post) {
    for (const auto& [epoch, count] : At(post).final_outcomes) {
      if (count > 1) {
        Add(post, "has " + std::to_string(count) + " outcomes in epoch " + std::to_string(epoch));
      }
    }
    const JournaledActivity& now = At(post);
    const std::size_t pre = Sibling(post, ActivityKind::kPre);
    bool owed = false;
    if (c_.At(pre).exists) {
      owed = At(pre).Succeeded() || (At(pre).intent && !At(pre).Failed());
      if (At(pre).Failed() && now.Ran()) Add(post, "ran although its pre failed");
    } else {
      for (const ActivityKind kind :
           {ActivityKind::kPreFinish, ActivityKind::kParallel, ActivityKind::kPost}) {
        const JournaledActivity& other = At(Sibling(post, kind));
        if (c_.At(Sibling(post, kind)).exists && (other.Ran() || other.intent)) owed = true;
      }
    }
    if (!c_.post_acts_on_failure) {
      if (MadeUp(post)) Add(post, "is a commit, but was made up by " + now.outcome->by);
      return;
    }
    if (owed && !now.Ran()) Add(post, "is owed, but has no outcome");
    if (owed && now.final_outcomes.empty())
      Add(post, "is owed, but no attempt recorded an outcome");
    if (!owed && MadeUp(post)) Add(post, "was made up, but nothing was owed");
  }

  void CheckVerdict() {
    bool all = true;
    for (std::size_t a = 0; a < c_.activity_count(); ++a)
      all = all && (!c_.At(a).exists || At(a).Succeeded());
    const bool available = run_.truth.state == runtime::RecordState::kAvailable;
    if (all != available) {
      violations_.push_back(std::string(all ? "everything" : "not everything") +
                            " succeeded, but the checkpoint is " +
                            std::string(runtime::NameOf(run_.truth.state)) + ": " +
                            run_.truth.reason);
    }
    if (!available && run_.truth.state != runtime::RecordState::kError) {
      violations_.push_back("the checkpoint was left " +
                            std::string(runtime::NameOf(run_.truth.state)));
    }
    if (run_.truth.unfinished) violations_.push_back("a record is still marked as unfinished");
    if (run_.truth.lease_held) violations_.push_back("the lease was not given back");
  }

  const CheckedRun& run_;
  const RandomCase& c_;
  const Order order_;
  std::vector<std::vector<TraceEvent>> events_;
  std::map<std::string, std::vector<std::size_t>> steps_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> CheckRun(const CheckedRun& run) { return Check(run).All(); }

}  // namespace holdfast::testing_engines
