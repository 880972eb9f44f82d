#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/journaled_steps.h"
#include "runtime/cli/run_engine.h"

namespace holdfast::cli {

namespace {

std::string StateWord(const engines::RunStatus& status) {
  if (status.phase == engines::Phase::kNone) return "not begun";
  if (!status.ended() && status.paused) return "paused";
  if (!status.ended()) return status.shutdown.empty() ? "running" : "stopping";
  if (status.phase == engines::Phase::kSucceeded) return "succeeded";
  return status.shutdown.empty() ? "failed" : "stopped";
}

std::string StepsText(const engines::RunStatus& status) {
  if (!status.nodes_unreadable.empty()) return "unknown";
  if (!status.steps_listed) return "";
  const auto ended = std::count_if(status.steps.begin(), status.steps.end(),
                                   [](const engines::StepStatus& step) { return step.ended(); });
  return fmt::format("{}/{}", ended, status.steps.size());
}

Value SummaryOf(const engines::RunStatus& status) {
  Value out = Value()
                  .Set("run", status.run())
                  .Set("workflow", status.name)
                  .Set("record", status.record())
                  .Set("state", StateWord(status))
                  .Set("phase", engines::NameOf(status.phase))
                  .Set("created", status.created)
                  .Set("started", status.started)
                  .Set("finished", status.finished);
  if (!status.name_space.empty()) out.Set("namespace", status.name_space);
  if (status.steps_listed) out.Set("steps", static_cast<std::int64_t>(status.steps.size()));
  if (!status.part_of.empty()) out.Set("part_of", status.part_of);
  if (!status.message.empty()) out.Set("message", Printable(status.message));
  if (!status.nodes_unreadable.empty()) out.Set("nodes_unreadable", status.nodes_unreadable);
  if (status.ended()) out.Set("exit_code", engines::VerdictOf(status));
  return out;
}

// The newest run first. Parts whose run is gone stand at the end.
void PutPartsBelowTheirRuns(std::vector<engines::RunStatus>& runs) {
  struct Whole {
    std::string created;
    std::string name;
  };
  std::map<std::string, Whole> wholes;  // by run
  for (const engines::RunStatus& run : runs) {
    if (run.part_of.empty()) {
      wholes[run.uid] = {run.created, run.name};
    } else {
      wholes.try_emplace(run.part_of);
    }
  }
  std::sort(runs.begin(), runs.end(), [&wholes](const auto& a, const auto& b) {
    const Whole& of_a = wholes.at(a.run());
    const Whole& of_b = wholes.at(b.run());
    const bool part_a = !a.part_of.empty();
    const bool part_b = !b.part_of.empty();
    return std::tie(of_b.created, of_a.name, a.run(), part_a, a.name) <
           std::tie(of_a.created, of_b.name, b.run(), part_b, b.name);
  });
}

int ListRuns(Session& session, RunEngine& engine) {
  auto all = engine.List();
  if (!all) return session.out().Fail(all.error());
  std::vector<engines::RunStatus>& runs = *all;
  PutPartsBelowTheirRuns(runs);
  std::vector<std::vector<std::string>> rows;
  for (const engines::RunStatus& run : runs) {
    session.out().Json("run", SummaryOf(run));
    WarnOfUnreadableNodes(session.out(), run);
    rows.push_back({(run.part_of.empty() ? "" : "  ") + run.name, run.run(), StateWord(run),
                    StepsText(run), run.created});
  }
  session.out().Table({"WORKFLOW", "RUN", "STATE", "STEPS", "CREATED"}, rows);
  return 0;
}

}  // namespace

int ShowRunStatus(Session& session, const ClusterRunArguments& arguments) {
  const Output& out = session.out();
  const auto engine = OpenRunEngine(session, arguments.cluster);
  if (!engine) return out.Fail(engine.error());
  if (arguments.run.empty()) return ListRuns(session, **engine);
  const auto found = (*engine)->Find(arguments.run);
  if (!found) return out.Fail(found.error());
  const engines::RunStatus& status = *found;
  out.Json("run", SummaryOf(status));
  out.Line(fmt::format("{}run {} (workflow {}, record {}): {}, {} steps",
                       status.part_of.empty() ? "" : "part of ", status.run(), status.name,
                       status.record(), StateWord(status), StepsText(status)));
  if (!status.message.empty() && !RepeatsAStep(status)) out.Line(status.message);
  WarnOfUnreadableNodes(out, status);
  if (!status.nodes_unreadable.empty()) return 0;
  // The engine knows an exit code, and at most a line; the step has said why in its journal.
  std::vector<std::string> failed;
  for (const engines::StepStatus& step : status.steps) {
    if (step.failed() && !step.exit_handler) failed.push_back(step.task);
  }
  std::optional<BankSection> bank;
  std::map<std::string, std::string> reasons;
  const std::vector<std::string> silent = StepsWithoutProgress(status);
  if (!failed.empty() || !silent.empty()) {
    // What the engine says is known: for what the bank says besides nobody waits for minutes.
    constexpr std::chrono::seconds kPatience{10};
    session.HavePatience(kPatience);
    bank = BankOfRun(session, status);
  }
  if (bank) reasons = JournaledReasons(*bank, status.run(), failed);
  std::map<std::string, std::string> progress;
  if (bank) progress = JournaledProgress(*bank, status.run(), silent);
  std::vector<std::vector<std::string>> rows;
  for (const engines::StepStatus& step : status.steps) {
    Value datum = Value()
                      .Set("step", step.task)
                      .Set("node", step.path)
                      .Set("phase", engines::NameOf(step.phase))
                      .Set("tries", static_cast<std::int64_t>(step.tries.size()))
                      .Set("started", step.started)
                      .Set("finished", step.finished)
                      .Set("message", Printable(step.message));
    const auto reason = reasons.find(step.task);
    const bool journaled = reason != reasons.end() && step.failed();
    if (journaled) datum.Set("reason", Printable(reason->second));
    if (!step.workflow.empty()) datum.Set("workflow", step.workflow);
    if (step.exit_code) datum.Set("exit_code", *step.exit_code);
    const std::string& how_far = HowFar(step, progress);
    if (!how_far.empty()) datum.Set("progress", how_far);
    if (!step.tries.empty() && !step.tries.back().pod.empty())
      datum.Set("pod", step.tries.back().pod);
    out.Json("step", std::move(datum));
    const bool dying = !step.tries.empty() && step.tries.back().dying();
    rows.push_back(
        {step.path,
         step.phase == engines::Phase::kNone
             ? (status.ended() ? "not reached" : "waiting")
             : std::string(engines::NameOf(step.phase)) + (dying ? " (its pod still runs)" : ""),
         step.tries.empty() ? "" : std::to_string(step.tries.size()), how_far,
         journaled ? reason->second : step.message});
  }
  out.Table({"STEP", "STATE", "TRIES", "PROGRESS", "MESSAGE"}, rows);
  if (!failed.empty() && !bank) {
    out.Say(
        "the messages are the engine's; why a step failed is in the journal of its bank, which "
        "cannot be "
        "read from here");
  }
  return 0;
}

}  // namespace holdfast::cli
