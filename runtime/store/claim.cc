#include "runtime/store/claim.h"

#include <fmt/format.h>

#include <random>

#include "plugins/sdk/progress_text.h"
#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;

Result<std::string> Dump(std::string_view step, const Claim& claim) {
  Value out = Value()
                  .Set("step", step)
                  .Set("attempt", claim.attempt)
                  .Set("epoch", claim.epoch)
                  .Set("run", claim.run)
                  .Set("token", claim.token)
                  .Set("holder", HolderToValue(claim.holder))
                  .Set("heartbeat", FormatTime(claim.heartbeat));
  if (!claim.progress.empty()) out.Set("progress", claim.progress);
  return DumpObject(std::move(out), kFormat);
}

}  // namespace

Value HolderToValue(const ProcessIdentity& holder) {
  return Value()
      .Set("host", holder.host)
      .Set("boot_id", holder.boot_id)
      .Set("pid_namespace", holder.pid_namespace)
      .Set("pid", holder.pid)
      .Set("start_time", holder.start_time);
}

ProcessIdentity HolderFromValue(const Value& value) {
  ProcessIdentity holder;
  holder.host = value.StringOr("host", "");
  holder.boot_id = value.StringOr("boot_id", "");
  holder.pid_namespace = value.StringOr("pid_namespace", "");
  holder.pid = static_cast<int>(value.IntOr("pid", 0));
  holder.start_time = static_cast<std::uint64_t>(value.IntOr("start_time", 0));
  return holder;
}

bool IsGone(const ProcessIdentity& self, const ProcessIdentity& holder) {
  if (!SeesProcessesOf(self, holder)) return false;
  const auto found = FindProcess(holder.pid);
  return !found || !(*found == holder);
}

std::string NewAttemptId(std::uint64_t claim_number) {
  std::random_device random;
  const std::uint64_t high = random();
  return fmt::format("{:06}-{:016x}", claim_number, (high << 32U) | random());
}

Result<std::vector<Claim>> ReadClaims(const BankSection& record, std::string_view step) {
  std::vector<Claim> claims;
  const std::string prefix = ClaimPrefix(step);
  for (std::uint64_t number = 1;; ++number) {
    const std::string key = prefix + NumberPart(number);
    HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(record, key, kFormat));
    if (!value) return claims;
    Claim claim;
    claim.number = number;
    HOLDFAST_ASSIGN_OR_RETURN(claim.attempt, TextMember(*value, "attempt", key));
    HOLDFAST_ASSIGN_OR_RETURN(claim.epoch, NumberMember(*value, "epoch", key));
    HOLDFAST_ASSIGN_OR_RETURN(claim.run, TextMember(*value, "run", key));
    HOLDFAST_ASSIGN_OR_RETURN(claim.token, NumberMember(*value, "token", key));
    HOLDFAST_ASSIGN_OR_RETURN(claim.heartbeat, TimeMember(*value, "heartbeat", key));
    if (const Value* holder = value->Find("holder"); holder != nullptr)
      claim.holder = HolderFromValue(*holder);
    claim.progress = ReadProgressText(value->StringOr("progress", ""));
    claims.push_back(std::move(claim));
  }
}

Status CreateClaim(const BankSection& record, std::string_view step, const Claim& claim) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Dump(step, claim));
  return record.CreateExclusive(ClaimPrefix(step) + NumberPart(claim.number), bytes,
                                Settling::kAtOnce);
}

Status RenewClaim(const BankSection& record, std::string_view step, Claim& claim, WallTime now) {
  claim.heartbeat = now;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, Dump(step, claim));
  return record.Replace(ClaimPrefix(step) + NumberPart(claim.number), bytes);
}

bool HolderIsDead(const Claim& claim, const ProcessIdentity& self, WallTime now,
                  std::chrono::milliseconds expiry) {
  if (SeesProcessesOf(self, claim.holder)) return IsGone(self, claim.holder);
  return claim.heartbeat + expiry <= now;
}

}  // namespace holdfast::runtime
