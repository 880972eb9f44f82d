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

// What one activity of a resource has behind it in one epoch.
Result<bool> HasBegun(RunView& run, const BundleResource& resource, ActivityKind kind,
                      std::uint64_t epoch) {
  const std::string& step = resource.steps[static_cast<std::size_t>(kind)];
  if (step.empty()) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
  const ActivityOutcome* const outcome = journal->Find(resource.resource.key, kind, epoch);
  if (outcome != nullptr && outcome->outcome != Outcome::kOmitted) return true;
  return HasIntent(run, resource, kind, epoch);
}

Result<bool> IsOwed(RunView& run, const BundleResource& resource, std::uint64_t epoch) {
  const std::string& post = resource.steps[static_cast<std::size_t>(ActivityKind::kPost)];
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const posts, run.JournalOf(post));
  const ActivityOutcome* const done =
      posts->Find(resource.resource.key, ActivityKind::kPost, epoch);
  if (done != nullptr && done->final()) return false;
  const std::string& pre = resource.steps[static_cast<std::size_t>(ActivityKind::kPre)];
  if (!pre.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const pres, run.JournalOf(pre));
    const ActivityOutcome* const outcome =
        pres->Find(resource.resource.key, ActivityKind::kPre, epoch);
    if (outcome != nullptr && outcome->outcome == Outcome::kSucceeded) return true;
    if (outcome != nullptr && outcome->outcome == Outcome::kFailed) return false;
    return HasIntent(run, resource, ActivityKind::kPre, epoch);
  }
  for (const ActivityKind kind :
       {ActivityKind::kPreFinish, ActivityKind::kParallel, ActivityKind::kPost}) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool begun, HasBegun(run, resource, kind, epoch));
    if (begun) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<OwedCleanUp>> FindOwedCleanUps(const StepEnvironment& env, RunView& run) {
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
      for (std::uint64_t epoch = 1; epoch <= now; ++epoch) {
        HOLDFAST_ASSIGN_OR_RETURN(const bool is_owed, IsOwed(run, *resource, epoch));
        if (is_owed) owed.push_back({step, resource, epoch});
      }
    }
  }
  return owed;
}

Result<std::vector<OwedCleanUp>> RunOwedCleanUps(const StepEnvironment& env, RunView& run,
                                                 std::string_view by) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto owed, FindOwedCleanUps(env, run));
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
    } else if (end == ActivityEnd::kTimedOut) {
      how = "timed-out";
    }
    HOLDFAST_RETURN_IF_ERROR(attempt->Finish(code, false, how));
    if (!attempt->failure().empty()) {
      env.log.Log(LogLevel::kError, "the clean-up failed: " + attempt->failure(),
                  Value().Set("step", first.step->name));
    }
    if (end != ActivityEnd::kDone) leave();
    Failpoint("after:clean-up");
    i = next;
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
