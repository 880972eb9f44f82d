#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

inline constexpr auto kClaimHeartbeatEvery = std::chrono::seconds{20};
inline constexpr auto kClaimExpiry = std::chrono::seconds{60};

// A process as it is written down, and read again: what is not said is empty.
Value HolderToValue(const ProcessIdentity& holder);
ProcessIdentity HolderFromValue(const Value& value);
// Is it gone for sure? False also where the processes of its machine are not seen from here.
bool IsGone(const ProcessIdentity& self, const ProcessIdentity& holder);

// Who works on a step: journal/<step>/claim-<n>, create-exclusive, n growing with every takeover.
// Its holder rewrites it to renew the heartbeat. It is over once its attempt has a result.
struct Claim {
  std::uint64_t number = 0;
  std::string attempt;  // names what this process writes; unique
  std::uint64_t epoch = 1;
  std::string run;
  std::uint64_t token = 0;
  ProcessIdentity holder;
  WallTime heartbeat;
  // How far its activity had come then ("40/100"); empty: not known. For whoever looks on, nothing depends on it.
  std::string progress = {};
};

// A new attempt's id: the claim's number, so that attempts sort, and 64 random bits.
std::string NewAttemptId(std::uint64_t claim_number);

// All claims of a step, oldest first; read upwards, never from a listing.
Result<std::vector<Claim>> ReadClaims(const BankSection& record, std::string_view step);
// Creates claim.number exclusively: kConflict when another process was faster.
Status CreateClaim(const BankSection& record, std::string_view step, const Claim& claim);
// Rewrites the caller's own claim with a new heartbeat.
Status RenewClaim(const BankSection& record, std::string_view step, Claim& claim, WallTime now);

// Is the holder of a claim without a result gone, so that the claim may be taken over? Where `self`
// sees the holder's processes: when its own is gone; elsewhere (another host, another container of
// this one, this one before it was started again): when the heartbeat is older than `expiry`.
bool HolderIsDead(const Claim& claim, const ProcessIdentity& self, WallTime now,
                  std::chrono::milliseconds expiry);

}  // namespace holdfast::runtime
