#pragma once

#include <memory>

#include "plugins/engines/argo/workflow_service.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// The client of Argo, out of its module: a program pays for its libraries only when it talks to a cluster.
// Errors as of OpenModule, and of finding the cluster (plugins/engines/argo/open_service.h). `parts` are borrowed.
Result<std::unique_ptr<engines::argo::WorkflowService>> OpenArgo(
    const engines::argo::ServiceParts& parts);

}  // namespace holdfast::runtime
