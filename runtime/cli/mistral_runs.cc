#include "runtime/cli/mistral_runs.h"

#include <algorithm>
#include <chrono>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/text.h"
#include "runtime/modules/engine_module.h"

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
  HOLDFAST_ASSIGN_OR_RETURN(const auto runs, mistral::ListRuns(*api_));
  const engines::RunStatus* newest = nullptr;
  for (const engines::RunStatus& each : runs) {
    if (each.name == run && (newest == nullptr || each.created >= newest->created)) newest = &each;
  }
  if (newest != nullptr) return newest->uid;
  return NotFound("there is no run of a workflow " + Printable(run) + " in " + Place())
      .Hint("'holdfast status" + Options() + "' lists the runs that are there");
}

Result<engines::RunStatus> MistralRuns::Find(const std::string& run) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string id, HandleOf(run));
  auto status = reader_.emplace(*api_, id).Read();
  if (!status && status.error().code() == ErrorCode::kNotFound) {
    return NotFound("there is no run " + Printable(run) + " in " + Place())
        .Hint("'holdfast status" + Options() + "' lists the runs that are there");
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
  // Its last step is one of the workflow's own.
  static_cast<void>(bank);
  static_cast<void>(status);
  return true;
}

Status MistralRuns::ReadLog(const engines::RunStatus& run, const engines::StepStatus& step,
                            const engines::StepTry& attempt, bool follow, ByteSink& sink) {
  static_cast<void>(run);
  static_cast<void>(follow);
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
