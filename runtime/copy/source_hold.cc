#include "runtime/copy/source_hold.h"

#include <fmt/format.h>

#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

// Of one checkpoint and one place always the same: a copy that comes again finds what an earlier one left.
std::string RecordIdOf(const SourceReader& reader) {
  constexpr std::size_t kDigits = 16;
  return "copy-" + Sha256Hex(reader.checkpoint + "\n" + reader.to).substr(0, kDigits);
}

}  // namespace

Result<SourceHold> SourceHold::Take(const BankSection& tenant, const SourceReader& reader,
                                    const Clock& clock, std::chrono::milliseconds expiry) {
  HOLDFAST_ASSIGN_OR_RETURN(Record record,
                            Record::Open(tenant, RecordKind::kVerification, RecordIdOf(reader)));
  SourceHold hold(std::move(record), reader.run, clock, expiry);
  if (Status begun = hold.Begin(reader); !begun) {
    // Who comes next would find it in the way.
    std::ignore = hold.Release();
    return std::move(begun).error();
  }
  return hold;
}

Status SourceHold::RemoveLeft(const BankSection& tenant, const SourceReader& reader,
                              const Clock& clock) {
  HOLDFAST_ASSIGN_OR_RETURN(Record record,
                            Record::Open(tenant, RecordKind::kVerification, RecordIdOf(reader)));
  HOLDFAST_ASSIGN_OR_RETURN(const bool left, record.IsUnfinished());
  if (!left) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(tenant, record.id()));
  SourceHold hold(std::move(record), lease ? lease->run : reader.run, clock, {});
  if (lease) hold.lease_ = *lease;
  return hold.Release();
}

Status SourceHold::Begin(const SourceReader& reader) {
  const BankSection& tenant = record_.tenant();
  HOLDFAST_ASSIGN_OR_RETURN(marker_, record_.MarkUnfinished(reader.checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto deletion, DeletionOf(tenant, reader.checkpoint));
  if (deletion) {
    return Error(ErrorCode::kLocked,
                 fmt::format("the deletion {} works on the checkpoint {}",
                             Printable(deletion->record), Printable(reader.checkpoint)))
        .Hint("there is nothing to copy once it is done");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto before, CurrentLease(tenant, record_.id()));
  LeaseRequest wanted;
  wanted.run = run_;
  wanted.after = before ? before->token : 0;
  wanted.expiry = expiry_;
  HOLDFAST_ASSIGN_OR_RETURN(lease_, TakeLease(tenant, record_.id(), wanted, clock_->Now()));
  if (before) HOLDFAST_RETURN_IF_ERROR(tenant.DeleteIfPresent(RunKey(before->run)));
  RunEntry entry;
  entry.run = run_;
  entry.record = record_.id();
  entry.kind = record_.kind();
  entry.token = lease_.token;
  entry.started_by = reader.started_by;
  entry.started = clock_->Now();
  return PutRun(tenant, entry);
}

Status SourceHold::Keep() {
  const WallTime now = clock_->Now();
  if (lease_.expires - now > expiry_ / 2) return Ok();
  return RenewLease(record_.tenant(), record_.id(), lease_, expiry_, now);
}

Status SourceHold::Release() {
  const BankSection& tenant = record_.tenant();
  // Who has taken it over needs what is there; this one only thought that it still had it.
  Status removed = record_.RemoveUnfinished(
      [&] { return CheckStillHeld(tenant, record_.id(), lease_); }, marker_);
  // Where this one never had it only its own marker goes.
  if (lease_.token == 0 && !removed && removed.error().code() == ErrorCode::kLocked)
    removed = marker_.empty() ? Ok() : tenant.DeleteIfPresent(marker_);
  HOLDFAST_RETURN_IF_ERROR(removed);
  // It stays, as all leases do: a copy that was away and wakes up finds that its own is old.
  if (lease_.token != 0) HOLDFAST_RETURN_IF_ERROR(ReleaseLease(tenant, record_.id(), lease_));
  return tenant.DeleteIfPresent(RunKey(run_));
}

}  // namespace holdfast::runtime
