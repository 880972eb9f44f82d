#include "runtime/step/erase.h"

#include <fmt/format.h>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/claim.h"
#include "runtime/store/indices.h"
#include "runtime/store/layout.h"
#include "runtime/store/listing.h"
#include "runtime/store/pin.h"
#include "runtime/store/rubbish.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr std::string_view kErasure = "erase-";

// Is there anything of it, or of the bundle that its deletion would be compiled from, that cannot be
// read?
Result<bool> IsDamaged(const BankSection& tenant, const std::string& id) {
  const auto source = ReadRecordGraph(tenant, id, Damaged::kTakeFromBundle);
  if (!source) {
    if (IsDamage(source.error())) return true;
    if (source.error().code() == ErrorCode::kNotFound) {
      // Nothing is left of it but that the indices name it.
      HOLDFAST_ASSIGN_OR_RETURN(const auto indexed, ReadIndexedRecords(tenant));
      if (indexed.contains(id)) return true;
    }
    return source.error();
  }
  if (!source->summary.damage.empty()) return true;
  const auto bundle = LoadBundleFromBank(tenant, source->head.bundle);
  if (bundle) return false;
  if (IsDamage(bundle.error()) || bundle.error().code() == ErrorCode::kNotFound) return true;
  return bundle.error();
}

Status CheckUnused(const BankSection& tenant, const std::string& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(tenant));
  for (const Unfinished& other : unfinished) {
    if (other.checkpoint != id || other.record == id) continue;
    // Another erasure is kept out by the lease, and what one has left that was killed is gone on with.
    if (other.record.starts_with(kErasure)) continue;
    return Error(ErrorCode::kLocked,
                 fmt::format("the {} {} works on the checkpoint {}", NameOf(other.kind),
                             Printable(other.record), Printable(id)))
        .Hint("when nobody works on it any more, holdfast gc brings it to its end");
  }
  return Ok();
}

}  // namespace

Status EraseCheckpoint(RemovalHold& hold, const std::string& run, const Clock& clock) {
  const Record& checkpoint = hold.record();
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  if (!states.empty() && states.back().state == RecordState::kDeleted) return Ok();
  if (states.empty() ||
      (states.back().damage.empty() && states.back().state != RecordState::kDeleting)) {
    return Error(
        ErrorCode::kLocked,
        fmt::format("the checkpoint {} {}: another one has gone on with it, and nothing of "
                    "it is deleted",
                    Printable(checkpoint.id()),
                    states.empty() ? std::string("has no state")
                                   : fmt::format("is {} by run {}", NameOf(states.back().state),
                                                 Printable(states.back().run))));
  }
  // Data before manifests: what is still there stays readable as what it is.
  for (const std::string_view part :
       {"data/", "resources/", "work/", "pin/", "journal/", "epochs/", "failures/", "drift/"}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, checkpoint.section().ListAll(part));
    for (const std::string& key : keys) {
      HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
      Failpoint("end:erasing");
    }
  }
  HOLDFAST_RETURN_IF_ERROR(hold.Delete("graph"));
  StateChange deleted;
  deleted.state = RecordState::kDeleted;
  deleted.run = run;
  deleted.token = hold.lease().token;
  deleted.after = states.back().number;
  deleted.time = clock.Now();
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SetState(deleted));
  return hold.DeleteMarkers(checkpoint);
}

namespace {

Status EraseHeld(RemovalHold& hold, const std::string& run, const Clock& clock) {
  const Record& checkpoint = hold.record();
  HOLDFAST_RETURN_IF_ERROR(CheckUnused(checkpoint.tenant(), checkpoint.id()));
  HOLDFAST_RETURN_IF_ERROR(CheckNotPinned(checkpoint));
  HOLDFAST_RETURN_IF_ERROR(RemoveStatesBehindAGap(hold));
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  // One that was erased to its end is listed still where its listing lags.
  if (states.empty() || states.back().state != RecordState::kDeleted) {
    StateChange deleting;
    deleting.state = RecordState::kDeleting;
    deleting.run = run;
    deleting.token = hold.lease().token;
    deleting.after = states.empty() ? 0 : states.back().number;
    deleting.time = clock.Now();
    HOLDFAST_RETURN_IF_ERROR(checkpoint.SetState(deleting));
    // Where a gc has taken this one for dead the marker was gone, and it may be pinned since.
    HOLDFAST_RETURN_IF_ERROR(hold.Check());
    Status may_go = CheckNotPinned(checkpoint);
    if (!may_go && !states.empty() && states.back().damage.empty()) {
      HOLDFAST_RETURN_IF_ERROR(
          checkpoint.SetStateAgain(states.back(), hold.lease().token, states.back().number + 1));
    }
    HOLDFAST_RETURN_IF_ERROR(may_go);
  }
  HOLDFAST_RETURN_IF_ERROR(RemoveIndices(hold, nullptr));
  HOLDFAST_RETURN_IF_ERROR(EraseCheckpoint(hold, run, clock));
  // With it those that were killed before it are over.
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(checkpoint.tenant()));
  for (const Unfinished& other : unfinished) {
    if (other.checkpoint != checkpoint.id() || !other.record.starts_with(kErasure)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Record erasure,
                              Record::Open(checkpoint.tenant(), other.kind, other.record));
    HOLDFAST_RETURN_IF_ERROR(hold.DeleteMarkers(erasure));
  }
  return Ok();
}

// Whatever becomes of it, nobody waits for its leases.
Status EraseMarked(const Record& checkpoint, const Record& erasure, const LeaseRequest& wanted,
                   const Clock& clock) {
  const BankSection& tenant = checkpoint.tenant();
  LeaseRequest own;
  own.run = wanted.run;
  own.expiry = wanted.expiry;
  HOLDFAST_ASSIGN_OR_RETURN(Lease of_erasure, TakeLease(tenant, erasure.id(), own, clock.Now()));
  Status erased = Ok();
  auto taken = TakeLease(tenant, checkpoint.id(), wanted, clock.Now());
  if (taken) {
    RemovalHold hold(checkpoint,
                     {{checkpoint.id(), std::move(*taken), wanted.expiry},
                      {erasure.id(), of_erasure, wanted.expiry}},
                     clock);
    erased = EraseHeld(hold, wanted.run, clock);
    Status released = hold.Release();
    if (erased) erased = std::move(released);
  } else {
    erased = std::move(taken).error();
  }
  Status released = ReleaseLease(tenant, erasure.id(), of_erasure);
  return erased ? released : erased;
}

}  // namespace

Status EraseDamagedCheckpoint(const BankSection& tenant, const std::string& id,
                              const Clock& clock) {
  const WallTime now = clock.Now();
  HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint,
                            Record::Open(tenant, RecordKind::kCheckpoint, id));
  const auto held = CurrentLease(tenant, id);
  if (!held && !IsDamage(held.error())) return held.error();
  HOLDFAST_ASSIGN_OR_RETURN(const bool damaged, IsDamaged(tenant, id));
  if (held && !damaged) {
    return InvalidInput(fmt::format("checkpoint {} is not damaged", Printable(id)))
        .Hint("without --without-plugins its plugins delete what they made, too");
  }
  // Once more when it has its mark and the lease; of one that is refused here nothing is written.
  HOLDFAST_RETURN_IF_ERROR(CheckUnused(tenant, id));
  HOLDFAST_RETURN_IF_ERROR(CheckNotPinned(checkpoint));
  LeaseRequest wanted;
  if (held && *held) {
    if (!(*held)->gone(now)) return RecordHeldError(tenant, id, **held);
    wanted.after = (*held)->token;
    wanted.epochs = (*held)->epochs;
  } else if (!held) {
    // Who has a damaged one cannot go on with it either, and the next token keeps them out.
    for (bool more = true; more;) {
      HOLDFAST_ASSIGN_OR_RETURN(more, tenant.Exists(LeaseKey(id, wanted.after + 1)));
      if (more) ++wanted.after;
    }
  }
  wanted.run = std::string(kErasure) + NewAttemptId(wanted.after + 1);
  wanted.expiry = kRemovalExpiry;
  HOLDFAST_ASSIGN_OR_RETURN(const Record erasure,
                            Record::Open(tenant, RecordKind::kDeletion, wanted.run));
  // As a begin of a deletion does: whoever pins or restores it from here on finds that marker. gc knows by it what a killed one has.
  HOLDFAST_ASSIGN_OR_RETURN(const std::string marker, erasure.MarkUnfinished(id));
  Status erased = EraseMarked(checkpoint, erasure, wanted, clock);
  HOLDFAST_RETURN_IF_ERROR(tenant.DeleteIfPresent(marker));
  return erased;
}

}  // namespace holdfast::runtime
