#include "plugins/engines/argo/workflow_service.h"

#include <utility>

namespace holdfast::engines::argo {

std::string_view NameOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kWorkflow:
      return "Workflow";
    case ObjectKind::kWorkflowTemplate:
      return "WorkflowTemplate";
    case ObjectKind::kCronWorkflow:
      return "CronWorkflow";
  }
  return "Workflow";
}

std::string_view NameOf(Shutdown shutdown) {
  return shutdown == Shutdown::kStop ? "Stop" : "Terminate";
}

Result<std::vector<RunStatus>> PartsOf(WorkflowService& service, const std::string& run) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<Value> labelled,
      service.List(ObjectKind::kWorkflow, std::string(kPartOfRunLabel) + "=" + run));
  std::vector<RunStatus> parts;
  for (const Value& workflow : labelled) {
    auto part = ReadWorkflowStatus(workflow);
    if (!part) continue;
    const auto parameter = part->parameters.find("run");
    if (parameter != part->parameters.end() && parameter->second == run)
      parts.push_back(std::move(*part));
  }
  return parts;
}

}  // namespace holdfast::engines::argo
