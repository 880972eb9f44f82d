#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plugins/engines/argo/rest_caller.h"
#include "plugins/engines/argo/workflow_service.h"

namespace holdfast::engines::argo {

// The Argo server that the environment names, as the argo command reads it: ARGO_SERVER (host:port), ARGO_SECURE
// (true unless it says otherwise), ARGO_INSECURE_SKIP_VERIFY, ARGO_BASE_HREF, ARGO_TOKEN (with its "Bearer "),
// ARGO_NAMESPACE.
struct ArgoServer {
  ClusterAccess access;       // server and namespace
  std::string authorization;  // a header's value; empty: none
};
// nullopt where there is no ARGO_SERVER; kInvalidInput for variables that make no sense.
Result<std::optional<ArgoServer>> ArgoServerOf(const net::Environment& environment,
                                               const std::string& name_space);

// Argo's objects over the Argo server's REST API.
std::unique_ptr<WorkflowService> MakeArgoServerClient(ArgoServer server, const ServiceParts& parts,
                                                      MakeTransport make_transport);

}  // namespace holdfast::engines::argo
