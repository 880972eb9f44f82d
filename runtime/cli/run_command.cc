#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>

#include "plugins/sdk/run_start.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/record_table.h"
#include "runtime/cli/run_progress.h"
#include "runtime/cli/step_log.h"
#include "runtime/local/engine.h"
#include "runtime/local/stop_signals.h"
#include "runtime/step/rival.h"
#include "runtime/store/layout.h"
#include "runtime/store/listing.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

// The exit code of a run is its verdict: what the record says, and the engine's where there is no
// record (begin was refused).
int ExitCodeOf(const local::RunOutcome& outcome) {
  if (outcome.stopped) return static_cast<int>(ExitCode::kRunStopped);
  if (outcome.phase == local::Phase::kSucceeded) return 0;
  for (const local::NodeOutcome& node : outcome.nodes) {
    // A refused begin says why: locked, not found, invalid.
    if (node.info.task == "begin" && node.info.exit_code && *node.info.exit_code != 0)
      return *node.info.exit_code;
  }
  for (const local::NodeOutcome& node : outcome.nodes) {
    // Nothing was found out about a checkpoint that nobody let it read.
    if (node.info.task == "end" && node.info.exit_code == static_cast<int>(ExitCode::kDenied))
      return *node.info.exit_code;
  }
  return static_cast<int>(ExitCode::kRunFailed);
}

// Where begin was refused there is no record that could say why, and nothing else happened: the one
// thing that a user has to read. nullopt where it succeeded, or was stopped.
std::optional<Error> WhyItDidNotBegin(const local::RunOutcome& outcome) {
  if (outcome.stopped) return std::nullopt;
  int code = 0;
  std::string reason;
  for (const local::NodeOutcome& node : outcome.nodes) {
    if (node.info.task != "begin") continue;
    // The last try's, of which the whole has the code.
    if (node.info.exit_code) code = *node.info.exit_code;
    if (node.log_file.empty()) continue;
    reason = ReasonInLog(node.log_file);
    if (reason.empty()) reason = Printable(node.info.message);
  }
  if (code == 0) return std::nullopt;
  ErrorCode of = ErrorCode::kInternal;
  for (const ErrorCode candidate :
       {ErrorCode::kUsage, ErrorCode::kInvalidInput, ErrorCode::kNotFound, ErrorCode::kLocked,
        ErrorCode::kCorrupt, ErrorCode::kDenied, ErrorCode::kUnavailable}) {
    if (static_cast<int>(ExitCodeOf(candidate)) == code) of = candidate;
  }
  return Error(of, "the run did not begin: " + reason);
}

// What has become of an earlier run of the file, by its folder here and its record in the bank.
struct Earlier {
  std::string run;
  std::string start;         // which one of it
  bool seen_to_end = false;  // its engine did: nothing of it lives
  std::string what;          // "run X has ended (Failed)"
  bool ended = false;        // there is nothing in the run itself to resume
  std::string record;        // that it worked on; empty when it never began
  runtime::RecordKind kind = runtime::RecordKind::kCheckpoint;
  std::optional<runtime::RecordState> state;
};

// nullopt: there is none. One that was interrupted has ended all the same when somebody else (gc)
// has brought its record to an end since.
Result<std::optional<Earlier>> FindEarlier(const BankSection& tenant,
                                           const local::RunOptions& options) {
  local::RunOptions which = options;
  if (!options.resume) which.run_id.clear();  // that is the new one's
  HOLDFAST_ASSIGN_OR_RETURN(const auto run, local::FindEarlierRun(which));
  if (!run) return std::optional<Earlier>();
  Earlier earlier;
  earlier.run = run->run_id;
  earlier.seen_to_end = !run->phase.empty();
  earlier.ended = earlier.seen_to_end;
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, runtime::ReadRun(tenant, run->run_id));
  earlier.start = run->start_id;
  if (entry && MayBeOfStart(entry->start, entry->started, run->start_id, run->start)) {
    HOLDFAST_ASSIGN_OR_RETURN(const runtime::Record record,
                              runtime::Record::Open(tenant, entry->kind, entry->record));
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
    earlier.record = entry->record;
    earlier.kind = entry->kind;
    if (state) earlier.state = state->state;
  }
  earlier.what = "run " + Printable(run->run_id) + " has ended (" + run->phase + ")";
  if (!earlier.ended && earlier.state && !IsWorking(*earlier.state)) {
    earlier.ended = true;
    earlier.what = "run " + Printable(run->run_id) + " was interrupted, and its clean-ups are made";
  }
  return std::optional<Earlier>(std::move(earlier));
}

// A run that was stopped, or failed, has come to its end: its clean-ups are made, and there is
// nothing in it to resume. Whoever says --resume wants the work to go on all the same, and a new
// run of the same file on its record does that. Empty where the run itself is resumed.
Result<std::string> RecordToGoOnWith(const Output& out, const std::optional<Earlier>& earlier,
                                     const local::RunOptions& options) {
  if (!earlier || !earlier->ended) return std::string();
  if (earlier->record.empty()) {
    return Error(ErrorCode::kConflict,
                 earlier->what + " without having begun: there is nothing to resume")
        .Hint("holdfast run " + options.file);
  }
  if (earlier->state && *earlier->state != runtime::RecordState::kError &&
      !IsWorking(*earlier->state)) {
    return Error(ErrorCode::kConflict,
                 fmt::format("{}, and its {} {} is {}: there is nothing to resume", earlier->what,
                             runtime::NameOf(earlier->kind), earlier->record,
                             runtime::NameOf(*earlier->state)))
        .Hint("'holdfast run " + options.file + "' starts anew");
  }
  out.Say(earlier->what + "; a new run goes on with its record, as with --record " +
          earlier->record);
  return earlier->record;
}

// `latest` means the newest one wherever an id is asked for, so nothing can be called that.
Status RefuseLatest(const std::string& id, std::string_view option) {
  if (id != "latest") return Ok();
  return Error(ErrorCode::kUsage, std::string(option) + ": nothing can be called 'latest'");
}

// --record goes on with what is there: a typing error must not begin something new.
Status CheckRecordIsThere(const BankSection& tenant, Operation operation, const std::string& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const runtime::Record record,
                            runtime::Record::Open(tenant, runtime::RecordKindOf(operation), id));
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (head) return Ok();
  return NotFound(fmt::format("there is no {} {}", runtime::NameOf(record.kind()), Printable(id)))
      .Hint("--record goes on with one that is there; --run-id names a new one");
}

// The preparations: while they wait for a slot, something may be held at rest, so they go before
// the copies.
std::set<std::string> PreparationsOf(const LoadedBundle& bundle) {
  std::set<std::string> names;
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleStep& step : shard.steps) {
      const bool prepares = std::all_of(
          step.activities.begin(), step.activities.end(), [](const BundleActivity& activity) {
            return activity.kind == ActivityKind::kPre || activity.kind == ActivityKind::kPreFinish;
          });
      if (prepares) names.insert(step.name);
    }
  }
  return names;
}

// The record that the workflow's parameters name; empty: none.
std::string NamedRecord(const std::map<std::string, std::string>& parameters) {
  const auto record = parameters.find("record");
  return record == parameters.end() ? "" : record->second;
}

// The id of the record that a run works on.
std::string RecordOf(const local::RunOutcome& outcome) {
  std::string named = NamedRecord(outcome.parameters);
  return named.empty() ? outcome.run_id : named;
}

// kNotFound where it never began: also where another start of its id did.
Result<runtime::RecordReport> ReportOf(const BankSection& tenant,
                                       const local::RunOutcome& outcome) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, runtime::ReadRun(tenant, outcome.run_id));
  if (entry && !MayBeOfStart(entry->start, entry->started, outcome.start_id, outcome.start))
    return NotFound(fmt::format("this start of run {} never began", outcome.run_id));
  return runtime::ReportOfRun(tenant, outcome.run_id);
}

// Of a run of which nothing lives: what leases it still has.
Status GiveBackLeases(const BankSection& tenant, const Bundle& bundle, const std::string& record,
                      const std::string& run, const std::string& start) {
  HOLDFAST_RETURN_IF_ERROR(runtime::ReleaseLeaseOf(tenant, record, run, start));
  if (bundle.operation != Operation::kDelete) return Ok();
  return runtime::ReleaseLeaseOf(tenant, bundle.checkpoint, run, start);
}

// Caught until the process ends, not until the run does: what is printed then has the commands that
// go on from there, and one more Ctrl-C must not lose them.
Result<local::StopSignals*> StopSignalsOfThisProcess() {
  static std::optional<local::StopSignals> signals;
  if (!signals) {
    HOLDFAST_ASSIGN_OR_RETURN(local::StopSignals caught, local::StopSignals::Catch());
    signals.emplace(std::move(caught));
  }
  return &*signals;
}

// A run whose bank went away at its end could not give back its lease. Its engine saw it to its end, here, so nothing of it lives:
// whoever comes next need not wait until the lease expires, nor be told to call gc. (The begin brings to its end what is
// in its way.)
Status GiveBackLeasesOfEndedRuns(const Output& out, const BankSection& tenant,
                                 const local::RunOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, runtime::ListUnfinished(tenant));
  for (const runtime::Unfinished& one : unfinished) {
    const auto lease = runtime::CurrentLease(tenant, one.record);
    // What is damaged is for the begin to find, or for gc.
    if (!lease && lease.error().code() == ErrorCode::kCorrupt) continue;
    if (!lease) return lease.error();
    if (!*lease || (*lease)->released || !runtime::CheckId((*lease)->run)) continue;
    local::RunOptions which = options;
    which.run_id = (*lease)->run;
    HOLDFAST_ASSIGN_OR_RETURN(const auto earlier, local::FindEarlierRun(which));
    if (!earlier || earlier->phase.empty()) continue;
    // Another start of this id may be at work, elsewhere.
    if ((*lease)->start != earlier->start_id) continue;
    HOLDFAST_RETURN_IF_ERROR(
        runtime::ReleaseLeaseOf(tenant, one.record, which.run_id, earlier->start_id));
    if (one.kind == runtime::RecordKind::kDeletion) {
      HOLDFAST_RETURN_IF_ERROR(
          runtime::ReleaseLeaseOf(tenant, one.checkpoint, which.run_id, earlier->start_id));
    }
    out.Say(fmt::format("run {} had ended ({}) and still held the {} {}: given back", which.run_id,
                        earlier->phase, runtime::NameOf(one.kind), one.record));
  }
  return Ok();
}

// Shows a run, and gives back at its end what leases it still has: one whose `end` was kept from
// its work (Terminate) or failed. Nothing of it lives by then, so nobody has to wait until they
// expire.
class RunOnRecord final : public RunProgress {
 public:
  RunOnRecord(const Output& out, const BankSection& tenant, const Bundle& bundle)
      : RunProgress(out, bundle.steps + 2), out_(out), tenant_(tenant), bundle_(bundle) {}

  // While stop signals are still caught: who presses Ctrl-C once more must not come in between.
  void RunEnded(const local::RunOutcome& outcome) override {
    RunProgress::RunEnded(outcome);
    if (Status given =
            GiveBackLeases(tenant_, bundle_, RecordOf(outcome), outcome.run_id, outcome.start_id);
        !given)
      out_.Warn("the lease could not be given back: " + given.error().OneLine());
  }

 private:
  const Output& out_;
  const BankSection& tenant_;
  const Bundle& bundle_;
};

// What came of a run that did not succeed, and the commands that go on from there, in the order in
// which to try them.
struct WhatNext {
  std::string text;
  std::vector<std::string> commands;
};

// What the steps of a run brought to rest, or may have, and no step let go on, as the engine saw it.
std::vector<std::string> LeftAtRest(const LoadedBundle& bundle, const local::RunOutcome& outcome) {
  if (bundle.bundle.operation != Operation::kProtect) return {};
  std::set<std::string> began;
  std::set<std::string> succeeded;
  for (const local::NodeOutcome& node : outcome.nodes) {
    if (node.start) began.insert(node.info.task);
    if (node.info.exit_code == 0) succeeded.insert(node.info.task);
  }
  std::set<std::string> left;
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleResource& resource : shard.resources) {
      const PluginDescriptor* const plugin = bundle.FindPlugin(resource.plugin);
      const auto step = [&resource](ActivityKind kind) { return resource.StepOf(kind); };
      if (plugin == nullptr || !plugin->quiesces || !began.contains(step(ActivityKind::kPre)) ||
          succeeded.contains(step(ActivityKind::kPreFinish)) ||
          succeeded.contains(step(ActivityKind::kPost))) {
        continue;
      }
      left.insert(Printable(resource.resource.key.str()));
    }
  }
  return {left.begin(), left.end()};
}

// What a run does next whose begin was refused, beside what that said itself: where it gave way to
// another run that is not ended, the commands that end that one, should its engine be dead.
Status AddWaysPastARival(Session& session, const RunArguments& arguments,
                         const OpenedWorkflow& workflow, const BankSection& tenant,
                         const local::RunOutcome& outcome, WhatNext& next) {
  HOLDFAST_ASSIGN_OR_RETURN(runtime::StoredBundle bundle,
                            runtime::StoredBundle::Open(tenant, workflow.bundle.sha256));
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const own,
                            session.OpenProvider(workflow.provider, Session::Warnings::kLeave));
  const auto protection = [own](std::string_view type) { return own->ProtectionFor(type); };
  HOLDFAST_ASSIGN_OR_RETURN(const auto rival,
                            runtime::FindRival(tenant, protection, RecordOf(outcome), bundle));
  if (!rival || rival->run.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const ProviderFolder* const providers, session.providers());
  HOLDFAST_ASSIGN_OR_RETURN(
      const ProviderConfig* const provider,
      providers->Find(rival->head ? rival->head->provider_id : workflow.provider));
  const std::string record = arguments.record.empty() ? "" : RecordOf(outcome);
  next.text += "; once run " + rival->run +
               " has ended, the second of these starts anew; should its "
               "engine be dead, the first ends it:";
  next.commands.push_back(GcCommand(session, *provider, rival->run));
  next.commands.push_back(RunCommand(session, arguments, record));
  return Ok();
}

bool HasBegun(const local::RunOutcome& outcome) {
  return std::any_of(outcome.nodes.begin(), outcome.nodes.end(),
                     [](const local::NodeOutcome& node) {
                       return node.info.task == "begin" && node.info.exit_code == 0;
                     });
}

Result<WhatNext> NextAfter(Session& session, const RunArguments& arguments,
                           const OpenedWorkflow& workflow, const BankSection& tenant,
                           const local::RunOutcome& outcome, const runtime::RecordReport* report,
                           bool unreadable, bool unreachable) {
  WhatNext next;
  next.text = outcome.stopped ? "the run was stopped" : "the run failed";
  if (!outcome.stopped && !outcome.message.empty()) next.text += ": " + outcome.message;
  if (!outcome.stopped) next.text += "; logs are in " + outcome.run_folder;
  if (unreadable) {
    HOLDFAST_ASSIGN_OR_RETURN(const Provider* const provider,
                              session.OpenProvider(workflow.provider));
    const std::vector<std::string> left = LeftAtRest(workflow.bundle, outcome);
    next.text += "; its record cannot be read";
    if (!left.empty()) next.text += ", and may be STILL at rest: " + Join(left, ", ");
    next.text +=
        ". The first of these lets go on what is at rest, and ends the run; where that leaves the "
        "record in error, the second goes on with it:";
    next.commands.push_back(GcCommand(session, provider->config(), outcome.run_id));
    next.commands.push_back(RunCommand(session, arguments, RecordOf(outcome)));
    return next;
  }
  if (unreachable && HasBegun(outcome)) {
    const std::vector<std::string> left = LeftAtRest(workflow.bundle, outcome);
    next.text += "; its bank does not answer";
    if (!left.empty()) next.text += ", and may be STILL at rest: " + Join(left, ", ");
    next.text +=
        ". Once the bank does, this lets go on what is at rest, and goes on with what is stored:";
    next.commands.push_back(RunCommand(session, arguments, RecordOf(outcome)));
    return next;
  }
  if (report == nullptr) {
    // Refused, which says itself what to do, or stopped before it had begun.
    if (!outcome.stopped) {
      if (ExitCodeOf(outcome) == static_cast<int>(ExitCode::kLocked)) {
        HOLDFAST_RETURN_IF_ERROR(
            AddWaysPastARival(session, arguments, workflow, tenant, outcome, next));
      }
      return next;
    }
    next.text += " before it had begun; to start anew:";
    next.commands.push_back(RunCommand(session, arguments, ""));
    return next;
  }
  const runtime::RecordSummary& summary = report->summary;
  if (IsWorking(summary.state)) {
    HOLDFAST_ASSIGN_OR_RETURN(const Provider* const provider,
                              session.OpenProvider(workflow.provider));
    if (outcome.stopped) next.text = "the run was terminated";
    next.commands.push_back(GcCommand(session, provider->config(), outcome.run_id));
    if (report->operation == Operation::kDelete) {
      next.text += "; this carries the deletion on:";
      return next;
    }
    next.text +=
        ", and may have left something at rest. The first of these cleans up; where that leaves "
        "the record in error, the second goes on with it:";
    next.commands.push_back(RunCommand(session, arguments, summary.id));
  } else if (summary.state == runtime::RecordState::kError) {
    if (!report->states.empty() && report->states.back().uncleaned != 0) {
      HOLDFAST_ASSIGN_OR_RETURN(const Provider* const provider,
                                session.OpenProvider(workflow.provider));
      next.text +=
          "; what its reason names first may be at rest, or have left something behind. "
          "The first of these cleans up once that can succeed, the second goes on with its "
          "record:";
      next.commands.push_back(GcCommand(session, provider->config(), outcome.run_id));
    } else {
      next.text += "; to go on with its record, where what is finished is kept:";
    }
    next.commands.push_back(RunCommand(session, arguments, summary.id));
  } else if (report->drift && report->drift->fails()) {
    // All that is in the file is protected: the record has nothing to go on with.
    next.commands = CompileAgainCommands(session, arguments, summary.plan, workflow.is_template);
    next.text += "; there is drift";
    if (!next.commands.empty()) next.text += "; to protect what is there now:";
  }
  return next;
}

}  // namespace

int RunWorkflowFile(Session& session, const RunArguments& arguments) {
  const Output& out = session.out();
  auto parameters = ParseAssignments(arguments.parameters);
  if (!parameters) return out.Fail(parameters.error());
  for (const Status& status :
       {RefuseLatest(arguments.run_id, "--run-id"), RefuseLatest(arguments.record, "--record")}) {
    if (!status) return out.Fail(status.error());
  }
  // The other way to name it.
  if (const auto given = parameters->find("record");
      given != parameters->end() && !given->second.empty()) {
    if (Status known = runtime::CheckId(given->second); !known)
      return out.Fail(std::move(known).error().While("--parameter record"));
  }
  if (!arguments.record.empty()) (*parameters)["record"] = arguments.record;
  if (arguments.fail_fast) (*parameters)["fail-fast"] = "true";
  const auto workflow =
      OpenWorkflow(arguments.file, arguments.bundle, arguments.templates, *parameters);
  if (!workflow) return out.Fail(workflow.error());
  if (const Status ours = RefuseOtherEngines(*workflow, "'holdfast run'"); !ours)
    return out.Fail(ours.error());
  const bool goes_on = arguments.resume || !NamedRecord(workflow->parameters).empty();
  const auto tenant =
      PutBundleIntoBank(session, *workflow, goes_on ? BankUse::kRead : BankUse::kWrite);
  if (!tenant) return out.Fail(tenant.error());
  if (!arguments.record.empty()) {
    const Status there =
        CheckRecordIsThere(*tenant, workflow->bundle.bundle.operation, arguments.record);
    if (!there) return out.Fail(there.error());
  }

  local::RunOptions options;
  options.file = arguments.file;
  options.template_folders = workflow->template_folders;
  options.parameters = *parameters;
  options.run_id = arguments.run_id;
  options.work_folder = arguments.work_folder;
  options.jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1U, std::thread::hardware_concurrency());
  options.first = PreparationsOf(workflow->bundle);
  options.resume = arguments.resume;
  options.abandon_interrupted = arguments.abandon;
  options.step_binary = StepBinary();
  options.environment["HOLDFAST_PROVIDER_CONFIG_DIR"] = session.provider_folder_path();
  const auto earlier = FindEarlier(*tenant, options);
  if (!earlier) return out.Fail(earlier.error());
  // Nothing is left that only the interrupted run would clean up.
  if (*earlier && (*earlier)->ended) options.abandon_interrupted = true;
  if (options.resume) {
    auto record = RecordToGoOnWith(out, *earlier, options);
    if (!record) return out.Fail(record.error());
    if (!record->empty()) {
      // Its engine may have failed to (a bank that was full).
      if ((*earlier)->seen_to_end) {
        const Status given = GiveBackLeases(*tenant, workflow->bundle.bundle, *record,
                                            (*earlier)->run, (*earlier)->start);
        if (!given) return out.Fail(given.error());
      }
      options.resume = false;
      options.run_id.clear();
      options.parameters["record"] = std::move(*record);
    }
  }
  if (!options.resume) {
    if (Status given = GiveBackLeasesOfEndedRuns(out, *tenant, options); !given)
      return out.Fail(std::move(given).error());
  }
  const auto signals = StopSignalsOfThisProcess();
  if (!signals) return out.Fail(signals.error());
  options.stop_signals = *signals;
  const Output silent(out.json(), true);
  RunOnRecord progress(arguments.brief ? silent : out, *tenant, workflow->bundle.bundle);
  const auto outcome = local::RunWorkflow(options, progress);
  if (!outcome) return out.Fail(outcome.error());

  const auto report = ReportOf(*tenant, *outcome);
  int code = ExitCodeOf(*outcome);
  const std::string no_success = code == 0 ? WhyNoSuccess(report) : "";
  if (!no_success.empty()) code = static_cast<int>(ExitCode::kRunFailed);
  const bool shown = !arguments.brief || out.json() || code != 0;
  if (report) {
    if (shown) ShowRecordReport(out, *report, Showing::kAtTheEndOfARun);
  } else if (report.error().code() != ErrorCode::kNotFound) {
    out.Warn(report.error().OneLine());
  }
  if (const auto why = WhyItDidNotBegin(*outcome)) out.Fail(*why);
  Value ended = Value()
                    .Set("run", outcome->run_id)
                    .Set("phase", local::NameOf(outcome->phase))
                    .Set("stopped", outcome->stopped)
                    .Set("exit_code", code);
  WhatNext next{"the run succeeded", {}};
  if (!no_success.empty()) {
    ended.Set("message", no_success);
    next.text = "the run failed: " + no_success;
  } else if (code != 0) {
    const bool unreadable = !report && report.error().code() == ErrorCode::kCorrupt;
    const bool unreachable = !report && report.error().code() == ErrorCode::kUnavailable;
    auto found = NextAfter(session, arguments, *workflow, *tenant, *outcome,
                           report ? &*report : nullptr, unreadable, unreachable);
    if (!found) return out.Fail(found.error());
    next = std::move(*found);
    ended.Set("next", Value::List(next.commands.begin(), next.commands.end()));
  }
  out.Json("run-ended", std::move(ended));
  // Nothing else says it where no words are wanted.
  if (!no_success.empty() && out.quiet())
    out.Warn(next.text);
  else if (shown)
    out.Say(next.text);
  for (const std::string& command : next.commands) out.Say("  " + command);
  return code;
}

}  // namespace holdfast::cli
