#include <optional>

#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/cluster_progress.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/held_record.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/record_table.h"
#include "runtime/cli/run_engine.h"
#include "runtime/cli/watched_run.h"
#include "runtime/step/gc/gc.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

// What can be done next, in the order in which to try it, and what is to be said before it.
struct Next {
  std::string lead;  // empty: where there are commands, that they go on
  std::vector<std::string> commands;
  // Needs no engine, for when the first of them does not do it; may be empty.
  std::string last_resort = {};
};

// The run holds its record's lease, which keeps everybody else away: of one whose begin ended half-way, and that has no last
// step that gives it back.
bool HoldsALease(const BankSection& bank, const std::string& run) {
  const auto entry = runtime::ReadRun(bank, run);
  if (!entry || !*entry) return false;
  const auto lease = runtime::CurrentLease(bank, (*entry)->record);
  return lease && *lease && (*lease)->run == run && !(*lease)->released;
}

// After a begin that was refused, by the exit code that says why: only what may end otherwise than it did.
Next AfterRefusedBegin(Session& session, const engines::RunStatus& status, ExitCode why,
                       const std::optional<BankSection>& bank, const RunEngine& engine) {
  Next next;
  const std::string run = " " + ShellWord(status.handle);
  bool again = true;
  switch (why) {
    case ExitCode::kUsage:
    case ExitCode::kInvalidInput:
    case ExitCode::kNotFound:
    case ExitCode::kCorrupt:
      next.lead = "; started again it would be refused again, until that is mended. All of it:";
      again = false;
      break;
    case ExitCode::kDenied:
      next.lead = "; all of it, and, once that is mended, again:";
      break;
    case ExitCode::kLocked:
      next.lead = "; all of it, and, once what is in its way has ended, again:";
      break;
    default:
      break;
  }
  // The engine has no more than the beginning of what it says.
  if (why != ExitCode::kRunFailed)
    next.commands.push_back(ProgramCommand(session) + " logs" + run + " begin" + engine.Options());
  if (bank && HoldsALease(*bank, status.run()))
    next.commands.push_back(CleanUpCommand(session, status));
  // Of a run that was to go on with a record, it is that which goes on.
  const bool has_record = status.record() != status.run();
  if (again)
    next.commands.push_back(ProgramCommand(session) + (has_record ? " resume" : " resubmit") + run +
                            engine.Options());
  return next;
}

Next NextOf(Session& session, const engines::RunStatus& status, int verdict, bool cleaned_up,
            const std::optional<BankSection>& bank,
            const std::optional<runtime::RecordReport>& report, RunEngine& engine) {
  Next next;
  const std::string tail = " " + ShellWord(status.handle) + engine.Options();
  // What its last step is yet to clean up, nobody else may.
  if (!cleaned_up) {
    next.commands.push_back(ProgramCommand(session) + " watch" + tail);
    return next;
  }
  // All that is in the file is protected, and the file is what is wrong.
  if (verdict == 0 || (report && report->drift && report->drift->fails() &&
                       report->summary.state == runtime::RecordState::kAvailable)) {
    return next;
  }
  const bool failed = verdict == static_cast<int>(ExitCode::kRunFailed);
  const bool stopped = verdict == static_cast<int>(ExitCode::kRunStopped);
  // Also one that has said nothing: it could not be started, or was killed each time.
  const engines::StepStatus* const begin = status.Find("begin");
  if (!stopped && (!failed || (begin != nullptr && begin->failed())))
    return AfterRefusedBegin(session, status, ExitCode{verdict}, bank, engine);
  const bool working = report && IsWorking(report->summary.state);
  if (working && bank) {
    const auto taken = runtime::TakenOverFrom(*bank, status.run());
    if (taken && *taken) {
      const bool deletes = (*taken)->deletes;
      next.lead = "; run " + Printable((*taken)->run) +
                  (deletes ? " deletes its checkpoint, and nothing else is owed"
                           : " has taken its record over, and goes on with it");
      const std::string end_deletion =
          deletes ? EndDeletionCommand(session, *bank, status, (*taken)->run) : "";
      if (engine.Find((*taken)->run)) {
        next.lead += ":";
        next.commands.push_back(ProgramCommand(session) + " watch " + ShellWord((*taken)->run) +
                                engine.Options());
        next.last_resort = end_deletion;
      } else if (deletes) {
        next.lead += "; if that is dead:";
        next.commands.push_back(end_deletion);
      }
      return next;
    }
  }
  // The bank has all of it, and only the engine does not know that. A checkpoint that was deleted since is no more whole.
  const bool whole = report && report->summary.damage.empty() && !working &&
                     report->summary.state != runtime::RecordState::kError &&
                     (report->summary.kind != runtime::RecordKind::kCheckpoint ||
                      report->summary.state == runtime::RecordState::kAvailable);
  if (failed && whole) {
    next.lead =
        "; all the same its record is whole, and nothing is to be done again. Why it failed:";
    next.commands.push_back(ProgramCommand(session) + " logs" + tail);
    return next;
  }
  const bool uncleaned = report && !report->states.empty() && report->states.back().uncleaned != 0;
  // After Terminate nobody has cleaned up.
  if (bank && (working || (!report && status.shutdown == "Terminate"))) {
    next.commands.push_back(engine.CleanUp(status));
    const std::string clean_up = CleanUpCommand(session, status);
    if (next.commands.front() != clean_up) next.last_resort = clean_up;
  } else if (bank && uncleaned) {
    // Its last step has tried, and no engine has anything left to end.
    next.commands.push_back(CleanUpCommand(session, status));
  }
  if (failed) next.commands.push_back(ProgramCommand(session) + " logs" + tail);
  const bool goes_on = !report || working || report->summary.state == runtime::RecordState::kError;
  next.commands.push_back(ProgramCommand(session) + (goes_on ? " resume" : " resubmit") + tail);
  return next;
}

// So long ago that the bank may have forgotten it: of what is deleted it remembers some days.
bool IsLongOver(const Session& session, const engines::RunStatus& status) {
  const auto finished = ParseTime(status.finished);
  return finished && session.clock().Now() - *finished > runtime::GcOptions().tombstone_age;
}

}  // namespace

int WatchRun(Session& session, RunEngine& engine, const std::string& handle) {
  const Output& out = session.out();
  const CancelOnSignals signals(session);
  std::optional<ClusterProgress> progress;
  std::optional<engines::RunStatus> last;
  std::optional<BankSection> bank;
  const Status followed = engine.Follow(handle, [&](engines::RunStatus status, bool all_steps) {
    if (!progress) {
      bank = BankOfRun(session, status);
      progress.emplace(out, bank);
      out.Say("watching " + std::string(status.part_of.empty() ? "run " : "a part of run ") +
              status.run() + ", workflow " + status.name + " in " + engine.Place());
      WarnOfUnreadableNodes(out, status);
      Value started = Value()
                          .Set("run", status.run())
                          .Set("workflow", status.name)
                          .Set("record", status.record());
      if (!status.name_space.empty()) started.Set("namespace", status.name_space);
      if (!status.part_of.empty()) started.Set("part_of", status.part_of);
      out.Json("run-started", std::move(started));
    }
    const bool ended = status.ended();
    progress->Show(status, all_steps);
    last = std::move(status);
    return !ended;
  });
  if (progress) progress->End();
  const bool cleaned_up = followed && engine.AwaitLastStep(bank, *last);
  if (const int code = signals.exit_code(); code != 0 && !cleaned_up) {
    out.Say("the run goes on; to watch it again:");
    out.Say("  " + ProgramCommand(session) + " watch " + ShellWord(handle) + engine.Options());
    return code;
  }
  if (!followed) {
    Error error = followed.error();
    if (error.code() == ErrorCode::kUnavailable) {
      error = std::move(error).Hint("the run goes on; 'holdfast watch " + ShellWord(handle) +
                                    engine.Options() + "' looks again");
    }
    if (error.code() == ErrorCode::kNotFound && last)
      error = std::move(error).Hint("it is gone; if nothing of it is to go on, '" +
                                    CleanUpCommand(session, *last) + "' cleans up");
    return out.Fail(error);
  }
  int code = engines::VerdictOf(*last);
  const bool is_part = !last->part_of.empty();
  std::optional<runtime::RecordReport> record;
  std::string no_success;
  if (bank && !is_part) {
    auto report = runtime::ReportOfRun(*bank, last->run());
    if (code == 0 && report) no_success = WhyNoSuccess(report);
    if (!no_success.empty()) code = static_cast<int>(ExitCode::kRunFailed);
    if (report) {
      ShowRecordReport(out, *report, Showing::kAtTheEndOfARun);
      record = std::move(*report);
    } else if (report.error().code() != ErrorCode::kNotFound) {
      out.Warn(report.error().OneLine());
    } else if (code == 0 && !IsLongOver(session, *last)) {
      // Perhaps this machine's provider has another bank than the engine's.
      out.Warn(WhyNoSuccess(report));
    }
  }
  WarnOfLostPods(out, *last);
  // A part that ended says nothing of the whole, which has the record, and goes on or ends by itself.
  const Next next = is_part ? Next{"; the whole run:",
                                   {ProgramCommand(session) + " watch " +
                                    ShellWord(engine.WholeOf(*last)) + engine.Options()}}
                            : NextOf(session, *last, code, cleaned_up, bank, record, engine);
  // The engine knows success and failure alone.
  // Of this run: a later one on its record may have ended so.
  const bool denied = code == static_cast<int>(ExitCode::kRunFailed) && record &&
                      !record->states.empty() && record->states.back().denied &&
                      record->states.back().run == last->run();
  const int exit_code = denied ? static_cast<int>(ExitCode::kDenied) : code;
  Value ended = RunEnded(*last, cleaned_up);
  if (denied || !no_success.empty()) ended.Set("exit_code", exit_code);
  if (!no_success.empty()) ended.Set("message", no_success);
  if (!last->message.empty()) ended.Set("message", Printable(last->message));
  if (code != 0) ended.Set("next", Value::List(next.commands.begin(), next.commands.end()));
  out.Json("run-ended", std::move(ended));
  std::string text = is_part ? "the part" : "the run";
  text += code == 0                                         ? " succeeded"
          : code == static_cast<int>(ExitCode::kRunStopped) ? " was stopped"
          : code == static_cast<int>(ExitCode::kRunFailed)  ? " failed"
                                                            : " did not begin";
  if (!no_success.empty()) text += ": " + no_success;
  if (code != 0 && last->shutdown.empty() && !last->message.empty() && !RepeatsAStep(*last))
    text += ": " + last->message;
  if (const engines::StepStatus* const begin = last->Find("begin");
      last->shutdown.empty() && begin != nullptr && begin->exit_code.value_or(0) != 0 &&
      !begin->message.empty()) {
    text += ": " + begin->message;
  }
  if (!cleaned_up) {
    out.Say(text);
    SayLastStepIsAwaited(session, *last, next.commands.front());
    return exit_code;
  }
  text += next.lead.empty() && !next.commands.empty() ? "; to go on:" : next.lead;
  if (next.commands.empty() && code != 0 && record && record->drift)
    text += "; there is drift: 'holdfast plan discover', compile and submit again";
  // Nothing else says it where no words are wanted.
  if (!no_success.empty() && out.quiet())
    out.Warn(text);
  else
    out.Say(text);
  for (const std::string& command : next.commands) out.Say("  " + command);
  if (!next.last_resort.empty()) {
    out.Say("if the first does not end it, and none of its steps is at work any more:");
    out.Say("  " + next.last_resort);
  }
  return exit_code;
}

int WatchWorkflow(Session& session, const ClusterRunArguments& arguments) {
  const auto engine = OpenRunEngine(session, arguments.cluster);
  if (!engine) return session.out().Fail(engine.error());
  const auto handle = (*engine)->HandleOf(arguments.run);
  if (!handle) return session.out().Fail(handle.error());
  // Who watches is patient with a Mistral that is away, but not with one that was never there.
  if (arguments.cluster.engine == kMistralEngine) {
    if (const auto run = (*engine)->Find(*handle); !run) return session.out().Fail(run.error());
  }
  return WatchRun(session, **engine, *handle);
}

}  // namespace holdfast::cli
