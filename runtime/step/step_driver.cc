#include "runtime/step/step_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"
#include "runtime/step/claim_wait.h"
#include "runtime/step/step_checkpoint.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

std::string ActivityText(const ResourceKey& resource, ActivityKind kind) {
  return fmt::format("{} of {}", NameOf(kind), Printable(resource.str()));
}

// What the object that tells fail-fast of a failure holds: the step that failed first.
std::string FailureText(const BundleStep& step) { return step.name + "\n"; }

// How an activity that failed is told of.
std::string FailureOf(const ActivityOutcome& outcome) {
  if (outcome.denied()) {
    return fmt::format("{} was denied: {}", ActivityText(outcome.resource, outcome.kind),
                       outcome.error);
  }
  const std::string text = fmt::format("{} failed", ActivityText(outcome.resource, outcome.kind));
  if (outcome.outcome != Outcome::kHalfDone) return text + ": " + outcome.error;
  return fmt::format(
      "{} and could not undo its half-done work: {} [run the step again, or let the end of the run "
      "clean up]",
      text, outcome.error);
}

ExitCode FailedAs(bool denied) { return denied ? ExitCode::kDenied : ExitCode::kActivityFailed; }

// Half of what the plan gives one try, so that the other half is left for the work.
std::chrono::milliseconds LongestWait(const Bundle& bundle) {
  const auto deadline = StepDeadline(bundle);
  if (!deadline) return kClaimWait;
  return std::min<std::chrono::milliseconds>(kClaimWait, *deadline / 2);
}

bool Selected(const StepRequest& request, const BundleActivity& activity) {
  return !request.only ||
         (request.only->first == activity.resource && request.only->second == activity.kind);
}

}  // namespace

std::optional<std::chrono::milliseconds> StepDeadline(const Bundle& bundle) {
  const Value* const policy = bundle.plan.Find("policy");
  const std::int64_t deadline = policy == nullptr ? 0 : policy->IntOr("step_deadline", 0);
  if (deadline <= 0) return std::nullopt;
  return std::chrono::milliseconds(deadline);
}

Result<std::string> FindStepOf(RunView& run, const ResourceKey& resource, ActivityKind kind) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run.bundle().AllResources());
  const auto found = resources.find(resource);
  if (found == resources.end()) {
    return NotFound(fmt::format("the bundle has no resource {}", Printable(resource.str())));
  }
  const std::string& step = found->second->StepOf(kind);
  if (step.empty()) {
    return NotFound(fmt::format("there is no {} in this bundle", ActivityText(resource, kind)));
  }
  return step;
}

Result<std::vector<StepDriver::Pending>> StepDriver::FindPending(const BundleStep& step,
                                                                 const StepRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
  std::vector<Pending> pending;
  for (const BundleActivity& activity : step.activities) {
    if (!Selected(request, activity)) continue;
    Pending one;
    one.activity = &activity;
    HOLDFAST_ASSIGN_OR_RETURN(one.resource, run_.bundle().ResourceOf(step.name, activity.resource));
    HOLDFAST_ASSIGN_OR_RETURN(one.epoch, run_.EpochOf(step.name, activity.resource));
    const ActivityOutcome* const outcome =
        journal->Find(activity.resource, activity.kind, one.epoch);
    if (outcome != nullptr && outcome->final()) continue;
    pending.push_back(one);
  }
  return pending;
}

Result<bool> StepDriver::GatesSucceeded(const BundleStep& step, const Pending& pending,
                                        StepAttempt* attempt) {
  for (const BundleGate& gate : pending.activity->gates) {
    if (gate.step == step.name && attempt != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, run_.EpochOf(gate.step, gate.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const auto* const outcome,
                                attempt->OutcomeOf(gate.resource, gate.kind, epoch));
      if (outcome == nullptr || outcome->outcome != Outcome::kSucceeded) return false;
      continue;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const bool succeeded,
                              run_.Succeeded(gate.step, gate.resource, gate.kind));
    if (!succeeded) return false;
  }
  return true;
}

Result<bool> StepDriver::PreIsHalfDone(const BundleStep& step, const Pending& pending,
                                       StepAttempt* attempt) {
  const std::string& pre = pending.resource->StepOf(ActivityKind::kPre);
  if (pre.empty()) return false;
  const ResourceKey& key = pending.resource->resource.key;
  const ActivityOutcome* outcome = nullptr;
  if (attempt != nullptr && pre == step.name) {
    HOLDFAST_ASSIGN_OR_RETURN(outcome, attempt->OutcomeOf(key, ActivityKind::kPre, pending.epoch));
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(pre));
    outcome = journal->Find(key, ActivityKind::kPre, pending.epoch);
  }
  if (outcome != nullptr) return outcome->outcome == Outcome::kHalfDone;
  return HasIntent(run_, *pending.resource, ActivityKind::kPre, pending.epoch);
}

Result<bool> StepDriver::AnotherStepFailed(const BundleStep& step) {
  auto first = run_.record().section().GetBytes(FailureKey(run_.lease().token));
  if (first) return *first != FailureText(step);
  if (first.error().code() == ErrorCode::kNotFound) return false;
  return std::move(first).error();
}

Result<StepDriver::Decision> StepDriver::Decide(const BundleStep& step, const Pending& pending,
                                                const StepRequest& request, StepAttempt* attempt) {
  const ActivityKind kind = pending.activity->kind;
  HOLDFAST_ASSIGN_OR_RETURN(const bool open, GatesSucceeded(step, pending, attempt));
  if (!open) {
    if (kind == ActivityKind::kPost) {
      // The own pre was killed half way, or could not undo what it had done: the clean-up is owed
      // and `end` will make it. An omission recorded here would be its second outcome.
      HOLDFAST_ASSIGN_OR_RETURN(const bool left, PreIsHalfDone(step, pending, attempt));
      if (left) return Decision::kLeave;
    }
    return Decision::kOmitGate;
  }
  if (kind == ActivityKind::kPre && (request.fail_fast || run_.lease().fail_fast)) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool failed, AnotherStepFailed(step));
    if (failed) return Decision::kOmitFailFast;
  }
  if (kind == ActivityKind::kPost) {
    HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                              env_.protection(pending.activity->resource.type));
    if (!plugin->descriptor().post_acts_on_failure) {
      for (const BundleActivity& before : step.activities) {
        if (before.resource != pending.activity->resource || before.kind >= kind) continue;
        bool succeeded = false;
        if (attempt != nullptr) {
          HOLDFAST_ASSIGN_OR_RETURN(
              const auto* const outcome,
              attempt->OutcomeOf(before.resource, before.kind, pending.epoch));
          succeeded = outcome != nullptr && outcome->outcome == Outcome::kSucceeded;
        } else {
          HOLDFAST_ASSIGN_OR_RETURN(succeeded,
                                    run_.Succeeded(step.name, before.resource, before.kind));
        }
        if (!succeeded) return Decision::kOmitCommit;
      }
      HOLDFAST_ASSIGN_OR_RETURN(const bool all, run_.AllBeforeSucceeded(step));
      if (!all) return Decision::kOmitCommit;
    }
  }
  return Decision::kRun;
}

Status StepDriver::RefuseClosedEpoch(const BundleStep& step, const Pending& pending) {
  if (pending.activity->kind == ActivityKind::kPost) return Ok();
  const std::string& post = pending.resource->StepOf(ActivityKind::kPost);
  if (post.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(post));
  const ActivityOutcome* const outcome =
      journal->Find(pending.resource->resource.key, ActivityKind::kPost, pending.epoch);
  if (outcome == nullptr || !outcome->final()) return Ok();
  return InvalidInput(
             fmt::format("step {} is too late: the post of {} has run, its epoch {} is closed",
                         step.name, Printable(pending.resource->resource.key.str()), pending.epoch))
      .Hint("resume: start the workflow again with the parameter record=" + run_.record().id());
}

Status StepDriver::RefuseBesidePost(const BundleStep& step, const Pending& pending) {
  if (pending.activity->kind == ActivityKind::kPost) return Ok();
  const std::string& post = pending.resource->StepOf(ActivityKind::kPost);
  if (post.empty() || post == step.name) return Ok();
  run_.Forget(post);
  HOLDFAST_RETURN_IF_ERROR(RefuseClosedEpoch(step, pending));
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(post));
  const Claim* const open = journal->OpenClaim();
  if (open == nullptr || open->token != run_.lease().token) return Ok();
  return InvalidInput(fmt::format("step {} is too late: the post of {} is at work", step.name,
                                  Printable(pending.resource->resource.key.str())))
      .Hint("resume: start the workflow again with the parameter record=" + run_.record().id());
}

Status StepDriver::RefuseAfterResume(const BundleStep& step, const Pending& pending) {
  const ActivityKind kind = pending.activity->kind;
  if (run_.operation() != Operation::kProtect) return Ok();
  if (kind != ActivityKind::kPre && kind != ActivityKind::kParallel) return Ok();
  // Up the gates, which are the pres of what is above; so many are more than anybody stacks.
  constexpr std::size_t kMostAbove = 64;
  std::vector<BundleGate> open = pending.activity->gates;
  std::set<ResourceKey> seen;
  while (!open.empty() && seen.size() < kMostAbove) {
    const BundleGate gate = std::move(open.back());
    open.pop_back();
    if (!seen.insert(gate.resource).second) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const BundleStep* const above, run_.bundle().Step(gate.step));
    for (const BundleActivity& activity : above->activities) {
      if (activity.resource != gate.resource || activity.kind != gate.kind) continue;
      open.insert(open.end(), activity.gates.begin(), activity.gates.end());
    }
    HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                              env_.protection(gate.resource.type));
    if (!plugin->descriptor().quiesces || gate.resource == pending.activity->resource) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const resource,
                              run_.bundle().ResourceOf(gate.step, gate.resource));
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, run_.EpochOf(gate.step, gate.resource));
    for (const ActivityKind later : {ActivityKind::kPreFinish, ActivityKind::kPost}) {
      // A copy of what a snapshot holds does not mind that the application goes on.
      if (kind == ActivityKind::kParallel && later == ActivityKind::kPreFinish) continue;
      const std::string& name = resource->StepOf(later);
      if (name.empty()) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(name));
      const ActivityOutcome* const outcome = journal->Find(gate.resource, later, epoch);
      if (outcome == nullptr || outcome->outcome == Outcome::kOmitted) continue;
      return InvalidInput(fmt::format("step {} is too late: {} has run, the application goes on",
                                      step.name, ActivityText(gate.resource, later)))
          .Hint(
              "end this run, and run each step of a new one after those that 'holdfast step "
              "list' names under ORDER");
    }
  }
  return Ok();
}

Result<StepReport> StepDriver::Recorded(const BundleStep& step, const StepRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
  bool failed = false;
  bool denied = true;
  bool succeeded = false;
  std::string error;
  for (const BundleActivity& activity : step.activities) {
    if (!Selected(request, activity)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch,
                              run_.EpochOf(step.name, activity.resource));
    const ActivityOutcome* const outcome = journal->Find(activity.resource, activity.kind, epoch);
    if (outcome == nullptr) continue;
    succeeded = succeeded || outcome->outcome == Outcome::kSucceeded;
    if (outcome->outcome == Outcome::kFailed) {
      failed = true;
      denied = denied && outcome->denied();
      error = FailureOf(*outcome);
    }
  }
  if (failed) return StepReport{FailedAs(denied), error + " (recorded earlier)"};
  if (succeeded) return StepReport{ExitCode::kOk, "done already"};
  return StepReport{ExitCode::kOmitted, "omitted already"};
}

Result<StepReport> StepDriver::Describe(const BundleStep& step, const std::vector<Pending>& pending,
                                        const StepRequest& request) {
  StepReport report;
  report.message = "step " + step.name + ":";
  if (pending.empty()) report.message += " nothing: it was done already";
  for (const Pending& one : pending) {
    HOLDFAST_ASSIGN_OR_RETURN(const Decision decision, Decide(step, one, request, nullptr));
    report.message += fmt::format(" {} {} with plugin {}, epoch {};",
                                  decision == Decision::kRun ? "would run" : "would omit for now",
                                  ActivityText(one.activity->resource, one.activity->kind),
                                  one.resource->plugin, one.epoch);
  }
  return report;
}

Status StepDriver::NoteFailure(const BundleStep& step) {
  Status noted =
      run_.record().section().PutBytes(FailureKey(run_.lease().token), FailureText(step));
  if (!noted && noted.error().code() == ErrorCode::kConflict) return Ok();
  return noted;
}

Result<bool> StepDriver::Clean(const BundleStep& step, StepAttempt& attempt) {
  for (const BundleActivity& activity : step.activities) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch,
                              run_.EpochOf(step.name, activity.resource));
    HOLDFAST_ASSIGN_OR_RETURN(const auto* const outcome,
                              attempt.OutcomeOf(activity.resource, activity.kind, epoch));
    if (outcome == nullptr || outcome->outcome != Outcome::kSucceeded) return false;
  }
  return run_.AllBeforeSucceeded(step);
}

Result<StepReport> StepDriver::Gate(const std::vector<std::string>& steps) {
  if (!run_.begun()) return StepReport{ExitCode::kOmitted, "the run has not begun"};
  for (const std::string& name : steps) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleStep* const step, run_.bundle().Step(name));
    for (const BundleActivity& activity : step->activities) {
      HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const resource,
                                run_.bundle().ResourceOf(name, activity.resource));
      HOLDFAST_ASSIGN_OR_RETURN(const bool open,
                                GatesSucceeded(*step, {&activity, resource, 1}, nullptr));
      if (open) return StepReport{ExitCode::kOk, "the gates of " + name + " succeeded"};
    }
  }
  return StepReport{ExitCode::kOmitted,
                    "a gate of " + Join(steps, " and of ") + " did not succeed"};
}

Status StepDriver::WaitForOthers(const BundleStep& step) {
  bool again = false;
  return WaitForClaim(env_, step.name, LongestWait(run_.bundle().bundle()),
                      [&] { return OpenClaimOf(step.name, std::exchange(again, true)); });
}

// The first look is at what has just been read; who waits sees whether the run still has its lease.
Result<std::optional<Claim>> StepDriver::OpenClaimOf(const std::string& step, bool again) {
  if (again) {
    HOLDFAST_RETURN_IF_ERROR(run_.CheckHeld());
    run_.Forget(step);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step));
  const Claim* const open = journal->OpenClaim();
  return open == nullptr ? std::nullopt : std::optional<Claim>(*open);
}

Status StepDriver::WaitForEarlier(const BundleStep& step) {
  const SteadyTime until = env_.clock.Steady() + LongestWait(run_.bundle().bundle());
  for (const std::string& earlier : step.order) {
    bool again = false;
    HOLDFAST_RETURN_IF_ERROR(WaitForClaim(
        env_, earlier,
        std::max(std::chrono::ceil<std::chrono::milliseconds>(until - env_.clock.Steady()),
                 std::chrono::milliseconds(0)),
        [&]() -> Result<std::optional<Claim>> {
          HOLDFAST_ASSIGN_OR_RETURN(auto claim, OpenClaimOf(earlier, std::exchange(again, true)));
          // One of an earlier run has lost its lease, and gives up by itself.
          if (claim && claim->token != run_.lease().token) claim.reset();
          return claim;
        }));
  }
  return Ok();
}

Status StepDriver::CheckAlone(const BundleStep& step, const std::vector<Pending>& pending) {
  for (const Pending& one : pending) HOLDFAST_RETURN_IF_ERROR(RefuseBesidePost(step, one));
  for (const std::string& earlier : step.order) {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(earlier));
    // What succeeded is not done again; anything else may have been begun since.
    const AttemptResult* const last = journal->LastResult();
    if (last != nullptr && last->exit_code == 0 && journal->OpenClaim() == nullptr) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const auto open, OpenClaimOf(earlier, true));
    if (!open || open->token != run_.lease().token || !HeldByAnother(env_, *open)) continue;
    return Unavailable(fmt::format("step {}, which comes first, is being run by process {} on {}",
                                   earlier, open->holder.pid, Printable(open->holder.host)));
  }
  return Ok();
}

Result<StepReport> StepDriver::Run(const StepRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleStep* const found, run_.bundle().Step(request.step));
  const BundleStep& step = *found;
  if (!run_.begun()) {
    return StepReport{ExitCode::kOmitted, "omitted: the begin of this run has not succeeded"};
  }
  // Of a step that was killed in another pod nobody sees that it is dead. Engines try again at
  // once, and not often: whoever said "try again" here would use up those tries. Before anything
  // else is looked at, as the other one may still change it.
  if (!request.dry_run) {
    HOLDFAST_RETURN_IF_ERROR(WaitForOthers(step));
    HOLDFAST_RETURN_IF_ERROR(WaitForEarlier(step));
  }
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Pending> pending, FindPending(step, request));
  {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
    // One that was killed had begun in time.
    for (const Pending& one : pending) {
      if (journal->OpenClaim() == nullptr) HOLDFAST_RETURN_IF_ERROR(RefuseAfterResume(step, one));
    }
  }
  if (request.dry_run) return Describe(step, pending, request);
  if (pending.empty()) {
    // A process that was killed between its manifests and its result left those to complete.
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
    if (journal->OpenClaim() == nullptr) return Recorded(step, request);
  }
  {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
    for (const Pending& one : pending) HOLDFAST_RETURN_IF_ERROR(RefuseClosedEpoch(step, one));
    // Omitted before and still so: the journal says it already.
    bool same =
        !pending.empty() && journal->LastResult() != nullptr && journal->OpenClaim() == nullptr;
    for (const Pending& one : pending) {
      if (!same) break;
      const auto* const outcome =
          journal->Find(one.activity->resource, one.activity->kind, one.epoch);
      same = outcome != nullptr && outcome->outcome == Outcome::kOmitted;
      if (!same) break;
      HOLDFAST_ASSIGN_OR_RETURN(const Decision decision, Decide(step, one, request, nullptr));
      same = decision == Decision::kOmitGate || decision == Decision::kOmitFailFast;
    }
    if (same) return Recorded(step, request);
  }

  HOLDFAST_RETURN_IF_ERROR(run_.KeepLease(env_));
  std::uint64_t epoch = 1;
  if (!pending.empty()) epoch = pending.front().epoch;
  HOLDFAST_ASSIGN_OR_RETURN(const auto attempt,
                            StepAttempt::Claim(env_, run_, step, epoch, request.by));
  // Another process may have finished between the first look and the claim.
  HOLDFAST_ASSIGN_OR_RETURN(pending, FindPending(step, request));
  // Of two that are not to work beside each other, each looks once its own claim is there.
  if (Status alone = CheckAlone(step, pending); !alone) {
    const Error& error = alone.error();
    HOLDFAST_RETURN_IF_ERROR(attempt->Finish(
        error.code() == ErrorCode::kUnavailable ? ExitCode::kTryAgain : ExitCode::kInvalidInput,
        false, "locked", error.message()));
    return std::move(alone).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step.name));
  if (journal->attempts.size() > 1) {
    for (const BundleActivity& activity : step.activities) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t e, run_.EpochOf(step.name, activity.resource));
      const ActivityOutcome* const outcome = journal->Find(activity.resource, activity.kind, e);
      if (outcome == nullptr || outcome->outcome != Outcome::kSucceeded) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const auto* const resource,
                                run_.bundle().ResourceOf(step.name, activity.resource));
      HOLDFAST_RETURN_IF_ERROR(attempt->CompleteManifest(*resource, *outcome));
    }
  }

  ActivityEnd end = ActivityEnd::kDone;
  bool called = false;
  bool left = false;
  std::string_view omitted;  // why the first that was left out was
  for (std::size_t i = 0; i < pending.size() && end == ActivityEnd::kDone;) {
    // One activity of all its resources, as far as they are in the same epoch: one call.
    const ActivityKind kind = pending[i].activity->kind;
    std::vector<const BundleResource*> given;
    const std::uint64_t group_epoch = pending[i].epoch;
    std::size_t next = i;
    for (; next < pending.size() && pending[next].activity->kind == kind &&
           pending[next].epoch == group_epoch;
         ++next) {
      const Pending& one = pending[next];
      const ResourceKey& key = one.activity->resource;
      HOLDFAST_ASSIGN_OR_RETURN(const Decision decision, Decide(step, one, request, attempt.get()));
      switch (decision) {
        case Decision::kOmitGate:
        case Decision::kOmitFailFast:
        case Decision::kOmitCommit: {
          const std::string_view reason = decision == Decision::kOmitGate       ? kReasonGate
                                          : decision == Decision::kOmitFailFast ? kReasonFailFast
                                                                                : kReasonCommit;
          attempt->Omit(key, kind, one.epoch, reason);
          if (omitted.empty()) omitted = reason;
          break;
        }
        case Decision::kLeave:
          left = true;
          break;
        case Decision::kRun:
          given.push_back(one.resource);
          break;
      }
    }
    bool adopted = false;
    if (given.size() == 1) {
      HOLDFAST_ASSIGN_OR_RETURN(adopted, attempt->AdoptManifest(kind, *given.front(), group_epoch));
    }
    if (!given.empty() && !adopted) {
      called = true;
      HOLDFAST_ASSIGN_OR_RETURN(end,
                                attempt->Call(kind, given, group_epoch, next < pending.size()));
    }
    i = next;
  }

  // What the step says as a whole: also of what earlier attempts did.
  bool failed = false;
  bool denied = true;  // every failure
  bool succeeded = false;
  std::string error;
  for (const BundleActivity& activity : step.activities) {
    if (!Selected(request, activity)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t e, run_.EpochOf(step.name, activity.resource));
    HOLDFAST_ASSIGN_OR_RETURN(const auto* const outcome,
                              attempt->OutcomeOf(activity.resource, activity.kind, e));
    if (outcome == nullptr) continue;
    succeeded = succeeded || outcome->outcome == Outcome::kSucceeded;
    if (outcome->outcome == Outcome::kFailed || outcome->outcome == Outcome::kHalfDone) {
      failed = true;
      denied = denied && outcome->denied();
      error = FailureOf(*outcome);
    }
  }
  StepReport report;
  std::string_view how = "done";
  std::string why_not;
  if (end == ActivityEnd::kTimedOut) {
    report = {ExitCode::kActivityFailed, "timed out: " + attempt->failure()};
    how = "timed-out";
  } else if (end == ActivityEnd::kLocked && !env_.cancellation.is_set()) {
    report = {ExitCode::kTryAgain, "locked, try again: " + attempt->failure()};
    how = "locked";
    why_not = attempt->failure();
  } else if (env_.cancellation.is_set()) {
    // Told to end: never 0, also when the activity managed to finish.
    report = {ExitCode::kTerminated, end == ActivityEnd::kStopped
                                         ? "stopped before it was done"
                                         : "stopped; what was done is recorded"};
    how = "stopped";
  } else if (failed) {
    report = {FailedAs(denied), error};
  } else if (succeeded) {
    report = {ExitCode::kOk, called ? "done" : "done already"};
  } else {
    std::string_view why = "a gate did not succeed";
    if (left) {
      why = "its pre did not end; the end of the run cleans up";
    } else if (omitted == kReasonFailFast) {
      why = "something has failed already, and the run is to fail fast";
    } else if (omitted == kReasonCommit) {
      why = "it commits, and something before it did not succeed";
    }
    report = {ExitCode::kOmitted, fmt::format("omitted: {}", why)};
  }
  bool clean = false;
  if (end == ActivityEnd::kDone && !failed) {
    HOLDFAST_ASSIGN_OR_RETURN(clean, Clean(step, *attempt));
  }
  if (failed || end == ActivityEnd::kTimedOut) HOLDFAST_RETURN_IF_ERROR(NoteFailure(step));
  HOLDFAST_RETURN_IF_ERROR(attempt->Finish(report.exit_code, clean, how, why_not));
  return report;
}

}  // namespace holdfast::runtime
