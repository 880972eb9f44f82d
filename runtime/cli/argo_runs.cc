#include "runtime/cli/argo_runs.h"

#include "runtime/cli/cluster.h"
#include "runtime/cli/run_parts.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

class ArgoRuns final : public RunEngine {
 public:
  ArgoRuns(Session& session, std::shared_ptr<argo::WorkflowService> service,
           const ClusterArguments& arguments)
      : session_(session),
        owned_(std::move(service)),
        service_(*owned_),
        options_(ClusterOptions(arguments)) {}

  std::string Place() const override { return service_.Place(); }
  std::string Options() const override { return options_; }
  std::string_view TryWord() const override { return "pod"; }

  Result<std::string> HandleOf(const std::string& run) override {
    HOLDFAST_ASSIGN_OR_RETURN(const Value workflow, FindRun(service_, run));
    return workflow.Find("metadata")->StringOr("name", run);
  }

  Result<engines::RunStatus> Find(const std::string& run) override {
    HOLDFAST_ASSIGN_OR_RETURN(const Value workflow, FindRun(service_, run));
    HOLDFAST_ASSIGN_OR_RETURN(engines::RunStatus status, argo::ReadWorkflowStatus(workflow));
    if (status.nodes_unreadable.empty()) RunParts(service_, session_.out()).AddTo(status);
    return status;
  }

  Result<std::vector<engines::RunStatus>> List() override {
    HOLDFAST_ASSIGN_OR_RETURN(const auto all, service_.List(argo::ObjectKind::kWorkflow));
    std::vector<engines::RunStatus> runs;
    for (const Value& workflow : all) {
      auto status = argo::ReadWorkflowStatus(workflow);
      // Others' workflows have no bundle.
      if (status && status->parameters.contains("bundle")) runs.push_back(std::move(*status));
    }
    return runs;
  }

  Status Follow(const std::string& handle, const See& see) override {
    RunParts parts(service_, session_.out());
    return FollowRun(service_, handle, [&](engines::RunStatus status) {
      // Before its controller has seen it nobody knows its steps. Those of a part that is yet to be made are in none.
      const bool seen = status.nodes_unreadable.empty();
      const bool by_parts = status.steps.empty() || argo::MayHaveParts(status);
      parts.AddTo(status, status.ended());
      return see(std::move(status), seen && by_parts && parts.complete());
    });
  }

  bool AwaitLastStep(const std::optional<BankSection>& bank, engines::RunStatus& status) override {
    return AwaitExitHandler(session_, service_, bank, status);
  }

  std::string CleanUp(const engines::RunStatus& run) override {
    return CleanUpCommand(session_, run);
  }

  std::string WholeOf(const engines::RunStatus& part) override { return WholeRun(service_, part); }

  Status ReadLog(const engines::RunStatus& run, const engines::StepStatus& step,
                 const engines::StepTry& attempt, bool follow, ByteSink& sink) override {
    return service_.ReadLog(step.workflow.empty() ? run.name : step.workflow, attempt.pod, follow,
                            sink);
  }

 private:
  Session& session_;
  const std::shared_ptr<argo::WorkflowService> owned_;
  argo::WorkflowService& service_;
  const std::string options_;
};

}  // namespace

std::unique_ptr<RunEngine> MakeArgoRuns(Session& session,
                                        std::shared_ptr<argo::WorkflowService> service,
                                        const ClusterArguments& arguments) {
  return std::make_unique<ArgoRuns>(session, std::move(service), arguments);
}

}  // namespace holdfast::cli
