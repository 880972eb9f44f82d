#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "runtime/step/activity_runner.h"
#include "runtime/step/heartbeat.h"
#include "runtime/step/run_view.h"
#include "runtime/store/manifest.h"

namespace holdfast::runtime {

// One attempt at a step: holds the step's claim, calls activities, and records what happened. Used
// by the step driver, and by end and gc for clean-ups. One thread (and its heartbeat's).
class StepAttempt {
 public:
  // Claims the step. kUnavailable ("try again") while another live process has it; the claim of a
  // dead one is taken over, with `take_over` that of any other (who has waited for it to end).
  // `by` ("step", "end", ...) stands in every outcome.
  static Result<std::unique_ptr<StepAttempt>> Claim(const StepEnvironment& env, RunView& run,
                                                    const BundleStep& step, std::uint64_t epoch,
                                                    std::string_view by, bool take_over = false);

  const std::string& id() const { return claim_.attempt; }
  const BundleStep& step() const { return step_; }
  const std::vector<ActivityOutcome>& outcomes() const { return outcomes_; }

  // The outcome that counts, of this attempt or an earlier one; nullptr when there is none.
  Result<const ActivityOutcome*> OutcomeOf(const ResourceKey& resource, ActivityKind kind,
                                           std::uint64_t epoch);

  // Notes that an activity was omitted.
  void Omit(const ResourceKey& resource, ActivityKind kind, std::uint64_t epoch,
            std::string_view reason);

  // Calls one activity for resources of one plugin, all in the same epoch, and keeps its outcomes;
  // protect: writes the manifests that it ends. `goes_on`: the step does something after it, so the
  // outcomes are journaled now. An error is the runtime's own (a bank, the lease): nothing is
  // recorded then. What the plugin returned is in outcomes().
  Result<ActivityEnd> Call(ActivityKind kind, const std::vector<const BundleResource*>& resources,
                           std::uint64_t epoch, bool goes_on);

  // A manifest of this epoch that an earlier attempt wrote before it was killed: then its activity
  // has succeeded, and that is noted. Only for a resource that is alone in its call.
  Result<bool> AdoptManifest(ActivityKind kind, const BundleResource& resource,
                             std::uint64_t epoch);
  // Writes the manifest of an activity of several resources whose outcome an earlier attempt
  // journaled, if that one did not get to it.
  Status CompleteManifest(const BundleResource& resource, const ActivityOutcome& outcome);

  // Writes the result. `clean`: see AttemptResult.
  // `why`: where the attempt ended without an outcome, what a reader has to know of it.
  Status Finish(ExitCode exit_code, bool clean, std::string_view how, std::string_view why = "");

  // The message of the last failure, for the program's error; empty when there was none.
  const std::string& failure() const { return failure_; }

 private:
  StepAttempt(const StepEnvironment& env, RunView& run, const BundleStep& step,
              runtime::Claim claim, std::string by)
      : env_(env),
        run_(run),
        step_(step),
        claim_(std::move(claim)),
        by_(std::move(by)),
        started_(env.clock.Now()) {}
  Status PutManifest(ActivityKind kind, const BundleResource& resource, std::uint64_t epoch,
                     const ActivityOutcome& outcome, std::string_view attempt);

  const StepEnvironment& env_;
  RunView& run_;
  const BundleStep& step_;
  runtime::Claim claim_;
  std::string by_;
  WallTime started_;
  std::uint64_t intents_ = 0;
  std::uint64_t journaled_outcomes_ = 0;
  std::vector<ActivityOutcome> outcomes_;
  std::map<ResourceKey, std::map<std::string, RawObject>> raw_;  // that its activities put, by key
  std::string failure_;
};

}  // namespace holdfast::runtime
