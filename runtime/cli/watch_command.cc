#include <optional>

#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/cluster_progress.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/record_table.h"
#include "runtime/cli/run_engine.h"
#include "runtime/cli/watched_run.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

namespace {

std::vector<std::string> NextCommands(Session& session, const engines::RunStatus& status,
                                      int verdict, bool cleaned_up,
                                      const std::optional<BankSection>& bank,
                                      const std::optional<runtime::RecordReport>& report,
                                      RunEngine& engine) {
  std::vector<std::string> commands;
  const std::string tail = " " + ShellWord(status.handle) + engine.Options();
  // What its last step is yet to clean up, nobody else may.
  if (!cleaned_up) return {ProgramCommand(session) + " watch" + tail};
  // All that is in the file is protected, and the file is what is wrong.
  if (verdict == 0 || (report && report->drift && report->drift->fails() &&
                       report->summary.state == runtime::RecordState::kAvailable)) {
    return commands;
  }
  const bool working = report && IsWorking(report->summary.state);
  const bool uncleaned = report && !report->states.empty() && report->states.back().uncleaned != 0;
  // After Terminate nobody has cleaned up.
  if (bank && (working || uncleaned || (!report && status.shutdown == "Terminate")))
    commands.push_back(engine.CleanUp(status));
  if (verdict == static_cast<int>(ExitCode::kRunFailed))
    commands.push_back(ProgramCommand(session) + " logs" + tail);
  const bool goes_on = !report || working || report->summary.state == runtime::RecordState::kError;
  const bool began = verdict == static_cast<int>(ExitCode::kRunFailed) ||
                     verdict == static_cast<int>(ExitCode::kRunStopped);
  commands.push_back(ProgramCommand(session) + (began && goes_on ? " resume" : " resubmit") + tail);
  return commands;
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
  const int code = engines::VerdictOf(*last);
  const bool is_part = !last->part_of.empty();
  std::optional<runtime::RecordReport> record;
  if (bank && !is_part) {
    if (auto report = runtime::ReportOfRun(*bank, last->run())) {
      ShowRecordReport(out, *report, Showing::kAtTheEndOfARun);
      record = std::move(*report);
    } else if (report.error().code() != ErrorCode::kNotFound) {
      out.Warn(report.error().OneLine());
    }
  }
  WarnOfLostPods(out, *last);
  // A part that ended says nothing of the whole, which has the record, and goes on or ends by itself.
  const std::vector<std::string> next =
      is_part ? std::vector<std::string>{ProgramCommand(session) + " watch " +
                                         ShellWord(engine.WholeOf(*last)) + engine.Options()}
              : NextCommands(session, *last, code, cleaned_up, bank, record, engine);
  Value ended = RunEnded(*last, cleaned_up);
  if (!last->message.empty()) ended.Set("message", Printable(last->message));
  if (code != 0) ended.Set("next", Value::List(next.begin(), next.end()));
  out.Json("run-ended", std::move(ended));
  std::string text = is_part ? "the part" : "the run";
  text += code == 0                                         ? " succeeded"
          : code == static_cast<int>(ExitCode::kRunStopped) ? " was stopped"
          : code == static_cast<int>(ExitCode::kRunFailed)  ? " failed"
                                                            : " did not begin";
  if (code != 0 && last->shutdown.empty() && !last->message.empty() && !RepeatsAStep(*last))
    text += ": " + last->message;
  if (const engines::StepStatus* const begin = last->Find("begin");
      last->shutdown.empty() && begin != nullptr && begin->exit_code.value_or(0) != 0 &&
      !begin->message.empty()) {
    text += ": " + begin->message;
  }
  if (!cleaned_up) {
    out.Say(text);
    SayLastStepIsAwaited(session, *last, next.front());
    return code;
  }
  if (!next.empty()) text += is_part ? "; the whole run:" : "; to go on:";
  if (next.empty() && code != 0 && record && record->drift)
    text += "; there is drift: 'holdfast plan discover', compile and submit again";
  out.Say(text);
  for (const std::string& command : next) out.Say("  " + command);
  return code;
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
