#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "runtime/step/step_environment.h"

namespace holdfast::runtime {

// How long a process waits for the claim of another one before it says "try again". A dead one in
// another pod is found out after claim_expiry; one that lives may be done by then.
inline constexpr auto kClaimWait = std::chrono::minutes{5};

// May somebody else be working under this claim, which is of an attempt without a result?
bool HeldByAnother(const StepEnvironment& env, const Claim& claim);

// Reads anew the claim of an attempt without a result; nullopt: there is none.
using ClaimLook = std::function<Result<std::optional<Claim>>()>;

// Returns once nobody else holds the claim that `look` finds, and says in the log, once, for whom
// it waits. kUnavailable ("try again") when that one still has it after `at_most`, or when this
// process is told to end. It takes nothing itself: of two who wait, one gets the claim.
Status WaitForClaim(const StepEnvironment& env, std::string_view step,
                    std::chrono::milliseconds at_most, const ClaimLook& look);

}  // namespace holdfast::runtime
