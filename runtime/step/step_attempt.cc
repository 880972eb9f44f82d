#include "runtime/step/step_attempt.h"

#include <fmt/format.h>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"
#include "runtime/step/bank_folder.h"
#include "runtime/step/claim_wait.h"
#include "runtime/step/half_restored.h"
#include "runtime/step/step_checkpoint.h"
#include "runtime/step/step_context.h"
#include "runtime/step/warning_recorder.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

Status CheckPlugin(const ProtectionPlugin& plugin, const BundleResource& resource) {
  if (plugin.descriptor().name == resource.plugin) return Ok();
  return InvalidInput(
             fmt::format("the bundle was compiled for the plugin {} of {}; the provider now has {}",
                         resource.plugin, resource.resource.key.type, plugin.descriptor().name))
      .Hint("compile the workflow again");
}

// What no plugin has read of the resources of a verify.
ActivityCall ReadRest(const StepEnvironment& env, const ProtectionPlugin& plugin,
                      StepCheckpoint& checkpoint,
                      const std::vector<const BundleResource*>& resources) {
  const PollSettings& settings = plugin.poll_settings();
  const SteadyTime deadline = env.clock.Steady() + settings.activity_timeout;
  Value fields = Value()
                     .Set("activity", NameOf(ActivityKind::kParallel))
                     .Set("operation", NameOf(Operation::kVerify));
  if (resources.size() == 1)
    fields.Set("resource", Printable(resources.front()->resource.key.str()));
  StepContext context(env.tenant_name, env.clock, env.log, env.processes, env.cancellation,
                      deadline, std::move(fields), env.progress);
  for (const BundleResource* const resource : resources) {
    Status read = checkpoint.ReadRest(context, *resource);
    if (read) continue;
    if (env.cancellation.is_set()) return {ActivityEnd::kStopped, std::move(read)};
    if (env.clock.Steady() >= deadline) {
      return {
          ActivityEnd::kTimedOut,
          Unavailable(fmt::format("reading what is stored took longer than activity_timeout ({})",
                                  FormatDuration(settings.activity_timeout)))};
    }
    return {ActivityEnd::kDone, std::move(read)};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StepAttempt>> StepAttempt::Claim(const StepEnvironment& env, RunView& run,
                                                        const BundleStep& step, std::uint64_t epoch,
                                                        std::string_view by, bool take_over) {
  Failpoint("before:claim");
  run.Forget(step.name);
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step.name));
  const runtime::Claim* const open = journal->OpenClaim();
  // A process works on one step at a time: an open claim of its own is of an attempt that it gave
  // up.
  if (open != nullptr && !take_over && HeldByAnother(env, *open)) {
    return Unavailable(fmt::format("step {} is being run by process {} on {}", step.name,
                                   open->holder.pid, open->holder.host));
  }
  runtime::Claim claim;
  claim.number = journal->attempts.empty() ? 1 : journal->attempts.back().claim.number + 1;
  claim.attempt = NewAttemptId(claim.number);
  claim.epoch = epoch;
  claim.run = run.lease().run;
  claim.token = run.lease().token;
  claim.holder = env.self;
  claim.heartbeat = env.clock.Now();
  HOLDFAST_RETURN_IF_ERROR(run.CheckHeld());
  if (Status created = CreateClaim(run.record().section(), step.name, claim); !created) {
    if (created.error().code() != ErrorCode::kConflict) return created.error();
    return Unavailable(fmt::format("another process has just claimed step {}", step.name));
  }
  Failpoint("after:claim");
  // The end of the run waits for live claims only after it has taken its token: one that was made
  // in between has to give way.
  HOLDFAST_RETURN_IF_ERROR(run.CheckHeld());
  run.Forget(step.name);
  return std::unique_ptr<StepAttempt>(
      new StepAttempt(env, run, step, std::move(claim), std::string(by)));
}

Result<const ActivityOutcome*> StepAttempt::OutcomeOf(const ResourceKey& resource,
                                                      ActivityKind kind, std::uint64_t epoch) {
  for (const ActivityOutcome& outcome : outcomes_) {
    if (outcome.kind == kind && outcome.epoch == epoch && outcome.resource == resource)
      return &outcome;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step_.name));
  return journal->Find(resource, kind, epoch);
}

void StepAttempt::Omit(const ResourceKey& resource, ActivityKind kind, std::uint64_t epoch,
                       std::string_view reason) {
  ActivityOutcome outcome;
  outcome.resource = resource;
  outcome.kind = kind;
  outcome.epoch = epoch;
  outcome.outcome = Outcome::kOmitted;
  outcome.reason = std::string(reason);
  outcome.started = outcome.ended = env_.clock.Now();
  outcome.by = by_;
  outcome.attempt = id();
  outcomes_.push_back(std::move(outcome));
}

Status StepAttempt::PutManifest(ActivityKind kind, const BundleResource& resource,
                                std::uint64_t epoch, const ActivityOutcome& outcome,
                                std::string_view attempt) {
  HOLDFAST_ASSIGN_OR_RETURN(ProtectionPlugin* const plugin,
                            env_.protection(resource.resource.key.type));
  const PluginDescriptor& descriptor = plugin->descriptor();
  HOLDFAST_ASSIGN_OR_RETURN(Contribution all, EarlierContributions(run_, resource, kind, epoch));
  Contribution mine;
  HOLDFAST_ASSIGN_OR_RETURN(mine.streams, StreamsFromValue(outcome.streams, step_.name));
  if (outcome.saved_closed) return *outcome.saved_closed;
  mine.saved = outcome.saved;
  if (!outcome.point_in_time.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(mine.point_in_time, ParseTime(outcome.point_in_time));
  }
  Merge(all, mine);
  ResourceManifest manifest;
  manifest.resource = resource.resource.key;
  manifest.name = resource.resource.name;
  manifest.plugin = descriptor.name;
  manifest.saved_info_version = descriptor.has_saved_info ? descriptor.saved_info.version : 0;
  manifest.parameters_version = descriptor.operation(Operation::kProtect).parameters.version;
  manifest.epoch = epoch;
  manifest.attempt = std::string(attempt);
  manifest.point_in_time = all.point_in_time.value_or(outcome.started);
  manifest.streams = std::move(all.streams);
  HOLDFAST_ASSIGN_OR_RETURN(manifest.raw, RawObjectsFromValue(outcome.raw, step_.name));
  manifest.warnings = outcome.warnings;
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection checkpoint, run_.checkpoint_section());
  Failpoint("before:manifest");
  Status written = WriteManifest(checkpoint, std::move(manifest), all.saved);
  if (!written && written.error().code() == ErrorCode::kConflict) {
    // The one that is there counts, and the next attempt finds it: a lost race costs work, never
    // data.
    HOLDFAST_ASSIGN_OR_RETURN(const auto other,
                              ReadManifest(checkpoint, resource.resource.key, epoch));
    if (other) {
      return Unavailable(
          fmt::format("another process of step {} has just written the manifest of {}", step_.name,
                      Printable(resource.resource.key.str())));
    }
  }
  HOLDFAST_RETURN_IF_ERROR(std::move(written));
  Failpoint("after:manifest");
  return Ok();
}

Result<bool> StepAttempt::AdoptManifest(ActivityKind kind, const BundleResource& resource,
                                        std::uint64_t epoch) {
  if (run_.operation() != Operation::kProtect || FinalisingKind(resource) != kind) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection checkpoint, run_.checkpoint_section());
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifest,
                            ReadManifest(checkpoint, resource.resource.key, epoch));
  if (!manifest) return false;
  ActivityOutcome outcome;
  outcome.resource = resource.resource.key;
  outcome.kind = kind;
  outcome.epoch = epoch;
  outcome.started = outcome.ended = env_.clock.Now();
  outcome.by = by_;
  outcome.attempt = id();
  outcome.warnings = manifest->warnings;
  outcomes_.push_back(std::move(outcome));
  return true;
}

Status StepAttempt::CompleteManifest(const BundleResource& resource,
                                     const ActivityOutcome& outcome) {
  if (run_.operation() != Operation::kProtect || FinalisingKind(resource) != outcome.kind)
    return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection checkpoint, run_.checkpoint_section());
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifest,
                            ReadManifest(checkpoint, resource.resource.key, outcome.epoch));
  if (manifest) return Ok();
  return PutManifest(outcome.kind, resource, outcome.epoch, outcome, outcome.attempt);
}

Result<ActivityEnd> StepAttempt::Call(ActivityKind kind,
                                      const std::vector<const BundleResource*>& resources,
                                      std::uint64_t epoch, bool goes_on) {
  HOLDFAST_ASSIGN_OR_RETURN(ProtectionPlugin* const plugin,
                            env_.protection(resources.front()->resource.key.type));
  for (const BundleResource* const resource : resources) {
    HOLDFAST_RETURN_IF_ERROR(CheckPlugin(*plugin, *resource));
  }
  const PluginDescriptor& descriptor = plugin->descriptor();
  const bool by_plugin = descriptor.operation(run_.operation()).Defines(kind);
  // The runtime's own: a verify reads every byte, whatever the plugin does of it.
  const bool reads_rest = run_.operation() == Operation::kVerify && kind == ActivityKind::kParallel;
  if (!by_plugin && !reads_rest) {
    return InvalidInput(fmt::format("the plugin {} does not define {}_{} any more", descriptor.name,
                                    NameOf(run_.operation()), NameOf(kind)))
        .Hint("compile the workflow again");
  }

  std::vector<Resource> given;
  std::map<ResourceKey, Value> parameters;
  for (const BundleResource* const resource : resources) {
    given.push_back(resource->resource);
    parameters.emplace(resource->resource.key, resource->parameters);
  }
  const Parameters checked(std::move(parameters));

  CheckpointScope scope;
  scope.step = step_.name;
  scope.attempt = id();
  scope.kind = kind;
  scope.descriptor = &descriptor;
  scope.resources = resources;
  scope.epoch = epoch;
  scope.intents = &intents_;
  scope.all_succeeded = [this, kind, epoch](const ResourceKey& resource) -> Result<bool> {
    // Earlier activities of the same resource in a fused step, then all that the step comes after.
    for (const BundleActivity& activity : step_.activities) {
      if (activity.resource != resource || activity.kind >= kind) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const auto* const outcome,
                                OutcomeOf(resource, activity.kind, epoch));
      if (outcome == nullptr || outcome->outcome != Outcome::kSucceeded) return false;
    }
    return run_.AllBeforeSucceeded(step_);
  };
  HOLDFAST_ASSIGN_OR_RETURN(const auto checkpoint,
                            StepCheckpoint::Make(env_, run_, std::move(scope)));

  HOLDFAST_RETURN_IF_ERROR(run_.CheckHeld());
  const WallTime started = env_.clock.Now();
  WarningRecorder log(env_.log);
  for (const BundleResource* const resource : resources) {
    if (run_.operation() != Operation::kProtect || FinalisingKind(*resource) != kind) continue;
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto warnings,
        WarnOfHalfRestored(env_, *plugin, resource->resource, resource->parameters));
    for (const std::string& warning : warnings) log.Log(LogLevel::kWarning, warning, Value());
  }
  ActivityCall call;
  bool fenced = false;
  // A post has only to undo what an activity before it did: where one was refused, nothing.
  Status place = Ok();
  for (const BundleResource* const resource : resources) {
    if (!place || kind == ActivityKind::kPost) break;
    place = RefuseBankFolder(
        *plugin, run_.operation(), resource->resource, resource->parameters, env_.bank_folder,
        [&checkpoint, resource] { return checkpoint->SavedInfo(resource->resource); });
  }
  // Nor is a plugin given what is not what was written, unless it only cleans up.
  const bool reads =
      run_.operation() == Operation::kRestore || run_.operation() == Operation::kVerify;
  for (const BundleResource* const resource : resources) {
    if (!place || !reads) break;
    if (kind == ActivityKind::kPost && FinalisingKind(*resource) != kind) continue;
    place = checkpoint->CheckStored(resource->resource.key);
    if (!place && place.error().code() == ErrorCode::kUnavailable) return place.error();
  }
  if (!place) {
    call.status = std::move(place);
  } else {
    Heartbeat heartbeat(env_, run_.record(), step_.name, claim_, run_.lease());
    Failpoint("before:activity");
    if (by_plugin)
      call = RunActivity(env_, log, *plugin, run_.operation(), kind, *checkpoint, given, checked);
    if (reads_rest && call.end == ActivityEnd::kDone && call.status) {
      ActivityCall rest = ReadRest(env_, *plugin, *checkpoint, resources);
      call.end = rest.end;
      call.status = std::move(rest.status);
    }
    Failpoint("after:activity");
    fenced = heartbeat.fenced() || checkpoint->fenced();
  }
  // Whatever the plugin made of it: the lease is gone, and nothing may be recorded.
  if (fenced) {
    return Error(ErrorCode::kLocked, fmt::format("the lease of {} was lost while step {} ran",
                                                 run_.record().id(), step_.name));
  }
  if (call.end != ActivityEnd::kDone) {
    failure_ = call.status.error().OneLine();
    return call.end;
  }

  Outcome how = Outcome::kSucceeded;
  if (!call.status) {
    const bool half_done = kind == ActivityKind::kPre && call.status.error().half_done();
    how = half_done ? Outcome::kHalfDone : Outcome::kFailed;
  }
  std::vector<ActivityOutcome> mine;
  for (const BundleResource* const resource : resources) {
    ActivityOutcome outcome;
    outcome.resource = resource->resource.key;
    outcome.kind = kind;
    outcome.epoch = epoch;
    outcome.outcome = how;
    if (!call.status) outcome.error = call.status.error().OneLine();
    if (how == Outcome::kFailed && reads && call.status.error().code() == ErrorCode::kDenied)
      outcome.reason = std::string(kReasonDenied);
    outcome.started = started;
    outcome.ended = env_.clock.Now();
    outcome.by = by_;
    outcome.attempt = id();
    if (call.status && run_.operation() == Operation::kProtect) {
      const Contribution& made = checkpoint->contribution(resource->resource.key);
      if (!made.streams.empty()) outcome.streams = StreamsToValue(made.streams);
      outcome.saved = made.saved;
      HOLDFAST_ASSIGN_OR_RETURN(const auto raw, checkpoint->RawOf(resource->resource.key));
      auto& of_attempt = raw_[resource->resource.key];
      for (const RawObject& object : raw) of_attempt[object.key] = object;
      if (FinalisingKind(*resource) == kind) {
        std::vector<RawObject> all;
        for (const auto& [key, object] : of_attempt) all.push_back(object);
        outcome.raw = RawObjectsToValue(all);
      }
      if (made.point_in_time) outcome.point_in_time = FormatTime(*made.point_in_time);
    }
    if (call.status && run_.operation() == Operation::kVerify) {
      outcome.sample = checkpoint->contribution(resource->resource.key).sample;
    }
    mine.push_back(std::move(outcome));
  }
  mine.front().warnings = log.Recorded();
  if (!call.status) failure_ = call.status.error().OneLine();

  HOLDFAST_RETURN_IF_ERROR(run_.CheckHeld());
  // The commit point of an activity that ends the data of one resource is the manifest; of several,
  // that commit together, the journaled outcome: the manifests follow from it.
  const bool together = resources.size() > 1;
  if (together && call.status) {
    HOLDFAST_RETURN_IF_ERROR(
        WriteOutcomes(run_.record().section(), step_.name, id(), ++journaled_outcomes_, mine));
  }
  for (std::size_t i = 0; i < resources.size(); ++i) {
    if (!call.status || run_.operation() != Operation::kProtect) break;
    if (FinalisingKind(*resources[i]) != kind) continue;
    HOLDFAST_RETURN_IF_ERROR(PutManifest(kind, *resources[i], epoch, mine[i], id()));
    if (!together) {
      // They are in the manifest now; a second copy would only make the journal large.
      mine[i].streams = Value();
      mine[i].raw = Value();
      mine[i].saved = Value();
    }
  }
  if (goes_on && !(together && call.status)) {
    // A manifest that came late is none that a resume counts on: so nothing is to say that it succeeded.
    HOLDFAST_RETURN_IF_ERROR(run_.CheckHeld());
    HOLDFAST_RETURN_IF_ERROR(
        WriteOutcomes(run_.record().section(), step_.name, id(), ++journaled_outcomes_, mine));
    Failpoint("after:outcome");
  }
  for (ActivityOutcome& outcome : mine) outcomes_.push_back(std::move(outcome));
  return ActivityEnd::kDone;
}

Status StepAttempt::Finish(ExitCode exit_code, bool clean, std::string_view how,
                           std::string_view why) {
  HOLDFAST_RETURN_IF_ERROR(run_.CheckHeld());
  AttemptResult result;
  result.run = run_.lease().run;
  result.token = run_.lease().token;
  result.exit_code = static_cast<int>(exit_code);
  result.clean = clean;
  result.how = std::string(how);
  result.why = std::string(why);
  result.started = started_;
  result.ended = env_.clock.Now();
  result.outcomes = outcomes_;
  Failpoint("before:result");
  HOLDFAST_RETURN_IF_ERROR(WriteResult(run_.record().section(), step_.name, id(), result));
  Failpoint("after:result");
  run_.Forget(step_.name);
  return Ok();
}

}  // namespace holdfast::runtime
