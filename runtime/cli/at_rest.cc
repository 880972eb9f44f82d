#include "runtime/cli/at_rest.h"

namespace holdfast::cli {

using runtime::Outcome;

namespace {

std::optional<AtRest> InEpoch(const std::vector<runtime::ActivityReport>& activities,
                              std::uint64_t epoch) {
  std::optional<AtRest> rest;
  for (const runtime::ActivityReport& activity : activities) {
    if (!activity.outcome) continue;
    const runtime::ActivityOutcome& outcome = *activity.outcome;
    if (activity.kind == ActivityKind::kPre) {
      if (outcome.outcome != Outcome::kSucceeded && outcome.outcome != Outcome::kHalfDone) continue;
      rest = AtRest{epoch, outcome.started, std::nullopt};
    } else if (rest && activity.kind != ActivityKind::kParallel &&
               outcome.outcome == Outcome::kSucceeded) {
      if (!rest->until || outcome.ended < *rest->until) rest->until = outcome.ended;
    }
  }
  return rest;
}

}  // namespace

std::vector<AtRest> AtRestOf(const runtime::ResourceReport& resource) {
  std::vector<AtRest> rests;
  if (!resource.quiesces) return rests;
  const auto add = [&rests](const std::optional<AtRest>& rest) {
    if (!rest) return;
    if (!rests.empty() && !rests.back().until) {
      rests.back().until = rest->until;
    } else {
      rests.push_back(*rest);
    }
  };
  std::uint64_t epoch = 0;
  for (const auto& earlier : resource.earlier) add(InEpoch(earlier, ++epoch));
  add(InEpoch(resource.activities, resource.epoch));
  return rests;
}

}  // namespace holdfast::cli
