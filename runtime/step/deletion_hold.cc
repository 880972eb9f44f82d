#include "runtime/step/deletion_hold.h"

#include "runtime/step/lost_state.h"
#include "runtime/store/indices.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

Result<Record> CheckpointOf(const RunView& run) {
  return Record::Open(run.record().tenant(), RecordKind::kCheckpoint, run.checkpoint_id());
}

RemovalHold Both(const StepEnvironment& env, RunView& run, const Record& checkpoint, Lease lease) {
  return {checkpoint,
          {{checkpoint.id(), std::move(lease), env.lease_expiry},
           {run.record().id(), run.lease(), env.lease_expiry}},
          env.clock};
}

}  // namespace

Result<RemovalHold> HoldOfDeletion(const StepEnvironment& env, RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, CheckpointOf(run));
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, CurrentLease(checkpoint.tenant(), checkpoint.id()));
  if (lease && lease->run == run.lease().run) return Both(env, run, checkpoint, std::move(*lease));
  if (lease) return RecordHeldError(checkpoint.tenant(), checkpoint.id(), *lease);
  return Corrupt("the lease of " + checkpoint.id() + " is gone");
}

Result<RemovalHold> TakeHoldOfDeletion(const StepEnvironment& env, RunView& run,
                                       const std::string& begun_by) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint, CheckpointOf(run));
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, CurrentLease(checkpoint.tenant(), checkpoint.id()));
  const WallTime now = env.clock.Now();
  if (lease && lease->run == run.lease().run && !lease->released)
    return Both(env, run, checkpoint, std::move(*lease));
  if (lease && lease->run != begun_by && !lease->gone(now))
    return RecordHeldError(checkpoint.tenant(), checkpoint.id(), *lease);
  LeaseRequest wanted;
  wanted.run = run.lease().run;
  wanted.start = run.lease().start;
  wanted.after = lease ? lease->token : 0;
  wanted.epochs = lease ? lease->epochs : "";
  wanted.expiry = env.lease_expiry;
  HOLDFAST_ASSIGN_OR_RETURN(Lease taken,
                            TakeLease(checkpoint.tenant(), checkpoint.id(), wanted, now));
  return Both(env, run, checkpoint, std::move(taken));
}

namespace {

// With the lease of the checkpoint.
Result<BeginFence> OccupyNextState(const Record& deletion, const Record& checkpoint,
                                   const Lease& lease, Marked marked) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope scope, ScopeOf(deletion, checkpoint));
  const bool is_marked = scope == DeletionScope::kDeletes;
  if (is_marked && marked == Marked::kLeave) return BeginFence::kDeletes;
  // Where its states are lost, too: of what it was working on nothing good is made.
  if (is_marked) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, HasBegun(deletion));
    if (begun) return BeginFence::kDeletes;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, StateWithout(deletion, checkpoint));
  if (!entry) return is_marked ? BeginFence::kDeletes : BeginFence::kFenced;
  // After that one nobody sets `deleting`.
  if (entry->state == RecordState::kDeleted) return BeginFence::kFenced;
  // Killed from here on its mark says that its indices may be missing.
  const bool anew = is_marked && entry->state == RecordState::kAvailable;
  std::string marker;
  if (anew) {
    HOLDFAST_ASSIGN_OR_RETURN(marker, checkpoint.MarkUnfinished(checkpoint.id()));
  }
  Status again = checkpoint.SetStateAgain(*entry, lease.token, states.back().number);
  // The begin was faster: what it has done is looked at by who comes next.
  if (!again && again.error().code() == ErrorCode::kLocked) return BeginFence::kHeldByAnother;
  HOLDFAST_RETURN_IF_ERROR(again);
  if (!anew) return BeginFence::kFenced;
  const auto held = [&checkpoint, &lease] {
    return CheckStillHeld(checkpoint.tenant(), checkpoint.id(), lease);
  };
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, checkpoint.Head());
  if (head) {
    HOLDFAST_RETURN_IF_ERROR(WriteIndices(checkpoint, *head, held));
  }
  HOLDFAST_RETURN_IF_ERROR(checkpoint.RemoveUnfinished(held, marker));
  return BeginFence::kFenced;
}

// A run of the deletion has it, or had it last.
Result<bool> IsOfDeletion(const Record& deletion, const Lease& lease) {
  if (lease.run == deletion.id()) return true;
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, RunThatHas(deletion, lease));
  return entry.has_value();
}

}  // namespace

Result<BeginFence> FenceOffBegin(const StepEnvironment& env, const Record& deletion,
                                 const Record& checkpoint, const std::string& run, Marked marked) {
  const BankSection& tenant = checkpoint.tenant();
  HOLDFAST_ASSIGN_OR_RETURN(const auto held, CurrentLease(tenant, checkpoint.id()));
  if (!held) return BeginFence::kFenced;  // no begin came so far
  HOLDFAST_ASSIGN_OR_RETURN(bool its, IsOfDeletion(deletion, *held));
  its = its || held->run == run;
  const auto head = deletion.Head();
  if (!head && !IsDamage(head.error())) return head.error();
  // Before its record is written it does nothing to the checkpoint, and with an old token it comes no further.
  if (!its && head && !*head) return BeginFence::kFenced;
  const WallTime now = env.clock.Now();
  if (!its && !held->gone(now)) return BeginFence::kHeldByAnother;
  auto lease = TakeLeaseToEnd(tenant, checkpoint.id(), run, "", held, kRemovalExpiry, now);
  if (!lease && lease.error().code() == ErrorCode::kLocked) return BeginFence::kHeldByAnother;
  if (!lease) return std::move(lease).error();
  auto fenced = OccupyNextState(deletion, checkpoint, *lease, marked);
  HOLDFAST_RETURN_IF_ERROR(ReleaseLease(tenant, checkpoint.id(), *lease));
  return fenced;
}

}  // namespace holdfast::runtime
