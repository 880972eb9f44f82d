#include "runtime/step/deletion_hold.h"

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

}  // namespace holdfast::runtime
