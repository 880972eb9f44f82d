#include "plugins/engines/argo/workflow_service.h"

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

}  // namespace holdfast::engines::argo
