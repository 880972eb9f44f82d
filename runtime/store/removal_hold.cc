#include "runtime/store/removal_hold.h"

#include <fmt/format.h>

#include "plugins/sdk/context.h"

namespace holdfast::runtime {

RemovalHold::RemovalHold(const Record& record, std::vector<HeldLease> held, const Clock& clock,
                         const Cancellation* cancellation)
    : record_(record), held_(std::move(held)), clock_(clock), cancellation_(cancellation) {}

Result<RemovalHold> RemovalHold::Take(const Record& record, const std::string& run,
                                      const Clock& clock, const Cancellation* cancellation) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto held, CurrentLease(record.tenant(), record.id()));
  const WallTime now = clock.Now();
  if (held && !held->gone(now)) return RecordHeldError(record.tenant(), record.id(), *held);
  LeaseRequest wanted = RequestToEnd(run, "", held, kRemovalExpiry);
  wanted.removes = true;
  HOLDFAST_ASSIGN_OR_RETURN(Lease lease, TakeLease(record.tenant(), record.id(), wanted, now));
  return RemovalHold(record, {{record.id(), std::move(lease), kRemovalExpiry}}, clock,
                     cancellation);
}

bool RemovalHold::JustLooked() const {
  if (!looked_) return false;
  const auto since = clock_.Now() - looked_->wall;
  return clock_.Steady() - looked_->steady < kLookCounts && since < kLookCounts &&
         since >= WallTime::duration::zero();
}

Status RemovalHold::Check() {
  // What the look itself takes counts, too.
  const Look look{clock_.Steady(), clock_.Now()};
  // All of them first: the lease of one who has lost another one may have been given back.
  for (const HeldLease& one : held_)
    HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(record_.tenant(), one.record, one.lease));
  for (HeldLease& one : held_) {
    if (one.lease.expires >= look.wall + one.expiry / 2) continue;
    HOLDFAST_RETURN_IF_ERROR(
        RenewLease(record_.tenant(), one.record, one.lease, one.expiry, look.wall));
  }
  looked_ = look;
  return Ok();
}

Status RemovalHold::DeleteFrom(const BankSection& section, std::string_view key) {
  if (cancellation_ != nullptr && cancellation_->is_set()) return CancelledError();
  if (!JustLooked()) HOLDFAST_RETURN_IF_ERROR(Check());
  Status gone = section.DeleteIfPresent(key);
  // Of a request that was not answered nobody knows whether it is over.
  unanswered_ = unanswered_ || (!gone && gone.error().code() == ErrorCode::kUnavailable);
  if (JustLooked()) return gone;
  Status held = Check();
  if (held || held.error().code() != ErrorCode::kLocked) return gone;
  return std::move(held).error().Hint(
      fmt::format("this process was away while it deleted {}/{}: holdfast bank fsck says whether "
                  "anything misses it",
                  section.prefix(), key));
}

Status RemovalHold::Delete(std::string_view key) { return DeleteFrom(record_.section(), key); }

Status RemovalHold::DeleteOfTenant(std::string_view key) {
  return DeleteFrom(record_.tenant(), key);
}

Status RemovalHold::DeleteMarkers(const Record& of) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, of.Markers());
  HOLDFAST_RETURN_IF_ERROR(Check());
  for (const std::string& key : keys) HOLDFAST_RETURN_IF_ERROR(DeleteOfTenant(key));
  return Ok();
}

Status RemovalHold::Release() {
  held_.front().lease.removes = unanswered_;
  return ReleaseLease(record_.tenant(), record_.id(), held_.front().lease);
}

}  // namespace holdfast::runtime
