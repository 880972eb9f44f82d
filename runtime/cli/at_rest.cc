#include "runtime/cli/at_rest.h"

namespace holdfast::cli {

using runtime::Outcome;

std::optional<AtRest> AtRestOf(const runtime::ResourceReport& resource) {
  if (!resource.quiesces) return std::nullopt;
  std::optional<AtRest> rest;
  for (const runtime::ActivityReport& activity : resource.activities) {
    if (!activity.outcome) continue;
    const runtime::ActivityOutcome& outcome = *activity.outcome;
    if (activity.kind == ActivityKind::kPre) {
      if (outcome.outcome != Outcome::kSucceeded && outcome.outcome != Outcome::kHalfDone) continue;
      rest = AtRest{outcome.started, std::nullopt};
    } else if (rest && activity.kind != ActivityKind::kParallel &&
               outcome.outcome == Outcome::kSucceeded) {
      if (!rest->until || outcome.ended < *rest->until) rest->until = outcome.ended;
    }
  }
  return rest;
}

}  // namespace holdfast::cli
