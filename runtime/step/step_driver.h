#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "runtime/step/run_view.h"
#include "runtime/step/step_attempt.h"

namespace holdfast::runtime {

struct StepRequest {
  std::string step;
  // Only this activity of the step (`run --resource --activity`): also one of a fused step.
  std::optional<std::pair<ResourceKey, ActivityKind>> only;
  bool fail_fast = false;  // beside the run's own parameter
  bool dry_run = false;    // say what would be done; nothing is written
  std::string by = "step";
};

// What a step did, or had done before.
struct StepReport {
  ExitCode exit_code = ExitCode::kOk;
  std::string message;  // one line, for people
};

// Runs one step of a run: claims it, asks the journal for its gates, calls its activities, records
// their outcomes. Crash-only and idempotent: a step that was done returns what is recorded, one
// that was killed is done again by a new attempt (design: semantics, steps are crash-only).
//
// Exit codes: 0 its activities succeeded; 4 one failed or timed out; 20 nothing was done, because
// gates did not succeed; 143 it was told to end. Another process that runs the step is waited for.
// Errors: kUnavailable when it is not done in kClaimWait or half of the plan's step_deadline,
// kLocked when the run has lost its lease, kInvalidInput when the step comes too late, and what a
// bank or the bundle gives.
class StepDriver {
 public:
  StepDriver(const StepEnvironment& env, RunView& run) : env_(env), run_(run) {}

  Result<StepReport> Run(const StepRequest& request);
  // Whether anything in one of the steps can run: 0 or 20. Writes nothing.
  Result<StepReport> Gate(const std::vector<std::string>& steps);

 private:
  struct Pending {
    const BundleActivity* activity = nullptr;
    const BundleResource* resource = nullptr;
    std::uint64_t epoch = 1;
  };
  enum class Decision { kRun, kOmitGate, kOmitFailFast, kOmitCommit, kLeave };

  // The activities of a request that have no final outcome.
  Result<std::vector<Pending>> FindPending(const BundleStep& step, const StepRequest& request);
  Result<bool> GatesSucceeded(const BundleStep& step, const Pending& pending, StepAttempt* attempt);
  // The pre of a post whose gate did not succeed: killed after its intent, or failed with its work
  // half done. The post is owed then.
  Result<bool> PreIsHalfDone(const BundleStep& step, const Pending& pending, StepAttempt* attempt);
  // For fail-fast. The failure of the step itself is no reason not to run it again.
  Result<bool> AnotherStepFailed(const BundleStep& step);
  Result<Decision> Decide(const BundleStep& step, const Pending& pending,
                          const StepRequest& request, StepAttempt* attempt);
  // What was copied after the clean-up is not what the resource was. An engine that gave up a step may
  // have it started, or run on, all the same: a queue, a retry after a timeout, a node that was cut off.
  Status RefuseClosedEpoch(const BundleStep& step, const Pending& pending);
  // With a claim of this step in place: its post, which has made its own before it looks, is not at work.
  Status RefuseBesidePost(const BundleStep& step, const Pending& pending);
  // An engine keeps the order. By hand a snapshot could be taken after what had brought the
  // application to rest let it go on, and nothing would look wrong.
  Status RefuseAfterResume(const BundleStep& step, const Pending& pending);
  Status WaitForOthers(const BundleStep& step);
  // For whoever works on a step that comes before this one, whatever the engine thinks of it.
  Status WaitForEarlier(const BundleStep& step);
  // The look of WaitForClaim.
  Result<std::optional<Claim>> OpenClaimOf(const std::string& step, bool again);
  // Once its own claim is there: kUnavailable beside a step that comes before it, kInvalidInput beside its post.
  Status CheckAlone(const BundleStep& step, const std::vector<Pending>& pending);
  Result<StepReport> Recorded(const BundleStep& step, const StepRequest& request);
  Result<StepReport> Describe(const BundleStep& step, const std::vector<Pending>& pending,
                              const StepRequest& request);
  Status NoteFailure(const BundleStep& step);
  Result<bool> Clean(const BundleStep& step, StepAttempt& attempt);

  const StepEnvironment& env_;
  RunView& run_;
};

// What the plan gives one try of a step; nothing: no limit.
std::optional<std::chrono::milliseconds> StepDeadline(const Bundle& bundle);

// The step that runs an activity of a resource; kNotFound when the bundle has none.
Result<std::string> FindStepOf(RunView& run, const ResourceKey& resource, ActivityKind kind);

}  // namespace holdfast::runtime
