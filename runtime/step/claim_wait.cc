#include "runtime/step/claim_wait.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/context.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {

bool HeldByAnother(const StepEnvironment& env, const Claim& claim) {
  return !(claim.holder == env.self) &&
         !HolderIsDead(claim, env.self, env.clock.Now(), env.claim_expiry);
}

Status WaitForClaim(const StepEnvironment& env, std::string_view step,
                    std::chrono::milliseconds at_most, const ClaimLook& look) {
  // Rarer and rarer: each look is a few requests to a bank that may be far away.
  std::chrono::milliseconds pause{100};
  constexpr std::chrono::milliseconds kLongestPause{2000};
  const SteadyTime until = env.clock.Steady() + at_most;
  bool said = false;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Claim> claim, look());
    if (!claim || !HeldByAnother(env, *claim)) return Ok();
    if (env.cancellation.is_set()) return CancelledError();
    const SteadyTime now = env.clock.Steady();
    if (now >= until) {
      return Unavailable(fmt::format("step {} is being run by process {} on {}", step,
                                     claim->holder.pid, Printable(claim->holder.host)));
    }
    if (!said) {
      env.log.Log(LogLevel::kInfo,
                  fmt::format("waiting for process {} on {}, which has begun step {}: until it "
                              "is done, or has not been heard of for {}",
                              claim->holder.pid, Printable(claim->holder.host), step,
                              FormatDuration(env.claim_expiry)),
                  Value().Set("step", std::string(step)));
      said = true;
    }
    env.pause(std::min(pause, std::chrono::ceil<std::chrono::milliseconds>(until - now)));
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace holdfast::runtime
