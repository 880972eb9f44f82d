#include "runtime/step/deletion_begin.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/run_start.h"
#include "runtime/step/clean_ups.h"
#include "runtime/step/end.h"
#include "runtime/step/run_view.h"
#include "runtime/store/indices.h"
#include "runtime/store/pin.h"
#include "runtime/store/removal_hold.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// The newest state; one that is damaged is none that keeps a checkpoint from its deletion.
Result<std::optional<StateEntry>> ReadableState(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(auto states, record.ReadableStates());
  if (states.empty()) return std::optional<StateEntry>();
  return std::optional<StateEntry>(std::move(states.back()));
}

Status CheckIsNotOver(const Record& deletion, const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope scope, ScopeOf(deletion, checkpoint));
  if (scope != DeletionScope::kOver) return Ok();
  return InvalidInput(fmt::format("the deletion {} has nothing more to delete: since it began "
                                  "the checkpoint {} was kept, or erased and made anew",
                                  deletion.id(), checkpoint.id()))
      .Hint(fmt::format("'holdfast checkpoints delete {}' deletes it as it is now; holdfast gc "
                        "ends the earlier deletion, and takes nothing of it",
                        checkpoint.id()));
}

// A clean-up that failed is tried once more: with the journal goes all that is known of it. When it
// fails again the deletion goes on, and says so.
Status FinishCheckpoint(const StepEnvironment& env, Record checkpoint, const Lease& lease,
                        const std::string& bundle) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                            RunView::Hold(env, std::move(checkpoint), Lease(lease), bundle));
  HOLDFAST_RETURN_IF_ERROR(FinishRecord(env, *view, "begin", CleanUps::kFailedToo));
  if (env.cancellation.is_set()) return CancelledError();
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed, FindOwedCleanUps(env, *view));
  if (!owed.empty()) {
    return Unavailable(
        fmt::format("clean-ups of the checkpoint {} could not be made", view->record().id()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto left, FindUncleaned(env, *view));
  for (const Uncleaned& one : left) env.log.Log(LogLevel::kWarning, one.text);
  return Ok();
}

Status EndCheckpoint(const StepEnvironment& env, const Record& checkpoint, const Lease& lease) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, ReadableState(checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto name, checkpoint.BundleName());
  if (!state || !name) return Ok();
  if (state->state != RecordState::kProtecting && state->state != RecordState::kError) return Ok();
  Status done = FinishCheckpoint(env, checkpoint, lease, *name);
  if (done) return done;
  // Of a damaged one nothing more can be found out, and it is to go.
  if (done.error().code() != ErrorCode::kCorrupt && done.error().code() != ErrorCode::kNotFound)
    return done;
  env.log.Log(LogLevel::kWarning,
              "whether the checkpoint owes clean-ups is not known: " + done.error().OneLine());
  return Ok();
}

}  // namespace

Status CheckMayBeDeleted(const Record& deletion, const Record& checkpoint, bool resumes) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, ReadableState(checkpoint));
  if (!state) return NotFound("there is no checkpoint " + checkpoint.id());
  if (state->state == RecordState::kDeleted) {
    // A deletion that died between its last two writes is resumed to its end.
    if (resumes) return Ok();
    return InvalidInput("the checkpoint " + checkpoint.id() + " was deleted");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckIsNotOver(deletion, checkpoint));
  // Of one that is being deleted already part may be gone: no pin brings that back.
  if (state->state == RecordState::kDeleting) return Ok();
  return CheckNotPinned(checkpoint);
}

Result<Lease> TakeCheckpointToDelete(const StepEnvironment& env, const Record& deletion,
                                     const Lease& lease, const Record& checkpoint) {
  const std::string& id = checkpoint.id();
  HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(env.tenant, deletion.id(), lease));
  HOLDFAST_ASSIGN_OR_RETURN(auto held, CurrentLease(env.tenant, id));
  const bool own = held && held->run == lease.run && IsOfStart(held->start, lease.start);
  if (!own || held->released) {
    if (held && !held->gone(env.clock.Now())) return RecordHeldError(env.tenant, id, *held);
    LeaseRequest wanted;
    wanted.run = lease.run;
    wanted.start = lease.start;
    wanted.after = held ? held->token : 0;
    wanted.epochs = held ? held->epochs : "";
    wanted.expiry = env.lease_expiry;
    HOLDFAST_ASSIGN_OR_RETURN(held, TakeLease(env.tenant, id, wanted, env.clock.Now()));
  }
  // Whoever has taken this one for dead meanwhile has not seen that lease.
  Status ended = CheckStillHeld(env.tenant, deletion.id(), lease);
  if (ended) ended = EndCheckpoint(env, checkpoint, *held);
  if (ended) return std::move(*held);
  HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env.tenant, id, *held));
  return ended.error();
}

Status StartDeletion(const StepEnvironment& env, const Record& deletion, const Lease& lease,
                     const Record& checkpoint, const Lease& checkpoint_lease) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, ReadableState(checkpoint));
  if (state && state->state == RecordState::kDeleted) return Ok();
  HOLDFAST_RETURN_IF_ERROR(CheckIsNotOver(deletion, checkpoint));
  StateChange deleting;
  deleting.state = RecordState::kDeleting;
  deleting.run = lease.run;
  deleting.token = checkpoint_lease.token;
  deleting.after = state ? state->number : 0;
  deleting.time = env.clock.Now();
  HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(env.tenant, deletion.id(), lease));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SetState(deleting));
  Failpoint("begin:after-deleting");
  const auto head = checkpoint.Head();
  if (!head && !IsDamage(head.error())) return head.error();
  RemovalHold hold(checkpoint,
                   {{checkpoint.id(), checkpoint_lease, env.lease_expiry},
                    {deletion.id(), lease, env.lease_expiry}},
                   env.clock, &env.cancellation);
  return RemoveIndices(hold, head && *head ? &**head : nullptr);
}

}  // namespace holdfast::runtime
