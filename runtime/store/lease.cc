#include "runtime/store/lease.h"

#include <fmt/format.h>

#include "plugins/sdk/run_start.h"
#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;

Result<std::string> Dump(const Lease& lease) {
  Value value = Value()
                    .Set("run", lease.run)
                    .Set("taken", FormatTime(lease.taken))
                    .Set("expires", FormatTime(lease.expires));
  if (!lease.start.empty()) value.Set("start", lease.start);
  if (lease.ending) value.Set("ending", true);
  if (lease.released) value.Set("released", true);
  if (lease.withdrawn) value.Set("withdrawn", true);
  if (lease.removes) value.Set("removes", true);
  if (lease.fail_fast) value.Set("fail_fast", true);
  if (!lease.epochs.empty()) value.Set("epochs", lease.epochs);
  return DumpObject(std::move(value), kFormat);
}

Result<std::optional<Lease>> ReadLease(const BankSection& tenant, std::string_view record,
                                       std::uint64_t token) {
  const std::string key = LeaseKey(record, token);
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(tenant, key, kFormat));
  if (!value) return std::optional<Lease>();
  Lease lease;
  lease.token = token;
  HOLDFAST_ASSIGN_OR_RETURN(lease.run, TextMember(*value, "run", key));
  HOLDFAST_ASSIGN_OR_RETURN(lease.taken, TimeMember(*value, "taken", key));
  HOLDFAST_ASSIGN_OR_RETURN(lease.expires, TimeMember(*value, "expires", key));
  lease.start = value->StringOr("start", "");
  lease.ending = value->BoolOr("ending", false);
  lease.released = value->BoolOr("released", false);
  lease.withdrawn = value->BoolOr("withdrawn", false);
  lease.removes = value->BoolOr("removes", false);
  lease.epochs = value->StringOr("epochs", "");
  lease.fail_fast = value->BoolOr("fail_fast", false);
  return std::optional<Lease>(std::move(lease));
}

}  // namespace

Result<std::optional<Lease>> CurrentLease(const BankSection& tenant, std::string_view record) {
  std::optional<Lease> last;
  DamagedInARow damaged_ones;
  for (std::uint64_t token = 1;; ++token) {
    auto lease = ReadLease(tenant, record, token);
    if (!lease && IsDamage(lease.error())) {
      HOLDFAST_RETURN_IF_ERROR(damaged_ones.Add(lease.error()));
      HOLDFAST_ASSIGN_OR_RETURN(const bool newer, tenant.Exists(LeaseKey(record, token + 1)));
      if (newer) continue;
    }
    if (!lease) return std::move(lease).error();
    if (!*lease) return last;
    damaged_ones.Reset();
    last = std::move(*lease);
  }
}

Result<Lease> TakeLease(const BankSection& tenant, std::string_view record,
                        const LeaseRequest& request, WallTime now) {
  Lease lease;
  lease.token = request.after + 1;
  lease.run = request.run;
  lease.start = request.start;
  lease.taken = now;
  lease.expires = now + request.expiry;
  lease.ending = request.ending;
  lease.withdrawn = request.withdrawn;
  lease.removes = request.removes;
  lease.epochs = request.epochs;
  lease.fail_fast = request.fail_fast;
  for (;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Dump(lease));
    const Status created = tenant.CreateExclusive(LeaseKey(record, lease.token), bytes);
    if (!created && created.error().code() != ErrorCode::kConflict) return created.error();
    // Where that cannot be told, whoever asks before it writes will be told.
    const auto newer = tenant.Exists(LeaseKey(record, lease.token + 1));
    if (created && (!newer || !*newer)) return lease;
    HOLDFAST_ASSIGN_OR_RETURN(const auto newest, CurrentLease(tenant, record));
    if (!newest) return created ? Result<Lease>(lease) : created.error();
    // A gap in the series, before leases that somebody gave back long ago, is filled now: it goes on behind them.
    const bool old = created && newest->taken < now && newest->gone(now);
    if (!old) return LeaseHeldError(record, *newest);
    lease.token = newest->token + 1;
    if (lease.epochs.empty() && !request.anew) lease.epochs = newest->epochs;
  }
}

LeaseRequest RequestToEnd(std::string_view run, std::string_view start,
                          const std::optional<Lease>& before, std::chrono::milliseconds expiry) {
  LeaseRequest wanted;
  wanted.run = std::string(run);
  wanted.start = std::string(start);
  wanted.ending = true;
  wanted.after = before ? before->token : 0;
  wanted.epochs = before ? before->epochs : "";
  wanted.expiry = expiry;
  return wanted;
}

Result<Lease> TakeLeaseToEnd(const BankSection& tenant, std::string_view record,
                             std::string_view run, std::string_view start,
                             const std::optional<Lease>& before, std::chrono::milliseconds expiry,
                             WallTime now) {
  return TakeLease(tenant, record, RequestToEnd(run, start, before, expiry), now);
}

Status RenewLease(const BankSection& tenant, std::string_view record, Lease& lease,
                  std::chrono::milliseconds expiry, WallTime now) {
  lease.expires = now + expiry;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Dump(lease));
  return tenant.Replace(LeaseKey(record, lease.token), bytes);
}

Status ReleaseLease(const BankSection& tenant, std::string_view record, Lease& lease) {
  lease.released = true;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Dump(lease));
  return tenant.Replace(LeaseKey(record, lease.token), bytes);
}

Status ReleaseLeaseOf(const BankSection& tenant, std::string_view record, std::string_view run,
                      std::string_view start) {
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, CurrentLease(tenant, record));
  if (!lease || lease->released || lease->run != run || !IsOfStart(lease->start, start))
    return Ok();
  return ReleaseLease(tenant, record, *lease);
}

Result<std::uint64_t> LastRemoval(const BankSection& tenant, std::string_view record,
                                  std::uint64_t before) {
  for (std::uint64_t token = before; token-- > 1;) {
    const auto lease = ReadLease(tenant, record, token);
    if (!lease && !IsDamage(lease.error())) return lease.error();
    if (!lease || !*lease || (*lease)->removes) return token;
  }
  return std::uint64_t{0};
}

Status CheckStillHeld(const BankSection& tenant, std::string_view record, const Lease& lease) {
  return CheckStillHeld(tenant, record, lease.token);
}

Status CheckStillHeld(const BankSection& tenant, std::string_view record, std::uint64_t token) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool newer, tenant.Exists(LeaseKey(record, token + 1)));
  if (!newer) return Ok();
  return Error(
      ErrorCode::kLocked,
      fmt::format("token {} of {} is old: another run, or the end of this one, works on it", token,
                  record));
}

Error LeaseHeldError(std::string_view record, const Lease& lease, std::string_view started_by) {
  return Error(ErrorCode::kLocked,
               fmt::format("{} is being worked on by run {}{}{}; its lease lasts until {}", record,
                           lease.run, started_by.empty() ? "" : ", started by ", started_by,
                           FormatTime(lease.expires)))
      .Hint("wait for it; if its engine is dead: holdfast gc --run " + lease.run);
}

}  // namespace holdfast::runtime
