#include "runtime/step/gc/gc.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/step/begin.h"
#include "runtime/step/clean_ups.h"
#include "runtime/step/deletion_hold.h"
#include "runtime/step/end.h"
#include "runtime/step/gc/damage.h"
#include "runtime/step/gc/orphans.h"
#include "runtime/step/lost_state.h"
#include "runtime/step/step_driver.h"
#include "runtime/store/listing.h"
#include "runtime/store/pin.h"
#include "runtime/store/removal_hold.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// Carries a deletion on as a run of its own would: begin (a resume), every step in order, end.
Result<StepReport> CarryOnDeletion(const StepEnvironment& env, const Record& record,
                                   const RecordHead& head, const std::string& run) {
  BeginRequest begin;
  begin.run = run;
  begin.record = record.id();
  begin.bundle = head.bundle;
  begin.started_by = "gc";
  HOLDFAST_RETURN_IF_ERROR(Begin(env, begin, nullptr));
  {
    HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                              RunView::Join(env, run, "", record.id(), head.bundle));
    HOLDFAST_ASSIGN_OR_RETURN(const auto steps, view->bundle().AllSteps());
    HOLDFAST_ASSIGN_OR_RETURN(const auto ordered, InOrder(steps));
    StepDriver driver(env, *view);
    for (const BundleStep* const step : ordered) {
      if (env.cancellation.is_set()) break;
      StepRequest request;
      request.step = step->name;
      request.by = "gc";
      HOLDFAST_ASSIGN_OR_RETURN(const StepReport report, driver.Run(request));
      env.log.Log(LogLevel::kInfo, report.message, Value().Set("step", step->name));
    }
  }
  EndRequest end;
  end.run = run;
  return End(env, end);
}

// Hands log lines on and keeps those that people want to read: what was done, not how far it is.
class Telling final : public Logger {
 public:
  explicit Telling(Logger& log) : log_(log) {}
  void Log(LogLevel level, std::string_view message, const Value& fields) override {
    log_.Log(level, message, fields);
    if (level < LogLevel::kInfo) return;
    if (fields.is_map() && fields.StringOr("message_type", "") == "progress") return;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lines_.size() < kMostLines) lines_.push_back(Printable(message));
    ++all_;
  }
  std::vector<std::string> Lines() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> lines = lines_;
    if (all_ > lines.size()) lines.push_back(fmt::format("and {} lines more", all_ - lines.size()));
    return lines;
  }

 private:
  static constexpr std::size_t kMostLines = 100;
  Logger& log_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::size_t all_ = 0;
};

StepEnvironment WithLog(const StepEnvironment& env, Logger& log) {
  return {env.tenant, env.tenant_name, env.provider_id,  env.protection,   env.clock,
          log,        env.processes,   env.cancellation, env.self,         env.pause,
          env.data,   env.bank_folder, env.lease_expiry, env.claim_expiry, env.heartbeat_every};
}

class Collector {
 public:
  Collector(const StepEnvironment& env, const GcOptions& options) : env_(env), options_(options) {}

  Result<std::vector<GcAction>> Run() {
    std::string only;
    RecordKind kind_of_only = RecordKind::kCheckpoint;
    if (!options_.run.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(env_.tenant, options_.run));
      if (entry) {
        only = entry->record;
        kind_of_only = entry->kind;
      }
    }
    HOLDFAST_ASSIGN_OR_RETURN(auto unfinished, ListUnfinished(env_.tenant));
    if (!options_.run.empty() && only.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(only, HeldByRun(unfinished));
      if (only.empty()) return NotFound("run " + options_.run + " never began");
    }
    if (!only.empty()) {
      std::erase_if(unfinished, [&](const Unfinished& entry) { return entry.record != only; });
      // One that has ended may have failed clean-ups all the same.
      if (unfinished.empty()) unfinished.push_back({only, kind_of_only, ""});
    }
    std::set<std::string> seen;
    for (const Unfinished& entry : unfinished) {
      if (env_.cancellation.is_set()) return CancelledError();
      const std::string subject = SubjectOf(entry.kind, entry.record);
      seen.insert(subject);
      if (Status done = Collect(entry, subject); !done) {
        actions_.push_back({subject, WithCommand(std::move(done).error(), entry).OneLine(), true});
      }
    }
    if (only.empty()) HOLDFAST_RETURN_IF_ERROR(LookAtUnmarked(seen));
    if (options_.remove_orphans && only.empty()) {
      HOLDFAST_RETURN_IF_ERROR(RemoveOrphans(env_, options_, actions_));
      HOLDFAST_RETURN_IF_ERROR(SweepBank());
    }
    return std::move(actions_);
  }

 private:
  // The record of which the run that was named has the lease: it was killed before anything else said so.
  Result<std::string> HeldByRun(const std::vector<Unfinished>& unfinished) const {
    for (const Unfinished& entry : unfinished) {
      const auto lease = CurrentLease(env_.tenant, entry.record);
      if (!lease && !IsDamage(lease.error())) return lease.error();
      if (lease && *lease && (*lease)->run == options_.run && !(*lease)->released)
        return entry.record;
    }
    return std::string();
  }

  static std::string SubjectOf(RecordKind kind, std::string_view record) {
    return fmt::format("{} {}", NameOf(kind), record);
  }

  Status SweepBank() {
    HOLDFAST_ASSIGN_OR_RETURN(const Leftovers swept, env_.tenant.bank().SweepLeftovers(
                                                         env_.tenant.prefix() + "/",
                                                         options_.leftover_age, options_.dry_run));
    if (swept.count == 0) return Ok();
    GcAction action{"bank",
                    fmt::format("remove {}, {}", Counted(swept.count, swept.one, swept.many),
                                HumanSize(swept.bytes))};
    for (const std::string& object : swept.objects)
      action.told.push_back("of " + Printable(object));
    actions_.push_back(std::move(action));
    return Ok();
  }

  // By its id a gc finds the record.
  Result<std::string> RunOf(const Record& record) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto entry, NewestRunOn(record));
    return entry ? entry->run : std::string();
  }

  // Of records without a mark: those that have ended and say that somebody still has to clean up, and KeepUnmarked. What is damaged in
  // one is said where orphans are looked for.
  Status LookAtUnmarked(const std::set<std::string>& seen) {
    for (const RecordKind kind : kAllRecordKinds) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListRecordIds(env_.tenant, kind));
      for (const std::string& id : ids) {
        if (env_.cancellation.is_set()) return CancelledError();
        if (seen.contains(SubjectOf(kind, id))) continue;
        HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(env_.tenant, kind, id));
        HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
        if (states.empty()) continue;
        if (kind == RecordKind::kCheckpoint && states.back().state == RecordState::kDeleting) {
          if (Status kept = KeepUnmarked(record, states.back()); !kept)
            actions_.push_back({SubjectOf(kind, id), std::move(kept).error().OneLine(), true});
          continue;
        }
        if (states.back().state != RecordState::kError || states.back().uncleaned == 0) continue;
        const auto head = record.Head();
        if (!head || !*head || (*head)->provider_id != env_.provider_id) continue;
        HOLDFAST_ASSIGN_OR_RETURN(std::string run, RunOf(record));
        actions_.push_back({SubjectOf(kind, id),
                            "was not cleaned up: " + states.back().reason,
                            true,
                            std::nullopt,
                            {},
                            GcRetry{std::move(run)}});
      }
    }
    return Ok();
  }

  // Says who works on a record, and what is owed should that one be dead. `bundle` is empty where
  // nothing was begun yet.
  Status Wait(Record record, const Lease& lease, const std::string& bundle,
              const std::string& subject) {
    GcWait wait;
    std::string unreadable;
    wait.run = lease.run;
    wait.until = lease.expires;
    HOLDFAST_ASSIGN_OR_RETURN(const auto entry, RunThatHas(record, lease));
    if (entry) wait.started_by = entry->started_by;
    // Who was ending it and was killed: the run that was to be ended is the one to name.
    if (!entry) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string ended, RunOf(record));
      if (!ended.empty()) wait.run = ended;
    }
    if (!bundle.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                                RunView::Hold(env_, std::move(record), lease, bundle));
      const auto left = FindUncleaned(env_, *view);
      // What waits is said also where what it owes cannot be read.
      if (!left && left.error().code() != ErrorCode::kCorrupt) return left.error();
      if (!left) unreadable = "; what it owes cannot be told: " + left.error().OneLine();
      if (left) {
        for (const Uncleaned& one : *left)
          (one.at_rest ? wait.at_rest : wait.not_cleaned_up).push_back(one.resource.str());
      }
    }
    actions_.push_back(
        {subject,
         fmt::format("run {}{} works on it, or is dead; its lease lasts until {}{}", wait.run,
                     wait.started_by.empty() ? "" : ", started by " + wait.started_by,
                     FormatTime(wait.until), unreadable),
         false, std::move(wait)});
    return Ok();
  }

  // What is damaged does not stop one who says that the run is dead.
  Error WithCommand(Error error, const Unfinished& entry) const {
    if (error.code() != ErrorCode::kCorrupt || !options_.run.empty()) return error;
    const auto record = Record::Open(env_.tenant, entry.kind, entry.record);
    if (!record) return error;
    const auto state = record->State();
    if (!state || !*state) return error;
    return std::move(error).Hint("if nobody works on it: holdfast gc --run " + (*state)->run);
  }

  // Of a run that the operator knows to be dead also where it cannot be read.
  Result<std::optional<Lease>> LeaseOf(const Record& record, WallTime now,
                                       const std::string& subject) {
    auto lease = CurrentLease(env_.tenant, record.id());
    if (lease || lease.error().code() != ErrorCode::kCorrupt) return lease;
    if (options_.run.empty()) return lease;
    HOLDFAST_ASSIGN_OR_RETURN(auto instead, LeaseInPlaceOfADamagedOne(record, options_.run, now));
    if (!instead) return lease;
    actions_.push_back({subject,
                        "its lease cannot be read, and counts as that of a run that is gone: " +
                            lease.error().OneLine(),
                        false});
    if (!options_.dry_run)
      HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record.id(), *instead));
    return instead;
  }

  // The claims that cannot be read of a run that the operator knows to be dead.
  Status MendDamagedClaims(RunView& run, const std::string& subject) {
    if (options_.run.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys,
                              options_.dry_run ? DamagedClaims(run) : MendClaims(run));
    for (const std::string& key : keys) {
      actions_.push_back(
          {subject, key + " cannot be read, and counts as the claim of a process that is gone",
           false});
    }
    return Ok();
  }

  Result<StepReport> Finish(const StepEnvironment& env, RunView& run, const std::string& subject,
                            CleanUps which) {
    HOLDFAST_RETURN_IF_ERROR(MendDamagedClaims(run, subject));
    return FinishRecord(env, run, "gc", which);
  }

  // The id of the run under which a gc goes on after `lease`.
  static std::string RunAfter(const std::optional<Lease>& lease) {
    return "gc-" + NewAttemptId(lease ? lease->token + 1 : 1);
  }

  // A begin that counts as dead may only have been away: it finds that its tokens are old, and goes no further. What it has done
  // meanwhile is for the next gc: then the marker stays. `state`: that the record had.
  Status RemoveMarkerOf(const Record& record, const std::string& checkpoint,
                        const std::optional<Lease>& lease, const std::optional<StateEntry>& state,
                        Marked marked) {
    const std::string run = RunAfter(lease);
    HOLDFAST_ASSIGN_OR_RETURN(Lease token, TakeLeaseToEnd(env_.tenant, record.id(), run, "", lease,
                                                          kRemovalExpiry, env_.clock.Now()));
    RemovalHold hold(record, {{record.id(), std::move(token), kRemovalExpiry}}, env_.clock,
                     &env_.cancellation);
    Status removed = RemoveMarkerHeld(hold, checkpoint, run, state, marked);
    HOLDFAST_RETURN_IF_ERROR(hold.Release());
    return removed;
  }

  Status RemoveMarkerHeld(RemovalHold& hold, const std::string& checkpoint, const std::string& run,
                          const std::optional<StateEntry>& state, Marked marked) {
    const Record& record = hold.record();
    if (record.kind() == RecordKind::kDeletion && !checkpoint.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const Record of,
                                Record::Open(env_.tenant, RecordKind::kCheckpoint, checkpoint));
      HOLDFAST_ASSIGN_OR_RETURN(const BeginFence fence,
                                FenceOffBegin(env_, record, of, run, marked));
      if (fence == BeginFence::kHeldByAnother) return Ok();
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
      if (fence == BeginFence::kDeletes && head) return Ok();
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto after, record.State());
    if ((after ? after->number : 0) != (state ? state->number : 0)) return Ok();
    return hold.DeleteMarkers(record);
  }

  // The deletion that set the state `deleting`, if it came no further, and nobody will end it: its marker is gone.
  Result<std::optional<Record>> DeletionThatNeverBegan(const StateEntry& deleting) const {
    const auto entry = ReadRun(env_.tenant, deleting.run);
    if (!entry && !IsDamage(entry.error())) return entry.error();
    if (!entry || !*entry || (*entry)->kind != RecordKind::kDeletion)
      return std::optional<Record>();
    HOLDFAST_ASSIGN_OR_RETURN(Record deletion,
                              Record::Open(env_.tenant, RecordKind::kDeletion, (*entry)->record));
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, deletion.IsUnfinished());
    if (unfinished) return std::optional<Record>();
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, HasBegun(deletion));
    if (begun) return std::optional<Record>();
    return std::optional<Record>(std::move(deletion));
  }

  // Makes a checkpoint again what it was before a deletion that never began.
  Status KeepFrom(const Record& deletion, const Record& checkpoint, const std::string& subject) {
    actions_.push_back(
        {subject,
         fmt::format("keep it: the deletion {} did not begin, and has deleted nothing of it",
                     Printable(deletion.id())),
         false});
    if (options_.dry_run) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, deletion.State());
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(env_.tenant, deletion.id()));
    if (lease && !lease->gone(env_.clock.Now()) &&
        (options_.run.empty() || lease->run != options_.run))
      return RecordHeldError(env_.tenant, deletion.id(), *lease);
    return RemoveMarkerOf(deletion, checkpoint.id(), lease, state, Marked::kKeep);
  }

  // A checkpoint without a mark that is `deleting`, by a begin that counted as dead and had been fenced off: on its way at that moment,
  // its write may replace the state by which it was, where create-exclusive is settled. It may have been killed right after.
  Status KeepUnmarked(const Record& checkpoint, const StateEntry& deleting) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, checkpoint.IsUnfinished());
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(env_.tenant, checkpoint.id()));
    if (unfinished || (lease && !lease->gone(env_.clock.Now()))) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, checkpoint.Head());
    if (!head || head->provider_id != env_.provider_id) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto deletion, DeletionThatNeverBegan(deleting));
    if (!deletion) return Ok();
    return KeepFrom(*deletion, checkpoint, SubjectOf(checkpoint.kind(), checkpoint.id()));
  }

  // Is there something left to do of a deletion? One that is over, or has brought its checkpoint to its end, is just ended.
  Result<bool> IsToBeCarriedOn(const Record& deletion, const RecordHead& head,
                               const std::optional<StateEntry>& state) const {
    if (state && state->state == RecordState::kDeleted) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint,
                              Record::Open(env_.tenant, RecordKind::kCheckpoint, head.checkpoint));
    HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope scope, ScopeOf(deletion, checkpoint));
    if (scope == DeletionScope::kDeletes) return true;
    // What its plugins made outside of the bank may still be there.
    HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
    return state && !states.empty() && states.back().damage.empty() &&
           states.back().state == RecordState::kDeleted;
  }

  Status Collect(const Unfinished& entry, const std::string& subject) {
    HOLDFAST_ASSIGN_OR_RETURN(Record record, Record::Open(env_.tenant, entry.kind, entry.record));
    const WallTime now = env_.clock.Now();
    HOLDFAST_ASSIGN_OR_RETURN(auto lease, LeaseOf(record, now, subject));
    // Also where who was ending it was killed: nobody can know that one by a run of this record.
    bool dead = lease && !options_.run.empty();
    if (dead && lease->run != options_.run) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto other, RunThatHas(record, *lease));
      dead = !other;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
    if (head && head->provider_id != env_.provider_id) {
      if (options_.run.empty()) return Ok();
      return InvalidInput(fmt::format("run {} is of provider {} ({})", options_.run,
                                      Printable(head->provider_name), Printable(head->provider_id)))
          .Hint(
              "its plugins and settings are needed: call gc with that provider (-p), where it is");
    }
    if (lease && !lease->gone(now) && !dead)
      return Wait(std::move(record), *lease, head ? head->bundle : "", subject);
    // Of what was deleted, and was to be made anew by a copy that did not come to its end, nothing is ended.
    const bool is_gone =
        entry.kind == RecordKind::kCheckpoint && state && state->state == RecordState::kDeleted;
    if (state && !head && !is_gone) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool is_left, IsLeftOfABegin(record));
      if (!is_left)
        return Corrupt(fmt::format("the object {}/plan is missing", record.section().prefix()));
      actions_.push_back({subject, "remove what is left of a begin that did not succeed", false});
      if (options_.dry_run) return Ok();
      if (lease && !lease->gone(now))
        HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record.id(), *lease));
      return RemoveLeftOfABegin(record, RemovalOf(env_));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto marked, record.MarkedAt());
    const bool unfinished = marked.has_value();
    if (!unfinished) {
      // One that has ended, of the run that was named.
      if (!head || !state || state->state != RecordState::kError) return Ok();
      HOLDFAST_ASSIGN_OR_RETURN(const bool any, HasFailedCleanUps(record, lease, head->bundle));
      if (!any) return Ok();
    }
    bool deletes = false;
    if (unfinished && head && entry.kind == RecordKind::kDeletion) {
      HOLDFAST_ASSIGN_OR_RETURN(deletes, IsToBeCarriedOn(record, *head, state));
    }
    if (unfinished && is_gone) {
      // A copy that is just beginning is about to take the lease.
      if (!dead && *marked + env_.claim_expiry > now) return Ok();
      actions_.push_back(
          {subject, "remove the marker of a deleted one that a copy has not made anew", false});
      if (options_.dry_run) return Ok();
      return RemoveMarkerOf(record, entry.checkpoint, lease, state, Marked::kLeave);
    }
    // What was done in it has to be ended also where its state is lost.
    bool begun = state.has_value();
    if (!begun && head) {
      HOLDFAST_ASSIGN_OR_RETURN(begun, HasBegun(record));
    }
    if (!deletes && (!head || !begun)) {
      // A begin that died before its record could be seen. One that is just beginning has a lease,
      // or is about to take one: a young marker is left alone.
      if (!lease && marked && *marked + env_.claim_expiry > now) return Ok();
      actions_.push_back({subject, "remove the marker of a begin that did not succeed", false});
      if (options_.dry_run) return Ok();
      return RemoveMarkerOf(record, entry.checkpoint, lease, state, Marked::kLeave);
    }
    // Of a deletion that was begun part may be gone: no pin brings that back. One that was not is for the pin to win.
    if (deletes && !begun) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const Record checkpoint,
          Record::Open(env_.tenant, RecordKind::kCheckpoint, head->checkpoint));
      HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(checkpoint));
      if (pin) {
        actions_.push_back(
            {subject,
             fmt::format(
                 "keep the checkpoint {}, of which it has deleted nothing yet: it is pinned {}",
                 Printable(checkpoint.id()), pin->str()),
             false});
        if (options_.dry_run) return Ok();
        return RemoveMarkerOf(record, checkpoint.id(), lease, state, Marked::kKeep);
      }
    }
    if (entry.kind == RecordKind::kCheckpoint && state && state->state == RecordState::kDeleting) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto deletion, DeletionThatNeverBegan(*state));
      if (deletion) return KeepFrom(*deletion, record, subject);
    }
    const CleanUps which = options_.run.empty() ? CleanUps::kOwed : CleanUps::kFailedToo;
    if (options_.dry_run) {
      if (deletes) {
        actions_.push_back({subject, "carry the deletion on", false});
        return Ok();
      }
      HOLDFAST_ASSIGN_OR_RETURN(
          const auto view,
          RunView::Hold(env_, std::move(record), lease ? *lease : Lease{}, head->bundle));
      HOLDFAST_RETURN_IF_ERROR(MendDamagedClaims(*view, subject));
      const auto owed = FindOwedCleanUps(env_, *view, which);
      std::vector<std::string> told;
      if (owed) {
        for (const OwedCleanUp& one : *owed)
          told.push_back("clean up: post of " + Printable(one.resource->resource.key.str()));
      } else if (!options_.run.empty() && owed.error().code() == ErrorCode::kCorrupt) {
        told.emplace_back("clean up what the journal says once its claims can be read");
      } else {
        return owed.error();
      }
      actions_.push_back({subject,
                          fmt::format("{} (now {})", unfinished ? "end it" : "clean up once more",
                                      state ? NameOf(state->state) : "of no state"),
                          false, std::nullopt, std::move(told)});
      return Ok();
    }
    const std::string run = RunAfter(lease);
    if (deletes) {
      if (lease && !lease->gone(now))
        HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record.id(), *lease));
      // The checkpoint's lease is the dead run's, too.
      HOLDFAST_ASSIGN_OR_RETURN(auto held, CurrentLease(env_.tenant, head->checkpoint));
      if (held && lease && held->run == lease->run && !held->released) {
        HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, head->checkpoint, *held));
      }
      HOLDFAST_ASSIGN_OR_RETURN(const StepReport report, CarryOnDeletion(env_, record, *head, run));
      actions_.push_back({subject, "carried the deletion on: " + report.message, false});
      return Ok();
    }
    Telling telling(env_.log);
    const StepEnvironment env = WithLog(env_, telling);
    HOLDFAST_ASSIGN_OR_RETURN(Lease token, TakeLeaseToEnd(env_.tenant, record.id(), run, "", lease,
                                                          env_.lease_expiry, now));
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto view, RunView::Hold(env, std::move(record), std::move(token), head->bundle));
    Result<StepReport> finished = Finish(env, *view, subject, which);
    if (!finished) {
      // Whoever comes next, with what is amiss mended, need not wait for this one.
      HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, view->record().id(), view->lease()));
      return std::move(finished).error();
    }
    const StepReport report = std::move(*finished);
    // A clean-up that failed is recorded, and made again only for somebody who says so: whoever called
    // gc must hear of it.
    HOLDFAST_ASSIGN_OR_RETURN(const auto uncleaned, FindUncleaned(env, *view));
    HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, view->record().id(), view->lease()));
    GcAction action{subject, (unfinished ? "ended: " : "cleaned up: ") + report.message,
                    !uncleaned.empty(), std::nullopt, telling.Lines()};
    if (!uncleaned.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(std::string again, RunOf(view->record()));
      action.retry = GcRetry{std::move(again)};
    }
    actions_.push_back(std::move(action));
    return Ok();
  }

  Result<bool> HasFailedCleanUps(const Record& record, const std::optional<Lease>& lease,
                                 const std::string& bundle) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                              RunView::Hold(env_, record, lease ? *lease : Lease{}, bundle));
    HOLDFAST_ASSIGN_OR_RETURN(const auto left, FindUncleaned(env_, *view));
    return !left.empty();
  }

  const StepEnvironment& env_;
  const GcOptions& options_;
  std::vector<GcAction> actions_;
};

}  // namespace

Result<std::vector<GcAction>> Gc(const StepEnvironment& env, const GcOptions& options) {
  Collector collector(env, options);
  return collector.Run();
}

}  // namespace holdfast::runtime
