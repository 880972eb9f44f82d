#pragma once

#include "plugins/engines/argo/rest_caller.h"
#include "plugins/engines/argo/workflow_service.h"
#include "plugins/net/url.h"

namespace holdfast::engines::argo {

// The Argo server where ARGO_SERVER names one and no kubeconfig or context was asked for, else the Kubernetes API.
// Nothing is sent yet.
Result<std::unique_ptr<WorkflowService>> OpenWorkflowService(const ServiceParts& parts,
                                                             const net::Environment& environment,
                                                             MakeTransport make_transport);

}  // namespace holdfast::engines::argo
