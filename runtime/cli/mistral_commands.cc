#include "runtime/cli/mistral_commands.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "plugins/engines/mistral/definitions.h"
#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/held_record.h"
#include "runtime/cli/mistral_runs.h"
#include "runtime/cli/mistral_store.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/own_steps.h"
#include "runtime/cli/submission.h"
#include "runtime/cli/watched_run.h"
#include "runtime/lint/mistral_schedule.h"
#include "runtime/local/workflow_file.h"
#include "runtime/step/begin.h"
#include "runtime/step/end.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

namespace engine = engines::mistral;
namespace fs = std::filesystem;

namespace {

// Says what was started, and what can be done with it.
int Started(Session& session, MistralRuns& runs, const engine::NewExecution& execution,
            const std::string& record, bool watch) {
  const Output& out = session.out();
  out.Say("submitted run " + execution.id + " of workflow " + execution.workflow + " to " +
          runs.Place());
  out.Json("run-submitted", Value()
                                .Set("run", execution.id)
                                .Set("workflow", execution.workflow)
                                .Set("record", record.empty() ? execution.id : record));
  out.Line(execution.id);
  if (watch) return WatchRun(session, runs, execution.id);
  for (const char* const command : {"watch", "status", "cancel"})
    out.Say("  " + ProgramCommand(session) + " " + command + " " + execution.id + runs.Options());
  return 0;
}

// "" is the default.
std::string EnvironmentOf(const std::string& given) {
  return given.empty() ? std::string(mistral_words::kEnvironment) : given;
}

Value InputsOf(const std::map<std::string, std::string>& given) {
  Value out(Value::Map{});
  for (const auto& [name, value] : given) out.Set(name, value);
  return out;
}

// By the bundle's own input (mistral_words::BundleInputOf) Mistral starts no other compile. A definition of an earlier build has
// none. Takes the place of that which the run of before was started with.
void SayBundle(engine::NewExecution& execution, const std::string& bundle_input) {
  std::erase_if(execution.inputs, [](const auto& input) {
    return input.first.starts_with(mistral_words::kBundleInput);
  });
  execution.bundle_input = bundle_input;
  if (!bundle_input.empty()) execution.inputs[bundle_input] = "true";
}

// The cron trigger that stands beside a file, with what was said of its runs.
Result<Value> TriggerOf(const SubmitArguments& arguments, const Submission& submission,
                        const std::string& workflow) {
  const std::string path = fs::path(arguments.file).replace_extension(".schedule.yaml");
  auto source = local::ReadSourceFile(path);
  if (!source) {
    return std::move(source).error().Hint(
        "'holdfast compile --kind template' writes it, of a plan with a schedule");
  }
  HOLDFAST_ASSIGN_OR_RETURN(Value trigger, ParseYaml(source->text, path));
  if (!trigger.is_map() || trigger.StringOr("workflow_name", "") != workflow) {
    return InvalidInput(path + " is no cron trigger of workflow " + workflow)
        .Hint("compile both again");
  }
  // What Mistral refuses, or answers as a fault of its own: a day that never comes.
  for (lint::Finding& finding : lint::FindTriggerFaults(*source, trigger)) {
    if (finding.severity == lint::Severity::kError) return std::move(finding.error);
  }
  trigger.Set("workflow_params", Value().Set("env", EnvironmentOf(arguments.environment)));
  // Not the bundle: it is the default of the definition, and changes with that. Said here, it would be run with the tasks of
  // another compile, or not at all.
  std::map<std::string, std::string> inputs = submission.parameters;
  std::erase_if(inputs, [](const auto& input) {
    return input.first == "bundle" || input.first.starts_with(mistral_words::kBundleInput);
  });
  trigger.Set("workflow_input", InputsOf(inputs));
  return trigger;
}

// Whether a cron trigger starts a workflow. Who may not ask that is not told that there is none.
bool MayBeScheduled(engine::Api& api, const std::string& workflow) {
  const auto triggers = engine::CronTriggersOf(api, workflow);
  return !triggers || !triggers->empty();
}

int StoreTrigger(const Output& out, engine::Api& api, const Value& trigger) {
  const auto stored = engine::StoreCronTrigger(api, trigger);
  if (!stored) return out.Fail(stored.error());
  const std::string name = trigger.StringOr("name", "");
  const std::string pattern = trigger.StringOr("pattern", "");
  out.Say(std::string(*stored == engine::Stored::kCreated   ? "stored"
                      : *stored == engine::Stored::kChanged ? "changed"
                                                            : "there is already") +
          " the cron trigger " + name + ": " + pattern + " UTC");
  out.Json("cron-trigger-stored", Value()
                                      .Set("name", name)
                                      .Set("workflow", trigger.StringOr("workflow_name", ""))
                                      .Set("pattern", pattern));
  return 0;
}

// That of --record, without writing anything.
Status CheckRecordIsThere(Session& session, const Submission& submission) {
  if (submission.record.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider,
                            session.OpenProvider(submission.workflow.provider));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection tenant,
                            session.TenantSection(*provider, SectionAccess::kRead));
  return CheckRecord(tenant, submission.workflow.bundle.bundle.operation, submission.record);
}

// Where a run of ours is to be ended; kInvalidInput of somebody else's execution.
struct Ending {
  Provider* provider = nullptr;
  std::optional<BankSection> tenant;
};
Result<Ending> OpenEnding(Session& session, const engines::RunStatus& status) {
  const auto named = status.parameters.find("provider");
  if (named == status.parameters.end() || named->second.empty() ||
      !status.parameters.contains("bundle")) {
    return InvalidInput("execution " + status.uid + " of " + Printable(status.name) +
                        " is none of ours: it has no inputs 'bundle' and 'provider'");
  }
  Ending out;
  HOLDFAST_ASSIGN_OR_RETURN(out.provider, session.OpenProvider(named->second));
  HOLDFAST_ASSIGN_OR_RETURN(out.tenant,
                            out.provider->tenant_section(SectionAccess::kWrite, BankUse::kRead));
  return out;
}

// Its record is worked on, whatever the engine says, and not by a run that has taken it over.
bool IsUnfinished(const BankSection& tenant, const std::string& run) {
  const auto report = runtime::ReportOfRun(tenant, run, false);
  if (!report || !runtime::IsWorking(report->summary.state)) return false;
  const auto taken = runtime::TakenOverFrom(tenant, run);
  return !taken || !*taken;
}

// Cancels what goes on of a run. A run that ended meanwhile is as good.
Status CancelAll(MistralRuns& runs, engines::RunStatus& status) {
  const std::string why = "cancelled by holdfast";
  if (!status.ended()) {
    Status cancelled = engine::CancelExecution(runs.api(), status.uid, why);
    if (!cancelled && cancelled.error().code() != ErrorCode::kConflict) return cancelled;
  }
  // What it began in the meantime.
  HOLDFAST_ASSIGN_OR_RETURN(status, runs.Find(status.uid));
  for (const std::string& below : runs.reader().GoingOn()) {
    Status cancelled = engine::CancelExecution(runs.api(), below, why);
    if (!cancelled && cancelled.error().code() != ErrorCode::kConflict) return cancelled;
  }
  return Ok();
}

// A begin that is half-way is given the time to come to its end; one that has not come so far is refused by EndRun when it
// comes. That is asked of the bank: its report may be lost, and Mistral waits for it for ever. Error: Mistral does not say
// whether it is at work, or we are told to end.
Status AwaitBegin(Session& session, MistralRuns& runs, const engines::RunStatus& status,
                  const BankSection& tenant) {
  constexpr auto kPatience = std::chrono::minutes(2);
  constexpr auto kPause = std::chrono::seconds(1);
  const engines::StepStatus* const begin = status.Find("begin");
  if (begin == nullptr || begin->phase == engines::Phase::kSucceeded) return Ok();
  const SteadyTime until = session.clock().Steady() + kPatience;
  bool said = false;
  for (;;) {
    // What cannot be read is for the end to say.
    const auto progress = runtime::ProgressOfBegin(tenant, status.record(), status.uid);
    if (!progress || *progress != runtime::BeginProgress::kHalfWay) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const bool at_work, runs.reader().IsAtWork(*begin));
    if (!at_work) return Ok();
    if (!std::exchange(said, true)) session.out().Say("waiting    begin: it is half-way");
    if (session.cancellation().is_set()) return Unavailable("interrupted");
    // It is dead, or finds that it has lost its lease.
    if (session.clock().Steady() >= until) return Ok();
    std::this_thread::sleep_for(kPause);
  }
}

// What its `end` would have done. Whoever cancels says with it that nothing of the run is to go on: what is still at
// work finds that it has lost its lease.
Result<runtime::StepReport> EndRun(Session& session, Ending ending,
                                   const engines::RunStatus& status) {
  const runtime::StepEnvironment env =
      StepEnvironmentOf(session, *ending.provider, std::move(*ending.tenant));
  return runtime::End(env, {status.uid, "", "Cancelled", false, status.record()});
}

}  // namespace

int SubmitToMistral(Session& session, const SubmitArguments& arguments) {
  const Output& out = session.out();
  const Error not_scheduled(ErrorCode::kUsage,
                            "--schedule starts nothing now: there is nothing to watch, and no "
                            "record to go on with");
  if (arguments.schedule && (arguments.watch || !arguments.record.empty()))
    return out.Fail(not_scheduled);
  const auto submission = OpenSubmission(arguments, WorkflowEngine::kMistral);
  if (!submission) return out.Fail(submission.error());
  // The other way to name one.
  if (arguments.schedule && !submission->record.empty())
    return out.Fail(Error(not_scheduled).While("--parameter record"));
  const OpenedWorkflow& workflow = submission->workflow;
  const auto definitions =
      ReadDefinitionSet(arguments.file, workflow.bundle.bundle, workflow.files.sha256);
  if (!definitions) return out.Fail(definitions.error());
  engine::NewExecution execution;
  execution.id = engine::NewExecutionId();
  execution.workflow = definitions->whole().name;
  execution.inputs = submission->parameters;
  // Said by us: the definition of that name may be somebody else's a moment later, and its defaults with it.
  execution.inputs["bundle"] = workflow.files.sha256;
  execution.inputs["provider"] = workflow.provider;
  SayBundle(execution, definitions->whole().bundle_input);
  execution.environment = EnvironmentOf(arguments.environment);
  execution.description = "Holdfast: " + std::string(NameOf(workflow.bundle.bundle.operation)) +
                          " of bundle " + workflow.files.sha256.substr(0, 12);
  std::optional<Value> trigger;
  if (arguments.schedule) {
    auto read = TriggerOf(arguments, *submission, execution.workflow);
    if (!read) return out.Fail(read.error());
    trigger = std::move(*read);
  }
  if (arguments.dry_run == "client" && trigger)
    return ShowUnsent(out, "cron-trigger", *trigger, *trigger);
  if (arguments.dry_run == "client") {
    Value names(Value::List{});
    for (const DefinitionFile& each : definitions->files)
      names.MutableList().emplace_back(each.name);
    const Value shown = Value()
                            .Set("definitions", std::move(names))
                            .Set("workflow_name", execution.workflow)
                            .Set("input", InputsOf(execution.inputs))
                            .Set("params", Value().Set("env", execution.environment));
    return ShowUnsent(out, "execution", shown, shown);
  }
  auto opened = OpenMistralRuns(session, arguments.cluster);
  if (!opened) return out.Fail(opened.error());
  MistralRuns& runs = **opened;
  if (const Status site = RequireSite(runs.api(), *definitions, execution.environment); !site)
    return out.Fail(site.error());
  // Whatever may refuse is asked before anything is written.
  const auto changes = CompareDefinitions(runs.api(), *definitions);
  if (!changes) return out.Fail(Error(changes.error()).While("submitting " + arguments.file));
  if (trigger) {
    if (const Status free = engine::CheckCronTrigger(runs.api(), *trigger); !free)
      return out.Fail(Error(free.error()).While("submitting " + arguments.file));
  }
  if (arguments.dry_run == "server") {
    if (const Status there = CheckRecordIsThere(session, *submission); !there)
      return out.Fail(there.error());
    const Status taken = CheckThere(out, runs.api(), *definitions, *changes);
    return taken ? 0 : out.Fail(taken.error());
  }
  const auto tenant = PutBundleIntoBank(
      session, workflow, submission->record.empty() ? BankUse::kWrite : BankUse::kRead);
  if (!tenant) return out.Fail(tenant.error());
  if (!submission->record.empty()) {
    if (const Status there =
            CheckRecord(*tenant, workflow.bundle.bundle.operation, submission->record);
        !there)
      return out.Fail(there.error());
  }
  // What a cron trigger is to start no record names until its first run begins, and gc would take it away. From the moment
  // at which the workflow is stored it is this one that the trigger starts, whatever becomes of this submit.
  if (trigger || MayBeScheduled(runs.api(), execution.workflow)) {
    if (const Status kept = runtime::PublishBundle(*tenant, workflow.files, true); !kept)
      return out.Fail(kept.error());
  }
  const auto stored = StoreDefinitions(out, runs.api(), *definitions);
  if (!stored) return out.Fail(Error(stored.error()).While("submitting " + arguments.file));
  RemoveOldParts(out, runs.api(), *definitions, *stored);
  if (const Status whole = ConfirmDefinitions(out, runs.api(), *definitions); !whole)
    return out.Fail(Error(whole.error()).While("submitting " + arguments.file));
  if (trigger) return StoreTrigger(out, runs.api(), *trigger);
  if (const Status started = engine::StartExecution(runs.api(), execution); !started)
    return out.Fail(Error(started.error()).While("submitting " + arguments.file));
  return Started(session, runs, execution, submission->record, arguments.watch);
}

namespace {

Value::List InputsIn(const engine::Definition& stored) {
  const Value* const inputs = stored.value.Find("input");
  return inputs != nullptr && inputs->is_list() ? inputs->AsList() : Value::List{};
}

// That of its bundle, which a definition of an earlier build does not have.
std::string BundleInputIn(const engine::Definition& stored, const std::string& bundle) {
  std::string name = mistral_words::BundleInputOf(bundle);
  for (const Value& input : InputsIn(stored)) {
    if (input.is_map() && input.Find(name) != nullptr) return name;
  }
  return {};
}

// The workflow of a run. kConflict where it is no more that of the run's bundle: another one of its name has other steps.
// `submit`: what stores it as it was.
Result<engine::Definition> StoredAsItWas(MistralRuns& runs, const engines::RunStatus& run,
                                         const std::string& bundle, const std::string& submit) {
  HOLDFAST_ASSIGN_OR_RETURN(auto stored, engine::StoredWorkflow(runs.api(), run.name));
  std::string now;
  if (stored) {
    for (const Value& input : InputsIn(*stored)) {
      if (input.is_map()) now = input.StringOr("bundle", now);
    }
  }
  if (stored && now == bundle) return std::move(*stored);
  return Error(ErrorCode::kConflict,
               "the workflow " + run.name + " in " + runs.Place() +
                   (stored ? " has been compiled anew since run " : " is gone since run ") +
                   run.uid)
      .Hint("with the file that it was then: " + submit);
}

}  // namespace

int StartAgainOnMistral(Session& session, const ClusterRunArguments& arguments, bool same_record) {
  const Output& out = session.out();
  auto opened = OpenMistralRuns(session, arguments.cluster);
  if (!opened) return out.Fail(opened.error());
  MistralRuns& runs = **opened;
  const auto status = runs.Find(arguments.run);
  if (!status) return out.Fail(status.error());
  const auto bundle = status->parameters.find("bundle");
  if (bundle == status->parameters.end()) {
    return out.Fail(
        InvalidInput("execution " + status->uid + " is none of ours: it has no input 'bundle'"));
  }
  if (const Status can = same_record ? CheckResumable(*status, runs.Options(), "cancel") : Ok();
      !can)
    return out.Fail(can.error());
  // A run whose begin is refused would say it, too, but not what ends that.
  if (same_record) {
    if (const Status is_free = CheckRecordIsFree(session, runs, *status); !is_free)
      return out.Fail(is_free.error());
  }
  const std::string environment =
      EnvironmentOf(arguments.environment.empty() ? status->environment : arguments.environment);
  if (const Status there = engine::RequireEnvironment(runs.api(), environment); !there)
    return out.Fail(there.error());
  const std::string submit = "'holdfast submit FILE --engine mistral" +
                             (same_record ? " --record " + status->record() : std::string()) + "'";
  const auto stored = StoredAsItWas(runs, *status, bundle->second, submit);
  if (!stored) return out.Fail(stored.error());
  if (const Status whole = CheckParts(session, runs.api(), *status, *stored,
                                      submit + " stores all of them, and starts it");
      !whole)
    return out.Fail(whole.error());
  // The parts took their time.
  const auto still = StoredAsItWas(runs, *status, bundle->second, submit);
  if (!still) return out.Fail(still.error());
  if (still->value != stored->value) {
    return out.Fail(Error(ErrorCode::kUnavailable, "somebody has just stored the workflow " +
                                                       status->name + " in " + runs.Place())
                        .Hint("the same again looks at what is there now"));
  }
  engine::NewExecution execution;
  execution.id = engine::NewExecutionId();
  execution.workflow = status->name;
  execution.environment = environment;
  execution.inputs = status->parameters;
  execution.inputs["record"] = same_record ? status->record() : "";
  SayBundle(execution, BundleInputIn(*still, bundle->second));
  execution.description =
      "Holdfast: " + std::string(same_record ? "goes on with" : "starts again") + " run " +
      status->uid;
  if (const Status started = engine::StartExecution(runs.api(), execution); !started)
    return out.Fail(started.error());
  return Started(session, runs, execution, same_record ? status->record() : "", arguments.watch);
}

int CancelOnMistral(Session& session, const ClusterRunArguments& arguments) {
  const Output& out = session.out();
  auto opened = OpenMistralRuns(session, arguments.cluster);
  if (!opened) return out.Fail(opened.error());
  MistralRuns& runs = **opened;
  auto status = runs.Find(arguments.run);
  if (!status) return out.Fail(status.error());
  auto ending = OpenEnding(session, *status);
  const std::string tail = " " + status->uid + runs.Options();
  const std::string again = ProgramCommand(session) + " cancel" + tail;
  const std::string clean_up = CleanUpCommand(session, *status);
  const bool cancelled = status->shutdown == engine::kCancelled;
  const auto has_ended = [&] {
    return Error(ErrorCode::kConflict, "run " + status->uid + " has ended already (" +
                                           std::string(NameOf(status->phase)) + ")");
  };
  if (!ending && ending.error().code() == ErrorCode::kInvalidInput) return out.Fail(ending.error());
  if (arguments.terminate || arguments.no_wait) {
    if (status->ended()) return out.Fail(has_ended());
    if (const Status asked = CancelAll(runs, *status); !asked) return out.Fail(asked.error());
    out.Say("cancelled run " + status->uid + ": no further step starts");
    out.Json("stopping", Value()
                             .Set("run", status->uid)
                             .Set("workflow", status->name)
                             .Set("strategy", engine::kCancelled)
                             .Set("next", Value::List{again}));
    out.Say("nothing was cleaned up: something may be at rest. This cleans up:");
    out.Say("  " + again);
    return 0;
  }
  // First of all: a run that cannot be cleaned up from here is not cancelled.
  if (!ending) return out.Fail(ending.error());
  if (status->ended() && !cancelled && !IsUnfinished(*ending->tenant, status->uid))
    return out.Fail(has_ended());
  if (const Status asked = CancelAll(runs, *status); !asked) return out.Fail(asked.error());
  if (status->shutdown != engine::kCancelled && !IsUnfinished(*ending->tenant, status->uid))
    return out.Fail(has_ended());
  if (!cancelled && status->shutdown == engine::kCancelled)
    out.Say("cancelled run " + status->uid + ": no further step starts");
  out.Json("stopping", Value()
                           .Set("run", status->uid)
                           .Set("workflow", status->name)
                           .Set("strategy", engine::kCancelled));
  const CancelOnSignals signals(session);
  Result<runtime::StepReport> ended = runtime::StepReport();
  const BankSection tenant = *ending->tenant;
  const auto taken = runtime::TakenOverFrom(tenant, status->uid);
  const bool is_taken = taken && *taken;
  if (is_taken) {
    const std::string by = "run " + Printable((*taken)->run);
    ended->message = (*taken)->deletes
                         ? by + " deletes its checkpoint (if that is dead, '" +
                               EndDeletionCommand(session, tenant, *status, (*taken)->run) +
                               "' brings it to its end)"
                     : (*taken)->goes_on ? by + " has taken its record over, and goes on with it"
                                         : by + " has brought its record to its end";
  } else if (Status began = AwaitBegin(session, runs, *status, tenant); !began) {
    ended = std::move(began).error();
  } else {
    out.Say(
        "running    end: cleans up what is owed, once the steps that are at work have given up");
    ended = EndRun(session, std::move(*ending), *status);
  }
  if (const int code = signals.exit_code(); code != 0) {
    out.Say("what is owed is not cleaned up; to go on with that:");
    out.Say("  " + again);
    return code;
  }
  if (!ended) {
    return out.Fail(Error(ended.error())
                        .While("the run is cancelled, and what it owes is not cleaned up")
                        .Hint("again: '" + again + "'; if that does not end it, and none of its " +
                              "steps is at work any more: '" + clean_up + "'"));
  }
  if (auto now = runs.Find(status->uid)) *status = std::move(*now);
  const std::string resume = ProgramCommand(session) + " resume" + tail;
  if (const std::string left =
          is_taken && (*taken)->goes_on ? "" : NotCleanedUp(tenant, status->uid);
      !left.empty()) {
    constexpr int kVerdict = static_cast<int>(ExitCode::kRunFailed);
    out.Json("run-ended", RunEnded(*status, true)
                              .Set("exit_code", kVerdict)
                              .Set("message", Printable(left))
                              .Set("next", Value::List{clean_up, resume}));
    out.Warn("the run was cancelled, and not all that was owed is cleaned up: " + left);
    SayHowToCleanUp(out, clean_up, resume);
    return kVerdict;
  }
  out.Json("run-ended", RunEnded(*status, true));
  if (ended->exit_code == ExitCode::kOk && status->phase == engines::Phase::kSucceeded) {
    out.Say("the run had done its work before it could be cancelled");
    return 0;
  }
  if (ended->exit_code == ExitCode::kOk) {
    out.Say("the run was cancelled, and nothing is owed: " +
            (ended->message.empty() ? "its record has ended well" : ended->message));
  } else {
    out.Say("the run was cancelled, and what was owed is cleaned up. To go on with its record:");
    out.Say("  " + resume);
  }
  return 0;
}

}  // namespace holdfast::cli
