#include "runtime/step/begin.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/run_start.h"
#include "plugins/sdk/text.h"
#include "runtime/data/each.h"
#include "runtime/step/clean_ups.h"
#include "runtime/step/deletion_begin.h"
#include "runtime/step/end.h"
#include "runtime/step/lost_state.h"
#include "runtime/step/next_epochs.h"
#include "runtime/step/rival.h"
#include "runtime/store/bundle_use.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/removal_hold.h"
#include "runtime/store/stat_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr std::string_view kDriftFail = "fail";
constexpr std::string_view kDriftIgnore = "ignore";

std::string DriftPolicy(const Bundle& bundle) {
  const Value* policy = bundle.plan.Find("policy");
  return policy == nullptr ? std::string(kDriftFail) : policy->StringOr("drift", kDriftFail);
}

Error OtherVersion(const std::string& plugin, std::string_view what, int compiled, int now) {
  return InvalidInput(
             fmt::format("the bundle was compiled for version {} of the {} of {}; this build has "
                         "version {}",
                         compiled, what, plugin, now))
      .Hint("compile the workflow again");
}

// One begin: what was read, then what is written.
class Beginner {
 public:
  Beginner(const StepEnvironment& env, const BeginRequest& request, const DriftChecker& drift,
           StoredBundle bundle, Record record)
      : env_(env),
        request_(request),
        drift_(drift),
        bundle_(std::move(bundle)),
        record_(std::move(record)) {}

  Result<StepReport> Run() {
    HOLDFAST_RETURN_IF_ERROR(CheckBundle());
    // Every step encrypts what it journals: better said here than by each of them.
    if (env_.tenant.keys() != nullptr) HOLDFAST_RETURN_IF_ERROR(env_.tenant.keys()->Current());
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, CheckRecord());
    if (begun) return StepReport{ExitCode::kOk, "begun already"};
    HOLDFAST_RETURN_IF_ERROR(CheckCheckpoint());
    HOLDFAST_RETURN_IF_ERROR(CheckKeys());
    if (request_.dry_run) return DryRun();
    HOLDFAST_RETURN_IF_ERROR(KeepBundle());
    HOLDFAST_RETURN_IF_ERROR(TakeLeases());
    HOLDFAST_RETURN_IF_ERROR(GiveWayToRivals());
    // Another try of this begin may have given way meanwhile, and somebody else have come.
    HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(env_.tenant, record_.id(), lease_));
    HOLDFAST_RETURN_IF_ERROR(WriteRecord());
    if (resume_) HOLDFAST_RETURN_IF_ERROR(StartEpochs());
    HOLDFAST_RETURN_IF_ERROR(CheckDrift());
    HOLDFAST_RETURN_IF_ERROR(CheckRunIsOwn());
    if (bundle_.bundle().operation == Operation::kDelete) {
      HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, Checkpoint());
      Status started = StartDeletion(env_, record_, lease_, checkpoint, checkpoint_lease_);
      // Fenced off: nobody knows the lease of the checkpoint by this run any more. Or the deletion is over by now: nothing
      // of it goes on.
      const bool over = !started && started.error().code() == ErrorCode::kInvalidInput;
      if (over || (!started && started.error().code() == ErrorCode::kLocked)) {
        HOLDFAST_RETURN_IF_ERROR(
            ReleaseLeaseOf(env_.tenant, bundle_.bundle().checkpoint, request_.run, request_.start));
      }
      if (over) {
        HOLDFAST_RETURN_IF_ERROR(env_.tenant.DeleteIfPresent(marker_));
        HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record_.id(), lease_));
      }
      HOLDFAST_RETURN_IF_ERROR(started);
    }
    Failpoint("begin:before-state");
    StateChange working;
    working.state = WorkingState(bundle_.bundle().operation);
    working.run = request_.run;
    working.token = lease_.token;
    working.after = found_state_;
    working.time = env_.clock.Now();
    HOLDFAST_RETURN_IF_ERROR(record_.SetState(working));
    Failpoint("begin:after-state");
    // A gc that has taken this one for dead has removed the marker: whoever comes next is to find what is left.
    if (Status held = CheckStillHeld(env_.tenant, record_.id(), lease_); !held) {
      HOLDFAST_RETURN_IF_ERROR(record_.MarkUnfinished(CheckpointId()));
      return std::move(held).error();
    }
    return StepReport{ExitCode::kOk,
                      fmt::format("{} {} is {}", NameOf(record_.kind()), record_.id(),
                                  NameOf(WorkingState(bundle_.bundle().operation)))};
  }

 private:
  Status CheckBundle() {
    const Bundle& bundle = bundle_.bundle();
    if (bundle.provider_id != env_.provider_id) {
      return InvalidInput(
          fmt::format("the bundle was compiled for the provider {} ({}), not for {}",
                      Printable(bundle.provider_name), bundle.provider_id, env_.provider_id));
    }
    // Reads every shard, and with it checks every hash.
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle_.AllResources());
    std::set<std::pair<std::string, std::string>> used;
    for (const auto& [key, resource] : resources) used.emplace(key.type, resource->plugin);
    for (const auto& [type, name] : used) {
      HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin, env_.protection(type));
      const PluginDescriptor& now = plugin->descriptor();
      if (now.name != name) {
        return InvalidInput(
                   fmt::format("the bundle was compiled for the plugin {} of {}; the provider now "
                               "has {}",
                               name, type, now.name))
            .Hint("compile the workflow again");
      }
      for (const PluginDescriptor& compiled : bundle.plugins) {
        if (compiled.name != name) continue;
        const int parameters = compiled.operation(bundle.operation).parameters.version;
        const int parameters_now = now.operation(bundle.operation).parameters.version;
        if (parameters != parameters_now) {
          return OtherVersion(name, "parameters", parameters, parameters_now);
        }
        if (compiled.has_saved_info && compiled.saved_info.version != now.saved_info.version) {
          return OtherVersion(name, "saved info", compiled.saved_info.version,
                              now.saved_info.version);
        }
      }
    }
    return Ok();
  }

  // From here on no gc takes it; whether one has done so since it was read is looked at once more.
  Status KeepBundle() {
    HOLDFAST_RETURN_IF_ERROR(MarkBundleUsed(env_.tenant, bundle_.sha256()));
    auto there = StoredBundle::Open(env_.tenant, bundle_.sha256());
    return there ? Ok() : Status(std::move(there).error());
  }

  // True when this run has begun already.
  Result<bool> CheckRecord() {
    HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(env_.tenant, request_.run));
    if (entry && !IsOfStart(entry->start, request_.start)) return StartedAlreadyError(*entry);
    if (entry && entry->record != record_.id()) {
      return InvalidInput(
          fmt::format("run {} works on {}, not on {}", request_.run, entry->record, record_.id()));
    }
    HOLDFAST_ASSIGN_OR_RETURN(present_, CurrentLease(env_.tenant, record_.id()));
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, record_.State());
    const bool withdrawn = present_ && present_->withdrawn && IsOwn(*present_);
    if (withdrawn && !present_->gone(env_.clock.Now()))
      return Unavailable("another try of this begin is just giving way");
    const bool own = present_ && IsOwn(*present_) && !withdrawn;
    if (own && (present_->ending || present_->released)) {
      return Error(ErrorCode::kLocked, fmt::format("run {} has ended", request_.run))
          .Hint("to go on, resume: start the workflow again with the parameter record=" +
                record_.id());
    }
    if (own && state && IsWorking(state->state) && state->run == request_.run) return true;
    if (present_ && !own && !present_->gone(env_.clock.Now())) {
      return present_->run == request_.run ? HeldByAnotherStart(*present_)
                                           : RecordHeldError(env_.tenant, record_.id(), *present_);
    }
    if (state && !CanBeResumed(state->state)) return NothingToResume(state->state);
    resume_ = state.has_value();
    found_state_ = state ? state->number : 0;
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, record_.Head());
    if (head && head->bundle != bundle_.sha256()) {
      return InvalidInput(fmt::format("{} {} was made from bundle {}, not from {}",
                                      NameOf(record_.kind()), record_.id(),
                                      head->bundle.substr(0, 12), bundle_.sha256().substr(0, 12)))
          .Hint("resume it with the workflow that began it");
    }
    if (head && !state) {
      // Where its state was lost, a first start would go on amid what another one has done, in its epochs. What this run itself has
      // done since is another try's of this begin.
      HOLDFAST_ASSIGN_OR_RETURN(resume_,
                                own ? HasBegunBefore(record_, request_.run) : HasBegun(record_));
    }
    return false;
  }

  // Of two tries of one begin the later one adopts the lease; of two starts of one run neither knows the
  // other by its name.
  Error WhyNotTaken(Error error) {
    if (error.code() != ErrorCode::kLocked) return error;
    const auto held = CurrentLease(env_.tenant, record_.id());
    if (!held || !*held) return error;
    if (IsOwn(**held)) return Unavailable("another try of this begin has just taken the lease");
    return (*held)->run == request_.run ? HeldByAnotherStart(**held) : error;
  }

  static Error HeldByAnotherStart(const Lease& lease) {
    return Error(ErrorCode::kLocked,
                 fmt::format("run {} was started already, somewhere else; its lease lasts until {}",
                             lease.run, FormatTime(lease.expires)))
        .Hint("give this start another run id, or none");
  }

  // A begin that is run again, by its engine or after a crash, finds what its earlier tries have taken.
  bool IsOwn(const Lease& lease) const {
    return lease.run == request_.run && IsOfStart(lease.start, request_.start);
  }

  Status CheckCheckpoint() {
    const Bundle& bundle = bundle_.bundle();
    if (bundle.operation == Operation::kProtect) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, Checkpoint());
    if (bundle.operation == Operation::kDelete)
      return CheckMayBeDeleted(record_, checkpoint, resume_);
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, checkpoint.State());
    if (!state) return NotFound("there is no checkpoint " + bundle.checkpoint);
    if (state->state == RecordState::kDeleted)
      return InvalidInput("the checkpoint " + bundle.checkpoint + " was deleted");
    if (state->state == RecordState::kAvailable) return Ok();
    if (state->state == RecordState::kError && request_.partial) return Ok();
    Error error = InvalidInput(
        fmt::format("the checkpoint {} is {}", bundle.checkpoint, NameOf(state->state)));
    if (state->state == RecordState::kError) {
      return std::move(error).Hint("--partial works on what it holds");
    }
    return WithItsRun(std::move(error), bundle.checkpoint);
  }

  // Without the keys a verification finds nothing out about the checkpoint, and a restore leaves half of what it was to
  // restore: so there is to be no record of one. A manifest that does not read is for the steps to find.
  Status CheckKeys() {
    const Operation operation = bundle_.bundle().operation;
    if (operation != Operation::kVerify && operation != Operation::kRestore) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, Checkpoint());
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle_.AllResources());
    std::vector<ResourceKey> keys;
    for (const auto& [key, resource] : resources) {
      if (resource->HasSteps()) keys.push_back(key);
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint));
    return ForEach(keys.size(), env_.data.parallel, [&](std::size_t i) -> Status {
      if (env_.cancellation.is_set()) return CancelledError();
      const auto manifest = manifests.Of(keys[i]);
      if (!manifest && manifest.error().code() == ErrorCode::kUnavailable) return manifest.error();
      if (!manifest || !*manifest) return Ok();
      for (const std::string& id : (*manifest)->KeyIds()) {
        auto found = FindKey(env_.tenant.keys(), id);
        if (!found) return std::move(found).error().While(Printable(keys[i].str()));
      }
      return Ok();
    });
  }

  // Adds who works on the record, until when, and what ends that when nobody does any more.
  Error WithItsRun(Error error, const std::string& record) {
    const auto lease = CurrentLease(env_.tenant, record);
    if (!lease || !*lease || (*lease)->gone(env_.clock.Now())) {
      return std::move(error).Hint("nobody works on it any more: holdfast gc brings it to its end");
    }
    return std::move(error).Because(RecordHeldError(env_.tenant, record, **lease));
  }

  Result<StepReport> DryRun() {
    return StepReport{
        ExitCode::kOk,
        fmt::format("would {} the {} {} with {}", resume_ ? "resume" : "create",
                    NameOf(record_.kind()), record_.id(), Counted(bundle_.bundle().steps, "step"))};
  }

  Status TakeLeases() {
    const Bundle& bundle = bundle_.bundle();
    Failpoint("begin:before-marker");
    HOLDFAST_ASSIGN_OR_RETURN(marker_, record_.MarkUnfinished(CheckpointId()));
    // Each side first writes its own marker and then looks for the other's: of a deletion and a
    // restore that begin at once, at least one sees the other.
    if (bundle.operation != Operation::kProtect) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(env_.tenant));
      for (const Unfinished& other : unfinished) {
        if (other.checkpoint != bundle.checkpoint || other.record == record_.id()) continue;
        const bool deletes = bundle.operation == Operation::kDelete;
        const bool in_the_way =
            deletes ? other.kind == RecordKind::kRestore || other.kind == RecordKind::kVerification
                    : other.kind == RecordKind::kDeletion;
        if (!in_the_way) continue;
        HOLDFAST_RETURN_IF_ERROR(env_.tenant.DeleteIfPresent(marker_));
        return WithItsRun(Error(ErrorCode::kLocked,
                                fmt::format("the {} {} works on the checkpoint {}",
                                            NameOf(other.kind), other.record, bundle.checkpoint)),
                          other.record);
      }
    }
    if (present_ && IsOwn(*present_) && !present_->withdrawn) {
      lease_ = *present_;
    } else {
      LeaseRequest wanted;
      wanted.run = request_.run;
      wanted.start = request_.start;
      wanted.after = present_ ? present_->token : 0;
      // Where there is no state yet, an earlier life of the id may have left leases, and no table.
      wanted.anew = !resume_;
      wanted.epochs = resume_ && present_ ? present_->epochs : "";
      wanted.fail_fast = request_.fail_fast;
      wanted.expiry = env_.lease_expiry;
      auto taken = TakeLease(env_.tenant, record_.id(), wanted, env_.clock.Now());
      if (!taken) return WhyNotTaken(std::move(taken).error());
      lease_ = std::move(*taken);
      // One that was killed while it gave way has left its run, of the token that it had.
      if (present_ && present_->withdrawn && IsOwn(*present_))
        HOLDFAST_RETURN_IF_ERROR(env_.tenant.DeleteIfPresent(RunKey(request_.run)));
    }
    Failpoint("begin:after-lease");
    if (bundle.operation == Operation::kDelete) {
      // Once more, with the marker there: whoever pins it from here on finds that.
      Status taken = CheckCheckpoint();
      if (taken) taken = TakeCheckpoint();
      if (!taken) {
        HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record_.id(), lease_));
        HOLDFAST_RETURN_IF_ERROR(env_.tenant.DeleteIfPresent(marker_));
        return taken;
      }
    }
    RunEntry entry;
    entry.run = request_.run;
    entry.start = lease_.start;
    entry.record = record_.id();
    entry.kind = record_.kind();
    entry.bundle = bundle_.sha256();
    entry.token = lease_.token;
    entry.checkpoint_token = checkpoint_lease_.token;
    entry.marker = marker_;
    entry.started_by = request_.started_by;
    entry.started = env_.clock.Now();
    if (Status put = PutRun(env_.tenant, entry); !put) {
      if (put.error().code() == ErrorCode::kLocked) HOLDFAST_RETURN_IF_ERROR(GiveBack());
      return put;
    }
    Failpoint("begin:after-run");
    return Ok();
  }

  // Of a start that has a lease, and whose run's id another start took at the same time, for another record.
  Status GiveBack() {
    const Bundle& bundle = bundle_.bundle();
    if (bundle.operation == Operation::kDelete) {
      HOLDFAST_RETURN_IF_ERROR(
          ReleaseLeaseOf(env_.tenant, bundle.checkpoint, request_.run, request_.start));
    }
    return Withdraw(/*with_run=*/false);
  }

  // Nothing goes on of what was begun on the record. The next token says so, for another try of this begin which was only away
  // finds then that its own is old. It names the epochs that are in force. Where somebody else has the record by now, what
  // stands there is theirs.
  Status Withdraw(bool with_run) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto current, CurrentLease(env_.tenant, record_.id()));
    if (!current || current->token != lease_.token) return Ok();
    LeaseRequest wanted = RequestToEnd(request_.run, lease_.start, current, kRemovalExpiry);
    wanted.withdrawn = true;
    auto taken = TakeLease(env_.tenant, record_.id(), wanted, env_.clock.Now());
    if (!taken && taken.error().code() == ErrorCode::kLocked) return Ok();
    if (!taken) return std::move(taken).error();
    // Of a record that is resumed others may have been there before.
    HOLDFAST_RETURN_IF_ERROR(
        resume_ ? env_.tenant.DeleteIfPresent(marker_)
                : record_.RemoveUnfinished(
                      [&] { return CheckStillHeld(env_.tenant, record_.id(), *taken); }, marker_));
    if (with_run) HOLDFAST_RETURN_IF_ERROR(env_.tenant.DeleteIfPresent(RunKey(request_.run)));
    return ReleaseLease(env_.tenant, record_.id(), *taken);
  }

  // Where create-exclusive is settled, both of two such starts may have believed that they have it.
  Status CheckRunIsOwn() {
    if (request_.start.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(env_.tenant, request_.run));
    if (!entry) return Corrupt("the object of run " + request_.run + " is gone");
    if (IsOfStart(entry->start, request_.start)) return Ok();
    HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, record_.id(), lease_));
    return StartedAlreadyError(*entry);
  }

  // Never two runs at once that bring one resource to rest. Each writes what the other finds (marker,
  // lease, run) before it looks: of two that begin at once at least one sees the other.
  Status GiveWayToRivals() {
    constexpr std::chrono::milliseconds kLook{100};
    constexpr int kMostLooks = 50;
    for (int looks = 1;; ++looks) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto rival,
                                FindRival(env_.tenant, env_.protection, record_.id(), bundle_));
      if (!rival) return Ok();
      if (env_.cancellation.is_set()) return CancelledError();
      Error refused = RivalError(*rival, env_.clock.Now());
      if (CanBeEnded(*rival)) {
        Status ended = EndRival(*rival);
        if (ended) continue;
        refused = std::move(refused).Because(std::move(ended).error());
      } else {
        HOLDFAST_ASSIGN_OR_RETURN(const bool gives_way, GivesWay(*rival));
        if (gives_way && looks < kMostLooks) {
          env_.pause(kLook);
          continue;
        }
      }
      // Of a begin that gives way only leases stay; without its run its `end` has nothing to end.
      HOLDFAST_RETURN_IF_ERROR(Withdraw(/*with_run=*/true));
      return refused;
    }
  }

  // Also what an earlier try of this begin was just ending when it was killed, and one that was killed before its record
  // was written.
  bool CanBeEnded(const Rival& rival) const {
    return rival.provider_id == env_.provider_id && rival.lease &&
           (rival.gone(env_.clock.Now()) || IsOwn(*rival.lease));
  }

  // What gc would do of one on which nobody works any more: the nights after a power cut are not to
  // be lost because nobody has called it.
  Status EndRival(const Rival& rival) {
    HOLDFAST_ASSIGN_OR_RETURN(Record record, Record::Open(env_.tenant, rival.kind, rival.record));
    HOLDFAST_ASSIGN_OR_RETURN(Lease lease,
                              TakeLeaseToEnd(env_.tenant, rival.record, request_.run, lease_.start,
                                             rival.lease, env_.lease_expiry, env_.clock.Now()));
    HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                              RunView::Hold(env_, std::move(record), lease, rival.bundle));
    const auto report = FinishRecord(env_, *view, "begin");
    HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env_.tenant, rival.record, view->lease()));
    if (!report) return report.error();
    env_.log.Log(LogLevel::kWarning, "ended what a dead run had left: " + report->message);
    HOLDFAST_ASSIGN_OR_RETURN(const auto owed, FindOwedCleanUps(env_, *view));
    if (owed.empty()) return Ok();
    return Unavailable(
        fmt::format("clean-ups of the {} {} could not be made", NameOf(rival.kind), rival.record));
  }

  // Of two that begin at once the earlier one goes on, so that not both are refused: the later one
  // has seen this one, or will. Unless it looked before this one had written its run: then it stays.
  Result<bool> GivesWay(const Rival& rival) {
    // Its record is written at once after its look.
    if (!rival.entry || rival.head) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const auto mine, ReadRun(env_.tenant, request_.run));
    if (!mine) return Corrupt("the object of run " + request_.run + " is gone");
    return std::pair(mine->started, mine->run) < std::pair(rival.entry->started, rival.entry->run);
  }

  // A deletion holds its checkpoint's lease, too: nobody resumes or deletes it meanwhile.
  Status TakeCheckpoint() {
    HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, Checkpoint());
    HOLDFAST_ASSIGN_OR_RETURN(checkpoint_lease_,
                              TakeCheckpointToDelete(env_, record_, lease_, checkpoint));
    return Ok();
  }

  Status WriteRecord() {
    const Bundle& bundle = bundle_.bundle();
    RecordHead head;
    head.operation = bundle.operation;
    head.checkpoint = CheckpointId();
    head.bundle = bundle_.sha256();
    head.provider_id = bundle.provider_id;
    head.provider_name = bundle.provider_name;
    head.plan = bundle.plan;
    head.parameters = bundle.parameters;
    head.resources = bundle.resources;
    head.created = env_.clock.Now();
    head.created_by = request_.started_by;
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, bundle_.Graph());
    return record_.CreateHead(head, graph);
  }

  // Whether a resume can count on what an earlier run has of a resource: not if its last step wrote the manifest late, after somebody
  // had begun to remove what that names.
  Result<bool> StaysFinished(RunView& view, const BundleResource& resource, std::uint64_t epoch) {
    const std::string& step = resource.StepOf(FinalisingKind(resource));
    if (view.operation() != Operation::kProtect || step.empty()) return true;
    HOLDFAST_ASSIGN_OR_RETURN(const BankSection checkpoint, view.checkpoint_section());
    const auto manifest = ReadManifest(checkpoint, resource.resource.key, epoch);
    if (!manifest && !IsDamage(manifest.error())) return manifest.error();
    if (!manifest || !*manifest) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t removal, view.LastRemovalBefore());
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, view.JournalOf(step));
    const auto& attempts = journal->attempts;
    const bool stays =
        removal == 0 || std::any_of(attempts.begin(), attempts.end(), [&](const Attempt& attempt) {
          return attempt.claim.attempt == (*manifest)->attempt && attempt.claim.token > removal;
        });
    if (!stays) return false;
    const Status there = StatManifest(checkpoint, **manifest);
    if (there) return true;
    if (IsDamage(there.error()) || there.error().code() == ErrorCode::kNotFound) return false;
    return there.error();
  }

  Status StartEpochs() {
    HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                              RunView::Hold(env_, record_, lease_, bundle_.sha256()));
    if (found_state_ == 0) HOLDFAST_RETURN_IF_ERROR(MendStates(*view));
    const std::string table = NumberPart(lease_.token);
    if (lease_.epochs == table) return Ok();  // an earlier begin of this run got so far
    HOLDFAST_RETURN_IF_ERROR(WaitForClaims(env_, *view));
    HOLDFAST_ASSIGN_OR_RETURN(const auto owed, RunOwedCleanUps(env_, *view, "begin"));
    if (!owed.empty()) {
      return Unavailable(Counted(owed.size(), "clean-up") + " of an earlier run could not be made");
    }
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, view->bundle().Graph());
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, view->bundle().AllResources());
    std::map<ResourceKey, bool> finished;
    std::map<ResourceKey, std::uint64_t> epochs;
    std::set<ResourceKey> quiesces;
    for (const auto& [key, resource] : resources) {
      bool all = true;
      std::uint64_t epoch = 1;
      for (const ActivityKind kind : kAllActivityKinds) {
        const std::string& step = resource->StepOf(kind);
        if (step.empty()) continue;
        HOLDFAST_ASSIGN_OR_RETURN(epoch, view->EpochOf(step, key));
        HOLDFAST_ASSIGN_OR_RETURN(const bool succeeded, view->Succeeded(step, key, kind));
        all = all && succeeded;
      }
      if (all) {
        HOLDFAST_ASSIGN_OR_RETURN(all, StaysFinished(*view, *resource, epoch));
      }
      finished.emplace(key, all);
      epochs.emplace(key, epoch);
      HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin, env_.protection(key.type));
      if (plugin->descriptor().quiesces) quiesces.insert(key);
    }
    const auto next = NextEpochs(
        bundle_.bundle().operation, graph,
        [&](const ResourceKey& key) { return quiesces.contains(key); }, finished, epochs);
    HOLDFAST_RETURN_IF_ERROR(WriteEpochTable(record_.section(), bundle_, table, next));
    Failpoint("begin:after-epochs");
    // From here on the new epochs are in force; before, a crash leaves the old ones.
    lease_.epochs = table;
    return RenewLease(env_.tenant, record_.id(), lease_, env_.lease_expiry, env_.clock.Now());
  }

  // Behind those that it has lost there may be what it was brought to. They are none of this run: tried again it is to find that it
  // has not begun.
  Status MendStates(RunView& view) {
    HOLDFAST_RETURN_IF_ERROR(MendFirstStates(view, record_.id(), env_.clock));
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, record_.State());
    if (!state) return FirstStateMissing(record_);
    found_state_ = state->number;
    if (CanBeResumed(state->state)) return Ok();
    HOLDFAST_RETURN_IF_ERROR(GiveBack());
    return NothingToResume(state->state);
  }

  bool CanBeResumed(RecordState state) const {
    return state == RecordState::kError || state == WorkingState(bundle_.bundle().operation);
  }
  Error NothingToResume(RecordState state) const {
    return InvalidInput(fmt::format("{} {} is {}: there is nothing to resume",
                                    NameOf(record_.kind()), record_.id(), NameOf(state)))
        .Hint("start without the parameter 'record'");
  }

  Status CheckDrift() {
    const Bundle& bundle = bundle_.bundle();
    const std::string policy = DriftPolicy(bundle);
    if (bundle.operation != Operation::kProtect || policy == kDriftIgnore || !drift_) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, bundle_.Graph());
    auto found = drift_(bundle, graph);
    std::string text;
    if (!found) {
      // Told to end meanwhile: who comes after lists anew.
      if (env_.cancellation.is_set()) return CancelledError();
      // A listing that fails must not keep what is in the file from being protected.
      text = "the live graph could not be listed: " + found.error().OneLine();
    } else {
      text = std::move(*found);
    }
    if (text.empty()) return Ok();
    env_.log.Log(policy == kDriftFail ? LogLevel::kError : LogLevel::kWarning, "drift: " + text,
                 Value().Set("policy", policy));
    return record_.PutDrift(request_.run, {policy, text});
  }

  // That all but a protect work on.
  Result<Record> Checkpoint() const {
    return Record::Open(env_.tenant, RecordKind::kCheckpoint, bundle_.bundle().checkpoint);
  }
  std::string CheckpointId() const {
    return bundle_.bundle().operation == Operation::kProtect ? record_.id()
                                                             : bundle_.bundle().checkpoint;
  }

  const StepEnvironment& env_;
  const BeginRequest& request_;
  const DriftChecker& drift_;
  StoredBundle bundle_;
  Record record_;
  std::optional<Lease> present_;
  Lease lease_;
  Lease checkpoint_lease_;  // deletion: of its checkpoint
  bool resume_ = false;
  std::uint64_t found_state_ = 0;  // the record's newest
  std::string marker_;             // the key of its own
};

}  // namespace

Result<StepReport> Begin(const StepEnvironment& env, const BeginRequest& request,
                         const DriftChecker& drift) {
  if (request.run.empty()) return InvalidInput("a run needs an id");
  HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle, StoredBundle::Open(env.tenant, request.bundle));
  HOLDFAST_ASSIGN_OR_RETURN(Record record,
                            Record::Open(env.tenant, RecordKindOf(bundle.bundle().operation),
                                         request.record.empty() ? request.run : request.record));
  Beginner beginner(env, request, drift, std::move(bundle), std::move(record));
  return beginner.Run();
}

Result<BeginProgress> ProgressOfBegin(const BankSection& tenant, std::string_view record,
                                      std::string_view run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(tenant, run));
  if (entry) {
    HOLDFAST_ASSIGN_OR_RETURN(const Record on, Record::Open(tenant, entry->kind, entry->record));
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, on.State());
    if (state && state->run == run) return BeginProgress::kDone;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(tenant, record));
  if (lease && lease->run == run && !lease->ending && !lease->released)
    return BeginProgress::kHalfWay;
  return entry ? BeginProgress::kDone : BeginProgress::kNotBegun;
}

}  // namespace holdfast::runtime
