#include "plugins/engines/argo/open_service.h"

#include "plugins/engines/argo/argo_server_client.h"
#include "plugins/engines/argo/kubernetes_client.h"

namespace holdfast::engines::argo {

Result<std::unique_ptr<WorkflowService>> OpenWorkflowService(const ServiceParts& parts,
                                                             const net::Environment& environment,
                                                             MakeTransport make_transport) {
  if (parts.where.kubeconfig.empty() && parts.where.context.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(auto server, ArgoServerOf(environment, parts.where.name_space));
    if (server) return MakeArgoServerClient(std::move(*server), parts, std::move(make_transport));
  }
  HOLDFAST_ASSIGN_OR_RETURN(ClusterAccess access,
                            FindClusterAccess(parts.where.kubeconfig, parts.where.context,
                                              parts.where.name_space, environment));
  return MakeKubernetesClient(std::move(access), parts, std::move(make_transport));
}

}  // namespace holdfast::engines::argo
