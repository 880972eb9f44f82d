#include "runtime/step/end.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/run_start.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"
#include "runtime/step/claim_wait.h"
#include "runtime/step/clean_ups.h"
#include "runtime/step/deletion_hold.h"
#include "runtime/step/erase.h"
#include "runtime/step/half_restored.h"
#include "runtime/step/heartbeat.h"
#include "runtime/step/lost_state.h"
#include "runtime/store/indices.h"
#include "runtime/store/listing.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/stat_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kReasonsShown = 3;

// Only one process ends a run at a time.
Result<Claim> ClaimEnd(const StepEnvironment& env, const Record& record, const Lease& lease) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto claims, ReadClaims(record.section(), kEndStep));
  if (!claims.empty()) {
    const Claim& last = claims.back();
    // The claim of an earlier run's end is over with that run.
    if (last.run == lease.run && HeldByAnother(env, last)) {
      return Unavailable(fmt::format("the run is being ended by process {} on {}", last.holder.pid,
                                     last.holder.host));
    }
  }
  Claim claim;
  claim.number = claims.size() + 1;
  claim.attempt = NewAttemptId(claim.number);
  claim.run = lease.run;
  claim.token = lease.token;
  claim.holder = env.self;
  claim.heartbeat = env.clock.Now();
  Status created = CreateClaim(record.section(), kEndStep, claim);
  if (created) return claim;
  if (created.error().code() != ErrorCode::kConflict) return created.error();
  return Unavailable("another process has just begun to end the run");
}

bool Failed(const ActivityOutcome& outcome) {
  return outcome.outcome == Outcome::kFailed || outcome.outcome == Outcome::kHalfDone;
}

// Why a record does not end well, so ordered that the first few say it: what failed, the earliest
// first; what did not end, or does not read back; what was left out, which mostly follows from
// those.
class Reasons {
 public:
  void AddFailed(WallTime when, std::string text) {
    ++count_;
    auto at = failed_.end();
    while (at != failed_.begin() && when < std::prev(at)->first) --at;
    failed_.emplace(at, when, std::move(text));
    if (failed_.size() > kReasonsShown) failed_.pop_back();
  }
  void AddBroken(std::string text) { Add(broken_, std::move(text)); }
  void AddLeftOut(std::string text) { Add(left_out_, std::move(text)); }
  void AddUnnamed() { ++count_; }

  std::size_t count() const { return count_; }
  // At most kReasonsShown, and how many more there are.
  std::vector<std::string> First() const {
    std::vector<std::string> first;
    for (const auto& [when, text] : failed_) first.push_back(text);
    for (const auto* const list : {&broken_, &left_out_}) {
      for (const std::string& text : *list) {
        if (first.size() < kReasonsShown) first.push_back(text);
      }
    }
    if (count_ > first.size()) first.push_back(fmt::format("and {} more", count_ - first.size()));
    return first;
  }

 private:
  void Add(std::vector<std::string>& list, std::string text) {
    ++count_;
    if (list.size() < kReasonsShown) list.push_back(std::move(text));
  }
  std::vector<std::pair<WallTime, std::string>> failed_;
  std::vector<std::string> broken_;
  std::vector<std::string> left_out_;
  std::size_t count_ = 0;
};

// Has a process tried the step in this epoch, or a later one?
bool WasTried(const StepJournal& journal, std::uint64_t epoch) {
  return std::any_of(journal.attempts.begin(), journal.attempts.end(),
                     [epoch](const Attempt& attempt) { return attempt.claim.epoch >= epoch; });
}

// All of the record; that of the run that is ended also where a listing lags.
Status RemoveMarkers(RunView& run) {
  const auto entry = ReadRun(run.record().tenant(), run.lease().run);
  if (!entry && !IsDamage(entry.error())) return entry.error();
  const bool its = entry && *entry && (*entry)->record == run.record().id();
  return run.record().RemoveUnfinished([&run] { return run.CheckHeld(); },
                                       its ? (*entry)->marker : std::string());
}

// The deletion's lease of its checkpoint.
Status ReleaseCheckpoint(RunView& run, std::string_view deletion_run) {
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, CurrentLease(run.record().tenant(), run.checkpoint_id()));
  if (!lease || lease->released) return Ok();
  if (lease->run != deletion_run && lease->run != run.lease().run) return Ok();
  return ReleaseLease(run.record().tenant(), run.checkpoint_id(), *lease);
}

// What a verify that succeeded says of itself where it read samples; empty where it read every
// byte. Decided by what it was asked for, not only by what plugins opened: a sample never passes
// for more.
Result<std::string> SampleNote(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run.bundle().AllResources());
  std::size_t sampled = 0;
  SampleRead sum;
  for (const auto& [key, resource] : resources) {
    if (!SampleOf(resource->parameters)) continue;
    ++sampled;
    for (const ActivityKind kind : kAllActivityKinds) {
      const std::string& step = resource->StepOf(kind);
      if (step.empty()) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, run.EpochOf(step, key));
      HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
      const ActivityOutcome* const outcome = journal->Find(key, kind, epoch);
      if (outcome == nullptr || !outcome->sample) continue;
      sum.read += outcome->sample->read;
      sum.of += outcome->sample->of;
    }
  }
  if (sampled == 0) return std::string();
  return fmt::format("only a sample was read: {} of {}, {} of {} resources", HumanSize(sum.read),
                     HumanSize(sum.of), sampled, resources.size());
}

// "a, b, c, ...": the first of some resources, for a note.
std::string FirstOf(const std::vector<ResourceKey>& keys) {
  std::vector<std::string> names;
  for (const ResourceKey& key : keys) {
    if (names.size() < kReasonsShown) names.push_back(Printable(key.str()));
  }
  return Join(names, ", ") + (keys.size() > names.size() ? ", ..." : "");
}

// What a restore or verification that succeeded says of itself where the checkpoint was not whole
// and the workflow was compiled without what it lacks (--partial); empty where it took all.
Result<std::string> PartialNote(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run.bundle().AllResources());
  std::vector<ResourceKey> without;  // a step
  for (const auto& [key, resource] : resources) {
    if (!resource->HasSteps()) without.push_back(key);
  }
  if (without.empty()) return std::string();
  HOLDFAST_ASSIGN_OR_RETURN(const auto missing,
                            MissingResources(run.record().tenant(), run.checkpoint_id()));
  std::erase_if(without, [&missing](const ResourceKey& key) { return !missing.contains(key); });
  if (without.empty()) return std::string();
  return fmt::format("partial: {} of {} resources {} not in the checkpoint: {}", without.size(),
                     resources.size(), without.size() == 1 ? "is" : "are", FirstOf(without));
}

// The same of a verify whose workflow does not read all that is stored, such as one that was compiled
// by a version that left that to plugins: it never passes for one in full.
Result<std::string> UnreadNote(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run.bundle().AllResources());
  HOLDFAST_ASSIGN_OR_RETURN(
      const Record checkpoint,
      Record::Open(run.record().tenant(), RecordKind::kCheckpoint, run.checkpoint_id()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint));
  std::vector<ResourceKey> unread;
  for (const auto& [key, resource] : resources) {
    if (!resource->StepOf(ActivityKind::kParallel).empty()) continue;
    const auto manifest = manifests.Of(key);
    if (!manifest && manifest.error().code() == ErrorCode::kUnavailable) return manifest.error();
    if (manifest && (!*manifest || (*manifest)->streams.empty())) continue;
    unread.push_back(key);
  }
  if (unread.empty()) return std::string();
  return fmt::format("{} of {} resources {} not read: {}", unread.size(), resources.size(),
                     unread.size() == 1 ? "was" : "were", FirstOf(unread));
}

Result<StepReport> ReportOf(const Record& record, std::string_view run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  if (!state) return StepReport{ExitCode::kRunFailed, "the begin of this run did not succeed"};
  const std::string text =
      fmt::format("{} {} is {}", NameOf(record.kind()), record.id(), NameOf(state->state));
  if (state->state == RecordState::kError || IsWorking(state->state)) {
    return StepReport{state->denied ? ExitCode::kDenied : ExitCode::kRunFailed,
                      state->reason.empty() ? text : text + ": " + state->reason};
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto drift, record.Drift(run));
  if (drift && drift->fails()) {
    return StepReport{ExitCode::kRunFailed, text + ", but there is drift: " + drift->text};
  }
  return StepReport{ExitCode::kOk, state->reason.empty() ? text : text + ": " + state->reason};
}

// What an end would do now, with every clean-up that is owed; a step that still works may owe less
// by then.
Result<StepReport> DescribeEnd(const StepEnvironment& env, Record record, const Lease& lease,
                               std::string_view bundle) {
  std::string text =
      fmt::format("would end run {} on {} {}", lease.run, NameOf(record.kind()), record.id());
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  bool begun = state.has_value();
  if (!begun) {
    HOLDFAST_ASSIGN_OR_RETURN(begun, HasBegun(record));
  }
  if (!begun) return StepReport{ExitCode::kOk, text + "; its begin did not succeed"};
  HOLDFAST_ASSIGN_OR_RETURN(const auto run, RunView::Hold(env, std::move(record), lease, bundle));
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed, FindOwedCleanUps(env, *run));
  if (owed.empty()) return StepReport{ExitCode::kOk, text + "; no clean-up is owed"};
  for (const OwedCleanUp& one : owed) {
    text += fmt::format("; would clean up: post of {} (step {}, epoch {})",
                        Printable(one.resource->resource.key.str()), one.step->name, one.epoch);
  }
  return StepReport{ExitCode::kOk, std::move(text)};
}

}  // namespace

Result<Verdict> JudgeRecord(const StepEnvironment& env, RunView& run) {
  Verdict verdict;
  verdict.warnings = run.bundle().bundle().warnings.size();
  HOLDFAST_ASSIGN_OR_RETURN(const auto uncleaned, FindUncleaned(env, run));
  std::set<ResourceKey> told;
  for (const Uncleaned& one : uncleaned) told.insert(one.resource);
  Reasons bad;
  std::size_t denied = 0;
  std::size_t others = 0;  // that failed or did not end; what was left out follows from something
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, run.bundle().AllSteps());
  for (const BundleStep* const step : steps) {
    for (const BundleActivity& activity : step->activities) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch,
                                run.EpochOf(step->name, activity.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step->name));
      const ActivityOutcome* const outcome = journal->Find(activity.resource, activity.kind, epoch);
      if (outcome != nullptr) verdict.warnings += outcome->warnings.total();
      if (outcome != nullptr && outcome->outcome == Outcome::kSucceeded) continue;
      if (activity.kind == ActivityKind::kPost && told.contains(activity.resource)) continue;
      const std::string what =
          fmt::format("{} of {}", NameOf(activity.kind), Printable(activity.resource.str()));
      if (outcome != nullptr && outcome->denied()) {
        ++denied;
        bad.AddFailed(
            outcome->ended,
            fmt::format("{} could not be {}: denied: {}", Printable(activity.resource.str()),
                        NameOf(GoodState(run.operation())), outcome->error));
        continue;
      }
      const bool left_out = (outcome != nullptr && !Failed(*outcome)) ||
                            (outcome == nullptr && !WasTried(*journal, epoch));
      if (!left_out) ++others;
      if (outcome != nullptr && Failed(*outcome)) {
        bad.AddFailed(outcome->ended, what + " failed: " + outcome->error);
      } else if (outcome != nullptr) {
        bad.AddLeftOut(what + " was omitted");
      } else if (!WasTried(*journal, epoch)) {
        bad.AddLeftOut(what + " was not started");
      } else if (const AttemptResult* const last = journal->LastResult();
                 last != nullptr && last->how == "timed-out") {
        bad.AddFailed(last->ended, what + " did not end: it took longer than activity_timeout");
      } else if (last != nullptr && last->how == "locked") {
        bad.AddFailed(last->ended, what + " did not end: " + last->why);
      } else {
        bad.AddBroken(what + " did not end");
      }
    }
  }
  if (run.operation() == Operation::kVerify && bad.count() == 0) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string note, SampleNote(run));
    if (!note.empty()) verdict.reasons.push_back(std::move(note));
    HOLDFAST_ASSIGN_OR_RETURN(std::string unread, UnreadNote(run));
    if (!unread.empty()) verdict.reasons.push_back(std::move(unread));
  }
  if ((run.operation() == Operation::kRestore || run.operation() == Operation::kVerify) &&
      bad.count() == 0 && uncleaned.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string note, PartialNote(run));
    if (!note.empty()) verdict.reasons.push_back(std::move(note));
  }
  if (run.operation() == Operation::kProtect) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run.bundle().AllResources());
    HOLDFAST_ASSIGN_OR_RETURN(const BankSection checkpoint, run.checkpoint_section());
    for (const auto& [key, resource] : resources) {
      const std::string& step = resource->StepOf(FinalisingKind(*resource));
      if (step.empty() || bad.count() > kReasonsShown) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, run.EpochOf(step, key));
      auto manifest = ReadManifest(checkpoint, key, epoch);
      if (!manifest) {
        if (manifest.error().code() == ErrorCode::kUnavailable) return std::move(manifest).error();
        bad.AddBroken("the manifest of " + Printable(key.str()) +
                      " does not read back: " + manifest.error().OneLine());
        continue;
      }
      if (!*manifest) {
        if (bad.count() == 0)
          bad.AddBroken("the manifest of " + Printable(key.str()) + " is missing");
        else
          bad.AddUnnamed();
        continue;
      }
      Status there = StatManifest(checkpoint, **manifest);
      if (there) continue;
      if (there.error().code() == ErrorCode::kUnavailable) return there.error();
      bad.AddBroken("the data of " + Printable(key.str()) +
                    " does not read back: " + there.error().OneLine());
    }
  }
  verdict.uncleaned = uncleaned.size();
  verdict.good = bad.count() == 0 && uncleaned.empty();
  verdict.denied = denied > 0 && others == 0 && uncleaned.empty();
  for (std::string& reason : bad.First()) verdict.reasons.push_back(std::move(reason));
  // What nobody let go on, or cleaned up, comes first: a person has to do it.
  std::vector<std::string> first;
  for (const Uncleaned& one : uncleaned) {
    if (first.size() < kReasonsShown) first.push_back(one.text);
  }
  if (uncleaned.size() > first.size()) {
    first.push_back(
        fmt::format("and {} more that nobody cleaned up", uncleaned.size() - first.size()));
  }
  verdict.reasons.insert(verdict.reasons.begin(), first.begin(), first.end());
  return verdict;
}

namespace {

// `state`: of the deletion. What is none of its any more stays.
Status EraseItsCheckpoint(const StepEnvironment& env, RunView& run, const StateEntry& state) {
  const Record& record = run.record();
  HOLDFAST_ASSIGN_OR_RETURN(
      const Record checkpoint,
      Record::Open(record.tenant(), RecordKind::kCheckpoint, run.checkpoint_id()));
  HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope before, ScopeOf(record, checkpoint));
  if (before != DeletionScope::kDeletes) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(RemovalHold hold, TakeHoldOfDeletion(env, run, state.run));
  // Once more, with the lease: from here on nobody else goes on with it.
  HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope now, ScopeOf(record, checkpoint));
  if (now != DeletionScope::kDeletes) return Ok();
  return EraseCheckpoint(hold, run.lease().run, env.clock);
}

Status SetVerdict(const StepEnvironment& env, const Record& record, StateChange change,
                  RecordState state, const Verdict& verdict) {
  change.state = state;
  change.time = env.clock.Now();
  change.reason = Join(verdict.reasons, "; ");
  change.warnings = verdict.warnings;
  change.uncleaned = verdict.uncleaned;
  change.denied = verdict.denied;
  return record.SetState(change);
}

}  // namespace

Result<StepReport> FinishRecord(const StepEnvironment& env, RunView& run, std::string_view by,
                                CleanUps which) {
  const Record& record = run.record();
  HOLDFAST_RETURN_IF_ERROR(WaitForClaims(env, run));
  HOLDFAST_ASSIGN_OR_RETURN(auto states, record.States());
  if (states.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, HasBegun(record));
    if (begun) {
      HOLDFAST_ASSIGN_OR_RETURN(std::string worked, RunOfLostStates(run));
      HOLDFAST_RETURN_IF_ERROR(MendFirstStates(run, std::move(worked), env.clock));
      HOLDFAST_ASSIGN_OR_RETURN(states, record.States());
      if (states.empty()) return FirstStateMissing(record);
    }
  }
  const auto state = states.empty() ? std::nullopt : std::optional(states.back());
  const bool lost = state && IsMended(*state);
  StateChange ended;
  ended.state = RecordState::kError;
  ended.run = run.lease().run;
  ended.token = run.lease().token;
  ended.after = state ? state->number : 0;
  if (!state) {
    // Its begin was killed before anything was done in it.
    if (run.operation() == Operation::kDelete) {
      // That begin may only have been away, and may have marked the checkpoint: nothing of it was deleted, and it stays.
      HOLDFAST_ASSIGN_OR_RETURN(
          const Record checkpoint,
          Record::Open(record.tenant(), RecordKind::kCheckpoint, run.checkpoint_id()));
      HOLDFAST_ASSIGN_OR_RETURN(
          const BeginFence fence,
          FenceOffBegin(env, record, checkpoint, run.lease().run, Marked::kKeep));
      if (fence == BeginFence::kHeldByAnother)
        return Unavailable("somebody else works on the checkpoint " + run.checkpoint_id());
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
      ended.reason = "the begin did not succeed";
      ended.time = env.clock.Now();
      if (head) HOLDFAST_RETURN_IF_ERROR(record.SetState(ended));
      HOLDFAST_RETURN_IF_ERROR(ReleaseCheckpoint(run, run.lease().run));
    }
    HOLDFAST_RETURN_IF_ERROR(RemoveMarkers(run));
    return StepReport{ExitCode::kRunFailed, "the begin of this run did not succeed"};
  }
  // The state of a checkpoint that is being deleted is its deletion's.
  if (run.operation() == Operation::kProtect &&
      (state->state == RecordState::kDeleting || state->state == RecordState::kDeleted)) {
    if (state->state == RecordState::kDeleted) HOLDFAST_RETURN_IF_ERROR(RemoveMarkers(run));
    return ReportOf(record, state->run);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed_before, FindOwedCleanUps(env, run, which));
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed, RunOwedCleanUps(env, run, by, which));
  if (env.cancellation.is_set())
    return StepReport{ExitCode::kTerminated, "stopped before it was done"};
  HOLDFAST_RETURN_IF_ERROR(run.CheckHeld());
  const std::string begun_by = state->run;
  RecordState now = state->state;
  if (IsWorking(now)) {
    HOLDFAST_ASSIGN_OR_RETURN(Verdict verdict, JudgeRecord(env, run));
    if (lost) {
      verdict.good = false;
      verdict.reasons.insert(verdict.reasons.begin(), state->reason);
    }
    if (verdict.good && run.operation() == Operation::kDelete) {
      HOLDFAST_RETURN_IF_ERROR(EraseItsCheckpoint(env, run, *state));
    }
    now = verdict.good ? GoodState(run.operation()) : RecordState::kError;
    if (run.operation() == Operation::kRestore)
      HOLDFAST_RETURN_IF_ERROR(NoteEndOfRestore(env, run, verdict.good));
    Failpoint("end:before-state");
    HOLDFAST_RETURN_IF_ERROR(SetVerdict(env, record, std::move(ended), now, verdict));
    Failpoint("end:after-state");
  } else if (now == RecordState::kError && !owed_before.empty()) {
    // It ended before these clean-ups were made, and says so.
    HOLDFAST_ASSIGN_OR_RETURN(Verdict verdict, JudgeRecord(env, run));
    if (verdict.reasons.empty()) verdict.reasons.emplace_back("a post ended only after the run");
    HOLDFAST_RETURN_IF_ERROR(SetVerdict(env, record, std::move(ended), now, verdict));
  }
  if (state->state == RecordState::kAvailable &&
      std::any_of(states.begin(), states.end(), IsMended)) {
    // What came before it is not known, and others after it may be lost, too.
    HOLDFAST_ASSIGN_OR_RETURN(const Verdict verdict, JudgeRecord(env, run));
    if (!verdict.good) {
      return Corrupt(
          fmt::format("{} {} had lost its first state; by its last one it is available, and it is "
                      "not whole: {}",
                      NameOf(record.kind()), record.id(), Join(verdict.reasons, "; ")));
    }
  }
  if (run.operation() == Operation::kProtect && now == RecordState::kAvailable) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
    if (head) {
      HOLDFAST_RETURN_IF_ERROR(WriteIndices(record, *head, [&run] { return run.CheckHeld(); }));
    }
    Failpoint("end:after-indices");
  }
  if (run.operation() == Operation::kDelete) {
    HOLDFAST_RETURN_IF_ERROR(ReleaseCheckpoint(run, begun_by));
  }
  // The marker stays while a clean-up is owed: gc will find it. That of another run is not this one's to remove.
  HOLDFAST_RETURN_IF_ERROR(owed.empty() ? RemoveMarkers(run) : run.CheckHeld());
  Failpoint("end:after-marker");
  return ReportOf(record, begun_by);
}

namespace {

// The lease that `run` gives back with its end, or has given back.
Result<Lease> LeaseToEnd(const StepEnvironment& env, const Record& record, const std::string& run,
                         const std::string& start) {
  auto current = CurrentLease(env.tenant, record.id());
  if (!current && current.error().code() == ErrorCode::kCorrupt) {
    return std::move(current).error().Hint("once nothing of it runs: holdfast gc --run " + run);
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, std::move(current));
  if (!lease) return Corrupt("the lease of " + record.id() + " is gone");
  if (lease->run != run || !IsOfStart(lease->start, start)) {
    return Error(ErrorCode::kLocked,
                 fmt::format("run {} has taken over {}: this run has nothing to end", lease->run,
                             record.id()));
  }
  return std::move(*lease);
}

// A lease of the run that is given back is what its begin finds, and is refused by.
Status RefuseItsBegin(const StepEnvironment& env, const std::string& record,
                      const std::string& run) {
  // It may take the next token between our look and ours: then that of us after it counts.
  constexpr int kMostLooks = 10;
  for (int looks = 1;; ++looks) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto before, CurrentLease(env.tenant, record));
    if (before && before->run == run && before->released && !before->withdrawn) return Ok();
    // As long as another run works on it, that refuses the begin.
    if (before && before->run != run && !before->gone(env.clock.Now())) return Ok();
    auto lease =
        TakeLeaseToEnd(env.tenant, record, run, "", before, env.lease_expiry, env.clock.Now());
    if (lease) return ReleaseLease(env.tenant, record, *lease);
    if (lease.error().code() != ErrorCode::kLocked || looks == kMostLooks)
      return std::move(lease).error();
  }
}

// That of a deletion may have died with the lease of its checkpoint, and before its run was written.
Status GiveBackCheckpoint(const StepEnvironment& env, const std::string& record,
                          const std::string& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(env.tenant));
  for (const Unfinished& other : unfinished) {
    if (other.record == record && other.kind == RecordKind::kDeletion)
      HOLDFAST_RETURN_IF_ERROR(ReleaseLeaseOf(env.tenant, other.checkpoint, run, ""));
  }
  return Ok();
}

}  // namespace

Result<StepReport> End(const StepEnvironment& env, const EndRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(env.tenant, request.run));
  if (!entry) {
    if (request.status == "Succeeded") {
      // Steps cannot have succeeded in a run that never began: its bank went away meanwhile.
      return Error(
                 ErrorCode::kCorrupt,
                 fmt::format("the engine says that run {} succeeded, and the bank knows nothing of "
                             "it: nothing is protected by it here",
                             request.run))
          .Hint("is this the bank in which the run began? Mount it, and run the workflow again");
    }
    if (!request.keeps_from.empty() && !request.dry_run) {
      HOLDFAST_RETURN_IF_ERROR(RefuseItsBegin(env, request.keeps_from, request.run));
      HOLDFAST_RETURN_IF_ERROR(GiveBackCheckpoint(env, request.keeps_from, request.run));
    }
    return StepReport{ExitCode::kOk,
                      "the begin of this run was refused or never ran: nothing to end"};
  }
  if (!IsOfStart(entry->start, request.start)) {
    if (request.status == "Succeeded") return StartedAlreadyError(*entry);
    return StepReport{
        ExitCode::kOk,
        "the begin of this start of the run was refused, and what stands under its id "
        "is another start's: nothing to end"};
  }
  HOLDFAST_ASSIGN_OR_RETURN(Record record, Record::Open(env.tenant, entry->kind, entry->record));
  HOLDFAST_ASSIGN_OR_RETURN(Lease lease, LeaseToEnd(env, record, request.run, request.start));
  if (lease.released) return ReportOf(record, request.run);
  if (request.dry_run) return DescribeEnd(env, std::move(record), lease, entry->bundle);
  HOLDFAST_RETURN_IF_ERROR(
      WaitForClaim(env, kEndStep, kClaimWait, [&]() -> Result<std::optional<Claim>> {
        HOLDFAST_ASSIGN_OR_RETURN(lease, LeaseToEnd(env, record, request.run, request.start));
        if (lease.released) return std::optional<Claim>();
        HOLDFAST_ASSIGN_OR_RETURN(auto claims, ReadClaims(record.section(), kEndStep));
        if (claims.empty() || claims.back().run != request.run) return std::optional<Claim>();
        return std::optional<Claim>(std::move(claims.back()));
      }));
  if (lease.released) return ReportOf(record, request.run);
  HOLDFAST_ASSIGN_OR_RETURN(Claim claim, ClaimEnd(env, record, lease));
  Failpoint("end:after-claim");
  HOLDFAST_ASSIGN_OR_RETURN(Lease token,
                            TakeLeaseToEnd(env.tenant, record.id(), request.run, lease.start, lease,
                                           env.lease_expiry, env.clock.Now()));
  Failpoint("end:after-token");
  HOLDFAST_ASSIGN_OR_RETURN(const auto run, RunView::Hold(env, record, token, entry->bundle));
  StepReport report;
  {
    const Heartbeat heartbeat(env, record, std::string(kEndStep), std::move(claim), token);
    HOLDFAST_ASSIGN_OR_RETURN(report, FinishRecord(env, *run, "end"));
  }
  if (report.exit_code == ExitCode::kTerminated) return report;
  HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env.tenant, record.id(), run->lease()));
  Failpoint("end:after-release");
  return report;
}

}  // namespace holdfast::runtime
