#include "runtime/step/gc/damage.h"

#include <string_view>

#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;  // of leases and claims

// Is there an object, and is it none of ours any more?
Result<std::optional<bool>> IsDamaged(const BankSection& section, const std::string& key) {
  const auto value = ReadObject(section, key, kFormat);
  if (!value && IsDamage(value.error())) return std::optional<bool>(true);
  if (!value) return value.error();
  return *value ? std::optional<bool>(false) : std::optional<bool>();
}

struct DamagedClaim {
  std::string step;
  std::uint64_t number = 0;
  std::string key() const { return ClaimPrefix(step) + NumberPart(number); }
};

Result<std::vector<DamagedClaim>> FindDamagedClaims(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, run.bundle().AllSteps());
  std::vector<std::string> names{"end"};
  for (const BundleStep* const step : steps) names.push_back(step->name);
  std::vector<DamagedClaim> found;
  for (const std::string& name : names) {
    for (DamagedClaim claim{name, 1};; ++claim.number) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto damaged, IsDamaged(run.record().section(), claim.key()));
      if (!damaged) break;
      if (*damaged) found.push_back(claim);
    }
  }
  return found;
}

// The attempt that a claim named. An attempt's id begins with its claim's number, and only who has
// made the claim writes under it; empty: it has written nothing.
Result<std::string> AttemptOf(const BankSection& record, const DamagedClaim& claim) {
  const std::string beside = claim.key();
  const std::string folder = beside.substr(0, beside.rfind('/') + 1);
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys,
                            record.ListAll(folder + NumberPart(claim.number) + "-"));
  if (keys.empty()) return std::string();
  const std::string rest = keys.front().substr(folder.size());
  return rest.substr(0, rest.find('/'));
}

}  // namespace

Result<std::optional<Lease>> LeaseInPlaceOfADamagedOne(const Record& record, std::string_view run,
                                                       WallTime now) {
  Lease lease;
  bool damaged = false;
  for (std::uint64_t token = 1;; ++token) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto found,
                              IsDamaged(record.tenant(), LeaseKey(record.id(), token)));
    if (!found) break;
    damaged = *found;
    lease.token = token;
    // A table is named by the token under which it was made.
    HOLDFAST_ASSIGN_OR_RETURN(const bool table,
                              record.section().Exists(EpochShardKey(NumberPart(token), 0)));
    if (table) lease.epochs = NumberPart(token);
  }
  if (!damaged) return std::optional<Lease>();
  lease.run = std::string(run);
  lease.taken = now;
  lease.expires = now;
  lease.released = true;
  // What it said nobody knows, and no deletion that was not answered is over because somebody says that its run is dead.
  lease.removes = true;
  return std::optional<Lease>(std::move(lease));
}

Result<std::vector<std::string>> DamagedClaims(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto found, FindDamagedClaims(run));
  std::vector<std::string> keys;
  keys.reserve(found.size());
  for (const DamagedClaim& claim : found) keys.push_back(claim.key());
  return keys;
}

Result<std::vector<std::string>> MendClaims(RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto found, FindDamagedClaims(run));
  const BankSection& record = run.record().section();
  std::vector<std::string> keys;
  for (const DamagedClaim& damaged : found) {
    Claim claim;
    claim.number = damaged.number;
    claim.run = run.lease().run;
    claim.token = run.lease().token;
    HOLDFAST_ASSIGN_OR_RETURN(claim.attempt, AttemptOf(record, damaged));
    if (claim.attempt.empty()) {
      claim.attempt = NewAttemptId(damaged.number);
    } else {
      HOLDFAST_ASSIGN_OR_RETURN(const auto intents,
                                ReadIntents(record, damaged.step, claim.attempt));
      if (!intents.empty()) claim.epoch = intents.back().epoch;
    }
    HOLDFAST_RETURN_IF_ERROR(run.CheckHeld());
    // The heartbeat of nobody: long ago.
    HOLDFAST_RETURN_IF_ERROR(RenewClaim(record, damaged.step, claim, WallTime{}));
    run.Forget(damaged.step);
    keys.push_back(damaged.key());
  }
  return keys;
}

}  // namespace holdfast::runtime
