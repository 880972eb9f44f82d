#include "runtime/cli/mistral_runs.h"

#include <chrono>
#include <thread>
#include <utility>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/next_command.h"
#include "runtime/modules/engine_module.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

namespace mistral = engines::mistral;

Result<std::unique_ptr<MistralRuns>> OpenMistralRuns(Session& session,
                                                     const ClusterArguments& arguments) {
  if (!arguments.kubeconfig.empty() || !arguments.context.empty() ||
      !arguments.name_space.empty()) {
    return Error(ErrorCode::kUsage, "--kubeconfig, --context and --namespace are for --engine argo")
        .Hint("where Mistral is, the variables OS_MISTRAL_URL or OS_AUTH_URL and its like say");
  }
  mistral::ApiParts parts;
  parts.clock = &session.clock();
  parts.cancellation = &session.cancellation();
  HOLDFAST_ASSIGN_OR_RETURN(auto api, runtime::OpenMistral(parts));
  return std::make_unique<MistralRuns>(session, std::move(api), parts);
}

std::string MistralRuns::Options() const { return " --engine " + std::string(kMistralEngine); }

Result<std::string> MistralRuns::HandleOf(const std::string& run) {
  if (const std::string id = CanonicalUuid(run); !id.empty()) return id;
  HOLDFAST_ASSIGN_OR_RETURN(const auto runs, mistral::ListRuns(*api_, run));
  if (!runs.empty()) return runs.back().uid;
  return NotFound("there is no run of a workflow " + Printable(run) + " in " + Place())
      .Hint("'holdfast status" + Options() + "' lists the runs that are there");
}

Result<engines::RunStatus> MistralRuns::Find(const std::string& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string id, HandleOf(run));
  auto status = reader_.emplace(*api_, id).Read();
  if (!status && status.error().code() == ErrorCode::kNotFound) {
    return NotFound("there is no run " + Printable(run) + " in " + Place())
        .Hint("'holdfast status" + Options() +
              "' lists the runs that are there; after one that somebody has deleted, '" +
              ProgramCommand(session_) + " gc --run " + id +
              "' cleans up once none of its steps is at work, and 'holdfast submit FILE" +
              Options() + " --record RECORD' goes on with the record that it names");
  }
  return status;
}

Result<std::vector<engines::RunStatus>> MistralRuns::List() { return mistral::ListRuns(*api_); }

Status MistralRuns::Follow(const std::string& handle, const See& see) {
  constexpr auto kPatience = std::chrono::minutes(15);
  return mistral::FollowExecution(
      *api_, handle, kPatience, parts_,
      [&see](engines::RunStatus status) { return see(std::move(status), true); });
}

bool MistralRuns::AwaitLastStep(const std::optional<BankSection>& bank,
                                engines::RunStatus& status) {
  constexpr auto kPatience = std::chrono::seconds(30);
  constexpr auto kPause = std::chrono::milliseconds(250);
  const SteadyTime until = session_.clock().Steady() + kPatience;
  bool said = false;
  while (bank && status.shutdown == mistral::kCancelled) {
    const auto report = runtime::ReportOfRun(*bank, status.run(), false);
    if (!report || !runtime::IsWorking(report->summary.state)) return true;
    const auto taken = runtime::TakenOverFrom(*bank, status.run());
    if (taken && *taken) return true;
    if (!std::exchange(said, true))
      session_.out().Say("waiting    end: who has cancelled the run is yet to clean up");
    if (session_.clock().Steady() >= until || session_.cancellation().is_set()) return true;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

std::string MistralRuns::CleanUp(const engines::RunStatus& run) {
  return ProgramCommand(session_) + " cancel " + run.uid + Options();
}

Status MistralRuns::ReadLog(const engines::RunStatus& run, const engines::StepStatus& step,
                            const engines::StepTry& attempt, bool follow, ByteSink& sink) {
  static_cast<void>(run);
  if (follow) {
    return Error(ErrorCode::kUsage,
                 "--follow: of a step on Mistral only the end of its log is to be had")
        .Hint(
            "once it has failed; until then the log is on the machine of the steps, below "
            "--log-dir of "
            "holdfast_options");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto report, reader_->ReportOf(step, attempt));
  if (!report) {
    return NotFound("step " + step.path + " left no report: " +
                    (step.message.empty() ? "it is at work, or its connection was lost"
                                          : Printable(step.message)))
        .Hint("its log is on the machine of the steps, below --log-dir of holdfast_options");
  }
  if (!report->log.empty()) session_.out().Say("the whole log is " + Printable(report->log));
  return report->log_tail.empty() ? Ok() : sink.Write(AsBytes(report->log_tail));
}

}  // namespace holdfast::cli
