#include "runtime/cli/cluster.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <utility>

#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/next_command.h"
#include "runtime/modules/engine_module.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

std::atomic<Cancellation*> to_cancel{nullptr};
std::atomic<int> came{0};

extern "C" void OnSignal(int number) {
  came.store(number, std::memory_order_relaxed);
  if (Cancellation* const cancellation = to_cancel.load(std::memory_order_relaxed))
    cancellation->Set();
}

// Tests do not wait for minutes.
std::chrono::milliseconds SecondsOr(const char* variable, std::chrono::seconds usual) {
  const char* const set = std::getenv(variable);
  const int seconds = set == nullptr ? 0 : std::atoi(set);
  return seconds > 0 ? std::chrono::seconds(seconds) : usual;
}

// How long one watch lasts. What the workflow does not hold, the steps of its parts, is looked at when it ends.
std::chrono::milliseconds WatchFor() {
  return SecondsOr("HOLDFAST_ARGO_WATCH_SECONDS", std::chrono::seconds(20));
}

}  // namespace

Result<std::unique_ptr<argo::WorkflowService>> OpenCluster(Session& session,
                                                           const ClusterArguments& arguments) {
  argo::ServiceParts parts;
  parts.where = {arguments.kubeconfig, arguments.context, arguments.name_space};
  parts.processes = &session.processes();
  parts.clock = &session.clock();
  parts.cancellation = &session.cancellation();
  parts.watch_for = WatchFor();
  return runtime::OpenArgo(parts);
}

Result<Value> FindRun(argo::WorkflowService& service, const std::string& run) {
  if (CanonicalUuid(run) != run) return service.Get(argo::ObjectKind::kWorkflow, run);
  HOLDFAST_ASSIGN_OR_RETURN(const auto all, service.List(argo::ObjectKind::kWorkflow));
  for (const Value& workflow : all) {
    const Value* const metadata = workflow.Find("metadata");
    if (metadata != nullptr && metadata->StringOr("uid", "") == run)
      return service.Get(argo::ObjectKind::kWorkflow, metadata->StringOr("name", ""));
  }
  // A name may look like one.
  auto named = service.Get(argo::ObjectKind::kWorkflow, run);
  if (named || named.error().code() != ErrorCode::kNotFound) return named;
  return NotFound("there is no workflow of run " + Printable(run) + " in " + service.Place())
      .Hint("'holdfast status' lists the runs that are there");
}

Result<OpenedRun> OpenRun(Session& session, const ClusterArguments& arguments,
                          const std::string& run) {
  OpenedRun out;
  HOLDFAST_ASSIGN_OR_RETURN(out.service, OpenCluster(session, arguments));
  HOLDFAST_ASSIGN_OR_RETURN(out.workflow, FindRun(*out.service, run));
  HOLDFAST_ASSIGN_OR_RETURN(out.status, argo::ReadWorkflowStatus(out.workflow));
  return out;
}

Status FollowRun(argo::WorkflowService& service, const std::string& workflow,
                 const std::function<bool(engines::RunStatus status)>& see) {
  constexpr auto kPatience = std::chrono::minutes(15);
  std::optional<Error> unreadable;
  Status followed = service.Follow(workflow, kPatience, [&](const Value& object) {
    auto status = argo::ReadWorkflowStatus(object);
    if (status) return see(std::move(*status));
    unreadable = std::move(status).error();
    return false;
  });
  if (unreadable) return std::move(*unreadable);
  return followed;
}

bool AwaitExitHandler(Session& session, argo::WorkflowService& service,
                      const std::optional<BankSection>& bank, engines::RunStatus& status) {
  const auto patience = SecondsOr("HOLDFAST_ARGO_END_SECONDS", std::chrono::minutes(2));
  constexpr auto kPause = std::chrono::milliseconds(250);
  const auto works = [](const engines::StepStatus& step) {
    return step.exit_handler && step.phase != engines::Phase::kNone && !step.ended();
  };
  const SteadyTime until = session.clock().Steady() + patience;
  bool said = false;
  while (std::any_of(status.steps.begin(), status.steps.end(), works)) {
    if (bank) {
      // Its state alone: that is asked for four times a second, and a journal can be large.
      const auto report = runtime::ReportOfRun(*bank, status.run(), false);
      if (report && !runtime::IsWorking(report->summary.state)) return true;
    }
    if (!std::exchange(said, true))
      session.out().Say(
          "waiting    end: Argo calls the run ended, and its last step is yet to do its work");
    if (session.clock().Steady() >= until || session.cancellation().is_set()) {
      session.out().Warn(
          "the last step of the run has not been seen to end: what is owed may not be cleaned up "
          "yet");
      return false;
    }
    std::this_thread::sleep_for(kPause);
    const auto object = service.Get(argo::ObjectKind::kWorkflow, status.name);
    auto now =
        object ? argo::ReadWorkflowStatus(*object) : Result<engines::RunStatus>(object.error());
    // A server that is away, or a workflow that somebody removes, tells nothing new.
    if (now && now->uid == status.uid) status = std::move(*now);
  }
  return true;
}

void WarnOfLostPods(const Output& out, const engines::RunStatus& status) {
  for (const engines::StepTry* const attempt : status.dying())
    out.Warn("pod " + attempt->pod + " was given up and has not been seen to end");
}

void WarnOfUnreadableNodes(const Output& out, const engines::RunStatus& status) {
  if (status.nodes_unreadable.empty()) return;
  out.Warn(status.name + ": " + status.nodes_unreadable +
           "; nothing is known of its single steps here, its record in the bank knows them");
}

Value RunEnded(const engines::RunStatus& status, bool cleaned_up) {
  Value out;
  if (!status.part_of.empty()) out.Set("part_of", status.part_of);
  return out.Set("run", status.run())
      .Set("workflow", status.name)
      .Set("record", status.record())
      .Set("phase", engines::NameOf(status.phase))
      .Set("stopped", !status.shutdown.empty())
      .Set("awaits_last_step", !cleaned_up)
      .Set("exit_code", engines::VerdictOf(status));
}

void SayLastStepIsAwaited(Session& session, const engines::RunStatus& status,
                          const std::string& watch) {
  const Output& out = session.out();
  out.Say("the run is ended; once its last step has begun, this waits for it:");
  out.Say("  " + watch);
  out.Say("and once it is known that it never will, this cleans up in its place:");
  out.Say("  " + CleanUpCommand(session, status));
}

std::string NotCleanedUp(const BankSection& bank, const std::string& run) {
  const auto report = runtime::ReportOfRun(bank, run, false);
  if (!report || report->states.empty() || report->states.back().uncleaned == 0) return {};
  return report->states.back().reason;
}

void SayHowToCleanUp(const Output& out, const std::string& clean_up, const std::string& resume) {
  out.Say(
      "the first of these cleans up once that can succeed, the second goes on with its record:");
  out.Say("  " + clean_up);
  out.Say("  " + resume);
}

std::string WholeRun(argo::WorkflowService& service, const engines::RunStatus& part) {
  const auto found = FindRun(service, part.part_of);
  const Value* const metadata = found ? found->Find("metadata") : nullptr;
  return metadata == nullptr ? part.part_of : metadata->StringOr("name", part.part_of);
}

bool RepeatsAStep(const engines::RunStatus& status) {
  return std::any_of(
      status.steps.begin(), status.steps.end(), [&](const engines::StepStatus& step) {
        return !step.message.empty() && status.message.find(step.message) != std::string::npos;
      });
}

std::string CleanUpCommand(Session& session, const engines::RunStatus& status) {
  const auto provider = status.parameters.find("provider");
  if (provider == status.parameters.end())
    return ProgramCommand(session) + " gc --run " + ShellWord(status.run());
  if (const auto folder = session.providers()) {
    if (const auto config = (*folder)->Find(provider->second))
      return GcCommand(session, **config, status.run());
  }
  return ProgramCommand(session) + " gc --provider " + ShellWord(provider->second) + " --run " +
         ShellWord(status.run());
}

std::string ClusterOptions(const ClusterArguments& arguments) {
  std::string out;
  const auto add = [&out](std::string_view option, const std::string& value) {
    if (!value.empty()) out += " " + std::string(option) + " " + ShellWord(value);
  };
  add("--kubeconfig", arguments.kubeconfig);
  add("--context", arguments.context);
  add("--namespace", arguments.name_space);
  return out;
}

std::optional<BankSection> BankOfRun(Session& session, const engines::RunStatus& status) {
  const auto named = status.parameters.find("provider");
  if (named == status.parameters.end() || named->second.empty()) return std::nullopt;
  const auto provider = session.OpenProvider(named->second, Session::Warnings::kLeave);
  if (!provider) return std::nullopt;
  auto tenant = session.TenantSection(**provider, SectionAccess::kRead);
  if (!tenant) return std::nullopt;
  return std::move(*tenant);
}

CancelOnSignals::CancelOnSignals(Session& session) {
  came = 0;
  to_cancel = &session.cancellation();
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  // The second one ends the process, whatever it waits for.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

CancelOnSignals::~CancelOnSignals() {
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  to_cancel = nullptr;
}

int CancelOnSignals::exit_code() const {
  if (came == SIGINT) return static_cast<int>(ExitCode::kInterrupted);
  return came == SIGTERM ? static_cast<int>(ExitCode::kTerminated) : 0;
}

}  // namespace holdfast::cli
