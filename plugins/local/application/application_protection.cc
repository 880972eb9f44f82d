#include "plugins/local/application/application_protection.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "plugins/local/application/hook.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/preflight.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::application {
namespace {

// The journal of an application: {"state": ..., "quiesced_at": ...}. An intent is journaled before
// the command, so that the clean-up of a killed step knows that the command may have run.
constexpr std::string_view kState = "state";
constexpr std::string_view kQuiesceIntended = "quiesce-intended";
constexpr std::string_view kQuiesced = "quiesced";
constexpr std::string_view kResumed = "resumed";
constexpr std::string_view kStopIntended = "stop-intended";
constexpr std::string_view kStopped = "stopped";
constexpr std::string_view kStarted = "started";

// After so many the pre ends as half done, and its post is owed.
constexpr int kUndoTries = 10;

Status JournalState(Checkpoint& checkpoint, const Resource& resource, std::string_view state) {
  Value entry(Value::Map{});
  entry.Set(kState, state);
  return checkpoint.Journal(resource, entry);
}

Result<std::string> JournaledState(Checkpoint& checkpoint, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  return journal.StringOr(kState, "");
}

// Runs `resume` (where there is one) and journals that it has run.
Status Resume(Checkpoint& checkpoint, Context& context, const Resource& resource,
              const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto command, FindHook(resource, parameters, "resume"));
  if (command) {
    HOLDFAST_RETURN_IF_ERROR(
        RunHook(context, checkpoint, resource, "resume", *command, HookStop::kNever));
  }
  Failpoint("application:resumed");
  HOLDFAST_RETURN_IF_ERROR(JournalState(checkpoint, resource, kResumed));
  Failpoint("application:resume-recorded");
  return Ok();
}

Status Start(Checkpoint& checkpoint, Context& context, const Resource& resource,
             const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto command, FindHook(resource, parameters, "start"));
  if (command) {
    HOLDFAST_RETURN_IF_ERROR(
        RunHook(context, checkpoint, resource, "start", *command, HookStop::kNever));
  }
  Failpoint("application:started");
  HOLDFAST_RETURN_IF_ERROR(JournalState(checkpoint, resource, kStarted));
  Failpoint("application:start-recorded");
  return Ok();
}

// What is wrong with the commands that the operation may run.
std::vector<ParameterFault> HookFaults(Operation operation, const Resource& resource,
                                       const Value& parameters) {
  using Names = std::array<std::string_view, 2>;
  if (operation != Operation::kProtect && operation != Operation::kRestore) return {};
  const auto names =
      operation == Operation::kProtect ? Names{"quiesce", "resume"} : Names{"stop", "start"};
  ParameterFaults faults;
  std::array<bool, 2> there{};
  bool good = true;
  // Where the parameters do not say it, the inventory does.
  const auto giver = [&parameters](std::string_view name) {
    const Value* const given = parameters.Find(name);
    return given == nullptr || given->is_null() ? std::string_view() : name;
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto command = FindHook(resource, parameters, names[i]);
    if (!command) {
      good = faults.Note(giver(names[i]), Status(command.error()));
    } else {
      there[i] = command->has_value();
    }
  }
  if (operation == Operation::kProtect && good && there[0] && !there[1]) {
    faults.Note(giver(names[0]),
                InvalidInput(fmt::format("application '{}' has 'quiesce' and no 'resume'",
                                         Printable(resource.name)))
                    .Hint("what is brought to rest must be let go on"));
  }
  return faults.Take();
}

Status Quiesce(Checkpoint& checkpoint, Context& context, const Resource& resource,
               const Value& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(HookFaults(Operation::kProtect, resource, parameters)));
  HOLDFAST_ASSIGN_OR_RETURN(const auto quiesce, FindHook(resource, parameters, "quiesce"));
  if (!quiesce) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  if (journal.StringOr(kState, "") == kQuiesced) {
    // A killed attempt got that far and nothing has resumed it; what it said of the checkpoint went
    // with it.
    HOLDFAST_ASSIGN_OR_RETURN(const WallTime time, ParseTime(journal.StringOr("quiesced_at", "")));
    return checkpoint.SetPointInTime(resource, time);
  }
  HOLDFAST_RETURN_IF_ERROR(JournalState(checkpoint, resource, kQuiesceIntended));
  Failpoint("application:quiesce-intended");
  Status quiesced =
      RunHook(context, checkpoint, resource, "quiesce", *quiesce, HookStop::kAtCancellation);
  Failpoint("application:quiesced");
  HOLDFAST_RETURN_IF_ERROR(quiesced);
  const WallTime now = context.clock().Now();
  Value entry(Value::Map{});
  entry.Set(kState, kQuiesced).Set("quiesced_at", FormatTime(now));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
  Failpoint("application:quiesce-recorded");
  return checkpoint.SetPointInTime(resource, now);
}

// Undoes what this attempt at quiescing, or an earlier one, has done half.
Status UndoQuiesce(Checkpoint& checkpoint, Context& context, const Resource& resource,
                   const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string state, JournaledState(checkpoint, resource));
  if (state.empty() || state == kResumed) return Ok();
  return Resume(checkpoint, context, resource, parameters);
}

Status ResumeAndSay(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string state = journal.StringOr(kState, "");
  if (state.empty()) return Ok();
  if (state != kResumed) {
    HOLDFAST_RETURN_IF_ERROR(Resume(checkpoint, context, resource, parameters));
    Value entry(Value::Map{});
    entry.Set("resumed_at", FormatTime(context.clock().Now()));
    HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value now, checkpoint.Journaled(resource));
  ApplicationProtection::SavedInfo info;
  info.quiesced_at = now.StringOr("quiesced_at", "");
  info.resumed_at = now.StringOr("resumed_at", "");
  const auto from = ParseTime(info.quiesced_at);
  const auto to = ParseTime(info.resumed_at);
  if (from && to) {
    info.quiesced_for = std::chrono::duration_cast<std::chrono::milliseconds>(*to - *from);
    Value fields(Value::Map{});
    fields.Set("quiesced_for_ms", static_cast<std::int64_t>(info.quiesced_for.count()));
    context.log().Log(
        LogLevel::kInfo,
        fmt::format("application '{}' was at rest for {}", Printable(resource.name),
                    HumanDuration(static_cast<double>(info.quiesced_for.count()) / 1000.0)),
        fields);
  }
  return checkpoint.SaveInfo(resource, ToValue(info));
}

Status Stop(Checkpoint& checkpoint, Context& context, const Resource& resource,
            const Value& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(HookFaults(Operation::kRestore, resource, parameters)));
  HOLDFAST_ASSIGN_OR_RETURN(const auto stop, FindHook(resource, parameters, "stop"));
  if (!stop) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string before, JournaledState(checkpoint, resource));
  if (before == kStopped) return Ok();
  HOLDFAST_RETURN_IF_ERROR(JournalState(checkpoint, resource, kStopIntended));
  Failpoint("application:stop-intended");
  Status stopped = RunHook(context, checkpoint, resource, "stop", *stop, HookStop::kAtCancellation);
  Failpoint("application:stopped");
  HOLDFAST_RETURN_IF_ERROR(stopped);
  HOLDFAST_RETURN_IF_ERROR(JournalState(checkpoint, resource, kStopped));
  Failpoint("application:stop-recorded");
  HOLDFAST_ASSIGN_OR_RETURN(const auto start, FindHook(resource, parameters, "start"));
  if (!start) {
    context.log().Log(
        LogLevel::kWarning,
        fmt::format("application '{}' was stopped and has no 'start': it stays stopped "
                    "after the restore, until somebody starts it",
                    Printable(resource.name)));
  }
  return Ok();
}

Status UndoStop(Checkpoint& checkpoint, Context& context, const Resource& resource,
                const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string state, JournaledState(checkpoint, resource));
  if (state.empty() || state == kStarted) return Ok();
  return Start(checkpoint, context, resource, parameters);
}

Status StartAfterRestore(Checkpoint& checkpoint, Context& context, const Resource& resource,
                         const Value& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string state, JournaledState(checkpoint, resource));
  if (state == kStarted) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const bool all, checkpoint.AllSucceeded(resource));
  if (!all && !parameters.BoolOr("start_after_failure", false)) {
    // Nothing below it was touched: start it. Partly restored: an application on a mixture of old
    // and new data does harm that no one can undo.
    HOLDFAST_ASSIGN_OR_RETURN(const bool touched, checkpoint.AnyBelowBegan(resource));
    if (touched) {
      context.log().Log(LogLevel::kWarning,
                        fmt::format("application '{}' stays stopped: not everything below it was "
                                    "restored (start_after_failure is false)",
                                    Printable(resource.name)));
      return Ok();
    }
  }
  return Start(checkpoint, context, resource, parameters);
}

bool HasHook(const Resource& resource, const Value& parameters, std::string_view name) {
  const auto found = FindHook(resource, parameters, name);
  return !found || found->has_value();  // a wrong form has its step, which says what is wrong
}

}  // namespace

StepChoice ApplicationProtection::Choose(Operation operation, ActivityKind kind,
                                         const Resource& resource, const Value& parameters) const {
  switch (operation) {
    case Operation::kProtect:
      return HasHook(resource, parameters, "quiesce") ? StepChoice::Own() : StepChoice::None();
    case Operation::kRestore:
      if (kind == ActivityKind::kPre && !HasHook(resource, parameters, "stop")) {
        return StepChoice::None();
      }
      if (kind == ActivityKind::kPost && !HasHook(resource, parameters, "start")) {
        return StepChoice::None();
      }
      return StepChoice::Own();
    default:
      return StepChoice::Own();
  }
}

std::vector<ParameterFault> ApplicationProtection::Validate(Operation operation,
                                                            const Resource& resource,
                                                            const Value& parameters) const {
  return HookFaults(operation, resource, parameters);
}

std::vector<Error> ApplicationProtection::Check(Context&, const Resource& resource,
                                                const Parameters& parameters) {
  Problems problems;
  for (const std::string_view name : {"quiesce", "resume", "stop", "start"}) {
    const auto command = FindHook(resource, parameters.Of(resource), name);
    if (!command) {
      // Validate says it of those of protect.
      if (name == "stop" || name == "start") problems.Note(command.error());
      continue;
    }
    if (!*command) continue;
    if (Status found = RequireProgram((*command)->argv.front()); !found) {
      problems.Note(std::move(found).error().While(
          fmt::format("{} of application '{}'", name, Printable(resource.name))));
    }
  }
  return problems.Take();
}

Activity ApplicationProtection::activity_protect_pre(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource,
                                                     const Parameters& parameters) {
  Status quiesced = Quiesce(checkpoint, context, resource, parameters.Of(resource));
  if (quiesced) co_return Ok();
  // A pre that fails undoes what it did half: the command may have brought a part to rest.
  Error failure = std::move(quiesced).error();
  for (int tries = 1;; ++tries) {
    Status undone = UndoQuiesce(checkpoint, context, resource, parameters.Of(resource));
    if (undone) co_return failure;
    context.log().Log(LogLevel::kError, undone.error().OneLine());
    if (tries == kUndoTries) {
      co_return std::move(failure)
          .Because(std::move(undone).error().While("letting it go on again"))
          .HalfDone();
    }
    co_yield Progress{0, 0, "letting the application go on again"};
  }
}

Activity ApplicationProtection::activity_protect_pre_finish(Checkpoint& checkpoint,
                                                            Context& context,
                                                            const Resource& resource,
                                                            const Parameters& parameters) {
  co_return ResumeAndSay(checkpoint, context, resource, parameters.Of(resource));
}

Activity ApplicationProtection::activity_protect_post(Checkpoint& checkpoint, Context& context,
                                                      const Resource& resource,
                                                      const Parameters& parameters) {
  HOLDFAST_CO_ASSIGN_OR_RETURN(const std::string state, JournaledState(checkpoint, resource));
  if (state.empty() || state == kResumed) co_return Ok();
  context.log().Log(
      LogLevel::kWarning,
      fmt::format("application '{}' is still at rest: letting it go on", Printable(resource.name)));
  co_return Resume(checkpoint, context, resource, parameters.Of(resource));
}

Activity ApplicationProtection::activity_restore_pre(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource,
                                                     const Parameters& parameters) {
  Status stopped = Stop(checkpoint, context, resource, parameters.Of(resource));
  if (stopped) co_return Ok();
  Error failure = std::move(stopped).error();
  for (int tries = 1;; ++tries) {
    Status undone = UndoStop(checkpoint, context, resource, parameters.Of(resource));
    if (undone) co_return failure;
    context.log().Log(LogLevel::kError, undone.error().OneLine());
    if (tries == kUndoTries) {
      co_return std::move(failure)
          .Because(std::move(undone).error().While("starting it again"))
          .HalfDone();
    }
    co_yield Progress{0, 0, "starting the application again"};
  }
}

Activity ApplicationProtection::activity_restore_parallel(Checkpoint& checkpoint, Context&,
                                                          const Resource& resource,
                                                          const Parameters&) {
  co_return checkpoint.SetNewResource(resource, resource.key);
}

Activity ApplicationProtection::activity_restore_post(Checkpoint& checkpoint, Context& context,
                                                      const Resource& resource,
                                                      const Parameters& parameters) {
  co_return StartAfterRestore(checkpoint, context, resource, parameters.Of(resource));
}

}  // namespace holdfast::plugins::application
