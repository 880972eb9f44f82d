#include <algorithm>
#include <optional>
#include <set>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/mistral_commands.h"
#include "runtime/cli/next_command.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

// Says once what a stopped run still waits for.
class Waiting {
 public:
  explicit Waiting(const Output& out) : out_(out) {}
  void Show(const engines::RunStatus& status) {
    for (const engines::StepStatus& step : status.steps) {
      const bool dying = !step.tries.empty() && step.tries.back().dying();
      const bool cleaning =
          step.exit_handler && !step.ended() && step.phase != engines::Phase::kNone;
      if (dying && said_.insert("dying " + step.path).second)
        out_.Say("waiting    " + step.path + ": its pod is being ended");
      if (cleaning && said_.insert("cleaning " + step.path).second)
        out_.Say("running    " + step.path + ": cleans up what is owed");
    }
  }

 private:
  const Output& out_;
  std::set<std::string> said_;
};

// Nothing else does: the last step of a run that is terminated is never reached.
void TerminateParts(const Output& out, argo::WorkflowService& service,
                    const engines::RunStatus& run) {
  const auto parts = argo::PartsOf(service, run.uid);
  if (!parts) {
    out.Warn("the parts of the run cannot be listed, and may go on: " + parts.error().OneLine());
    return;
  }
  for (const engines::RunStatus& part : *parts) {
    if (part.ended()) continue;
    const Status told = service.ShutDown(part.name, argo::Shutdown::kTerminate);
    if (!told && told.error().code() != ErrorCode::kNotFound)
      out.Warn("the part " + Printable(part.name) + " goes on: " + told.error().OneLine());
    if (told) out.Say("told " + part.name + " to terminate");
  }
}

}  // namespace

int StopRun(Session& session, const ClusterRunArguments& arguments) {
  if (arguments.cluster.engine == kMistralEngine) return CancelOnMistral(session, arguments);
  const Output& out = session.out();
  auto run = OpenRun(session, arguments.cluster, arguments.run);
  if (!run) return out.Fail(run.error());
  engines::RunStatus& status = run->status;
  if (status.ended()) {
    return out.Fail(Error(ErrorCode::kConflict,
                          (status.part_of.empty() ? "run " + status.uid : "part " + status.name) +
                              " has ended already (" + std::string(engines::NameOf(status.phase)) +
                              ")"));
  }
  const argo::Shutdown how =
      arguments.terminate ? argo::Shutdown::kTerminate : argo::Shutdown::kStop;
  if (const Status asked = run->service->ShutDown(status.name, how); !asked)
    return out.Fail(asked.error());
  out.Say("told " + status.name + " to " + (arguments.terminate ? "terminate" : "stop"));
  out.Json("stopping", Value()
                           .Set("run", status.run())
                           .Set("workflow", status.name)
                           .Set("strategy", argo::NameOf(how)));
  const std::string tail = " " + ShellWord(status.name) + ClusterOptions(arguments.cluster);
  const std::string watch = ProgramCommand(session) + " watch" + tail;
  // The run itself first, so that it starts no more of them.
  if (arguments.terminate && status.part_of.empty() && argo::MayHaveParts(status))
    TerminateParts(out, *run->service, status);
  if (arguments.no_wait) {
    out.Say("  " + watch);
    return 0;
  }
  const CancelOnSignals signals(session);
  Waiting waiting(out);
  const Status followed = FollowRun(*run->service, status.name, [&](engines::RunStatus now) {
    waiting.Show(now);
    status = std::move(now);
    return !status.ended();
  });
  const bool cleaned_up =
      followed && AwaitExitHandler(session, *run->service, BankOfRun(session, status), status);
  if (const int code = signals.exit_code(); code != 0 && !cleaned_up) {
    out.Say("it is being stopped; to wait for it:");
    out.Say("  " + watch);
    return code;
  }
  if (!followed) return out.Fail(followed.error());
  WarnOfLostPods(out, status);
  const auto end = std::find_if(status.steps.begin(), status.steps.end(),
                                [](const engines::StepStatus& step) { return step.exit_handler; });
  const std::string clean_up = CleanUpCommand(session, status);
  const std::string resume = ProgramCommand(session) + " resume" + tail;
  const std::optional<BankSection> bank = BankOfRun(session, status);
  const std::string left = cleaned_up && status.part_of.empty() && bank
                               ? NotCleanedUp(*bank, status.run())
                               : std::string();
  constexpr int kNotCleanedUp = static_cast<int>(ExitCode::kRunFailed);
  Value ended = RunEnded(status, cleaned_up);
  if (!left.empty()) {
    ended.Set("exit_code", kNotCleanedUp)
        .Set("message", Printable(left))
        .Set("next", Value::List{clean_up, resume});
  }
  out.Json("run-ended", std::move(ended));
  if (!left.empty()) {
    out.Warn("the run was stopped, and not all that was owed is cleaned up: " + left);
    SayHowToCleanUp(out, clean_up, resume);
    return kNotCleanedUp;
  }
  if (status.phase == engines::Phase::kSucceeded) {
    out.Say("the run had done its work before it could be stopped");
    return 0;
  }
  if (!status.part_of.empty()) {
    out.Say("this part of run " + status.part_of +
            " is ended, not the run, which cleans up at its own end; to end all of it:");
    out.Say("  " + ProgramCommand(session) + " stop " + ShellWord(WholeRun(*run->service, status)) +
            ClusterOptions(arguments.cluster));
    return 0;
  }
  if (!cleaned_up) {
    SayLastStepIsAwaited(session, status, watch);
    return static_cast<int>(ExitCode::kTryAgain);
  }
  if (!arguments.terminate && !status.nodes_unreadable.empty()) {
    WarnOfUnreadableNodes(out, status);
    out.Say(
        "the run was stopped; whether its last step has cleaned up is in its record. To go on with "
        "that:");
  } else if (arguments.terminate || end == status.steps.end() ||
             end->phase == engines::Phase::kNone) {
    out.Say(
        "the run is ended, and nothing was cleaned up: something may be at rest. The cluster's own "
        "gc "
        "cannot know that nobody works on it any more, and waits until its lease has run out. On a "
        "machine that has its provider, the first of these cleans up now, the second goes on with "
        "its "
        "record:");
    out.Say("  " + clean_up);
  } else {
    out.Say(
        "the run was stopped; what was owed is cleaned up by its last step" +
        std::string(end->phase == engines::Phase::kSucceeded ? "" : ", which says how that went") +
        ". To go on with its record:");
  }
  out.Say("  " + resume);
  return 0;
}

}  // namespace holdfast::cli
