#pragma once

#include <memory>

#include "plugins/engines/argo/rest_caller.h"
#include "plugins/engines/argo/workflow_service.h"

namespace holdfast::engines::argo {

// Argo's objects over the Kubernetes API. `parts` are borrowed as WorkflowService says.
std::unique_ptr<WorkflowService> MakeKubernetesClient(ClusterAccess access,
                                                      const ServiceParts& parts,
                                                      MakeTransport make_transport);

}  // namespace holdfast::engines::argo
