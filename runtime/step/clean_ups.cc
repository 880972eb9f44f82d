#include "runtime/step/clean_ups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"
#include "runtime/step/step_attempt.h"
#include "runtime/step/step_checkpoint.h"

namespace holdfast::runtime {
namespace {

// The outcome that counts of one activity; nullptr when there is none.
Result<const ActivityOutcome*> OutcomeOf(RunView& run, const BundleResource& resource,
                                         ActivityKind kind, std::uint64_t epoch) {
  const std::string& step = resource.StepOf(kind);
  if (step.empty()) return static_cast<const ActivityOutcome*>(nullptr);
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
  return journal->Find(resource.resource.key, kind, epoch);
}

// What one activity of a resource has behind it in one epoch.
Result<bool> HasBegun(RunView& run, const BundleResource& resource, ActivityKind kind,
                      std::uint64_t epoch) {
  HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const outcome,
                            OutcomeOf(run, resource, kind, epoch));
  if (outcome != nullptr && outcome->outcome != Outcome::kOmitted) return true;
  return HasIntent(run, resource, kind, epoch);
}

// Did the resource get so far that its post has something to clean up?
Result<bool> NeedsCleanUp(RunView& run, const BundleResource& resource, std::uint64_t epoch) {
  const std::string& pre = resource.StepOf(ActivityKind::kPre);
  if (!pre.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const outcome,
                              OutcomeOf(run, resource, ActivityKind::kPre, epoch));
    if (outcome != nullptr && outcome->outcome != Outcome::kOmitted)
      return outcome->outcome != Outcome::kFailed;
    return HasIntent(run, resource, ActivityKind::kPre, epoch);
  }
  for (const ActivityKind kind :
       {ActivityKind::kPreFinish, ActivityKind::kParallel, ActivityKind::kPost}) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, HasBegun(run, resource, kind, epoch));
    if (begun) return true;
  }
  return false;
}

Result<bool> IsOwed(RunView& run, const BundleResource& resource, std::uint64_t epoch) {
  HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const done,
                            OutcomeOf(run, resource, ActivityKind::kPost, epoch));
  if (done != nullptr && done->final()) return false;
  return NeedsCleanUp(run, resource, epoch);
}

// The newest epoch, up to `newest`, of which the resource was not cleaned up; 0: of none. A post that
// succeeded later made up for all before it.
Result<std::uint64_t> UncleanedEpoch(RunView& run, const BundleResource& resource,
                                     std::uint64_t newest) {
  for (std::uint64_t epoch = newest; epoch >= 1; --epoch) {
    HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const post,
                              OutcomeOf(run, resource, ActivityKind::kPost, epoch));
    if (post != nullptr && post->outcome == Outcome::kSucceeded) return std::uint64_t{0};
    HOLDFAST_ASSIGN_OR_RETURN(const bool needed, NeedsCleanUp(run, resource, epoch));
    if (needed) return epoch;
  }
  return std::uint64_t{0};
}

}  // namespace

Result<std::vector<OwedCleanUp>> FindOwedCleanUps(const StepEnvironment& env, RunView& run,
                                                  CleanUps which) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, run.bundle().AllSteps());
  HOLDFAST_ASSIGN_OR_RETURN(const auto ordered, InOrder(steps));
  std::vector<OwedCleanUp> owed;
  for (const BundleStep* const step : ordered) {
    for (const BundleActivity& activity : step->activities) {
      if (activity.kind != ActivityKind::kPost) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                                env.protection(activity.resource.type));
      if (!plugin->descriptor().post_acts_on_failure) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const resource,
                                run.bundle().ResourceOf(step->name, activity.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t now,
                                run.EpochOf(step->name, activity.resource));
      std::uint64_t again = 0;
      if (which == CleanUps::kFailedToo) {
        HOLDFAST_ASSIGN_OR_RETURN(again, UncleanedEpoch(run, *resource, now));
      }
      for (std::uint64_t epoch = 1; epoch <= now; ++epoch) {
        HOLDFAST_ASSIGN_OR_RETURN(const bool is_owed, IsOwed(run, *resource, epoch));
        if (is_owed || epoch == again) owed.push_back({step, resource, epoch});
      }
    }
  }
  return owed;
}

Result<std::vector<OwedCleanUp>> RunOwedCleanUps(const StepEnvironment& env, RunView& run,
                                                 std::string_view by, CleanUps which) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed, FindOwedCleanUps(env, run, which));
  std::vector<OwedCleanUp> left;
  for (std::size_t i = 0; i < owed.size();) {
    // The resources of one step and epoch share one call, as in the step itself.
    const OwedCleanUp& first = owed[i];
    std::vector<const BundleResource*> given;
    std::size_t next = i;
    for (; next < owed.size() && owed[next].step == first.step && owed[next].epoch == first.epoch;
         ++next) {
      given.push_back(owed[next].resource);
    }
    const auto leave = [&] {
      left.insert(left.end(), owed.begin() + static_cast<std::ptrdiff_t>(i),
                  owed.begin() + static_cast<std::ptrdiff_t>(next));
    };
    if (env.cancellation.is_set()) {
      leave();
      i = next;
      continue;
    }
    env.log.Log(
        LogLevel::kInfo,
        fmt::format("cleaning up: post of {}", Printable(first.resource->resource.key.str())),
        Value().Set("step", first.step->name).Set("epoch", first.epoch));
    Failpoint("before:clean-up");
    HOLDFAST_ASSIGN_OR_RETURN(const auto attempt,
                              StepAttempt::Claim(env, run, *first.step, first.epoch, by, true));
    HOLDFAST_ASSIGN_OR_RETURN(const ActivityEnd end,
                              attempt->Call(ActivityKind::kPost, given, first.epoch, false));
    ExitCode code = attempt->failure().empty() ? ExitCode::kOk : ExitCode::kActivityFailed;
    std::string_view how = "done";
    if (end == ActivityEnd::kStopped) {
      code = ExitCode::kTerminated;
      how = "stopped";
    } else if (end == ActivityEnd::kLocked) {
      how = "locked";
    } else if (end == ActivityEnd::kTimedOut) {
      how = "timed-out";
    }
    HOLDFAST_RETURN_IF_ERROR(attempt->Finish(
        code, false, how, end == ActivityEnd::kLocked ? attempt->failure() : std::string()));
    if (!attempt->failure().empty()) {
      env.log.Log(LogLevel::kError, "the clean-up failed: " + attempt->failure(),
                  Value().Set("step", first.step->name));
    } else if (end == ActivityEnd::kDone) {
      env.log.Log(LogLevel::kInfo,
                  fmt::format("cleaned up: post of {} succeeded",
                              Printable(first.resource->resource.key.str())),
                  Value().Set("step", first.step->name));
    }
    if (end != ActivityEnd::kDone) leave();
    Failpoint("after:clean-up");
    i = next;
  }
  return left;
}

Result<std::vector<Uncleaned>> FindUncleaned(const StepEnvironment& env, RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, run.bundle().AllSteps());
  HOLDFAST_ASSIGN_OR_RETURN(const auto ordered, InOrder(steps));
  std::vector<Uncleaned> left;
  for (const BundleStep* const step : ordered) {
    for (const BundleActivity& activity : step->activities) {
      if (activity.kind != ActivityKind::kPost) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                                env.protection(activity.resource.type));
      const PluginDescriptor& descriptor = plugin->descriptor();
      if (!descriptor.post_acts_on_failure) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const resource,
                                run.bundle().ResourceOf(step->name, activity.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t now,
                                run.EpochOf(step->name, activity.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, UncleanedEpoch(run, *resource, now));
      if (epoch == 0) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const post,
                                OutcomeOf(run, *resource, ActivityKind::kPost, epoch));
      HOLDFAST_ASSIGN_OR_RETURN(const ActivityOutcome* const resumed,
                                OutcomeOf(run, *resource, ActivityKind::kPreFinish, epoch));
      const bool at_rest =
          descriptor.quiesces && (resumed == nullptr || resumed->outcome != Outcome::kSucceeded);
      std::string why = "did not end";
      if (post != nullptr && post->outcome == Outcome::kFailed) {
        why = "failed: " + post->error;
      } else {
        HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step->name));
        const AttemptResult* const last = journal->LastResult();
        if (last != nullptr && last->how == "locked") why += ": " + last->why;
      }
      left.push_back({activity.resource, at_rest,
                      fmt::format("{} {}: its post {}", Printable(activity.resource.str()),
                                  at_rest ? "may still be at rest" : "was not cleaned up", why)});
    }
  }
  return left;
}

Status WaitForClaims(const StepEnvironment& env, RunView& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, run.bundle().AllSteps());
  constexpr std::chrono::milliseconds kLook{200};
  for (const BundleStep* const step : steps) {
    bool said = false;
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step->name));
      const Claim* const open = journal->OpenClaim();
      const WallTime now = env.clock.Now();
      if (open == nullptr || open->holder == env.self ||
          HolderIsDead(*open, env.self, now, env.claim_expiry) ||
          open->heartbeat + env.claim_expiry <= now) {
        break;
      }
      if (env.cancellation.is_set()) return CancelledError();
      if (!said) {
        env.log.Log(LogLevel::kInfo,
                    fmt::format("waiting for process {} on {}, which still works on it",
                                open->holder.pid, open->holder.host),
                    Value().Set("step", step->name));
        said = true;
      }
      env.pause(kLook);
      run.Forget(step->name);
    }
  }
  return Ok();
}

}  // namespace holdfast::runtime
