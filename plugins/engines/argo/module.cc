// What the module engine_argo.so shows to the program that opens it (runtime/modules/engine_module.h).

#include "plugins/engines/argo/open_service.h"
#include "plugins/net/cpprest_client.h"

extern "C" __attribute__((visibility("default"))) const char* holdfast_module_build_id() {
  return HOLDFAST_BUILD_ID;
}

extern "C" __attribute__((visibility("default"))) void holdfast_argo_open(
    const holdfast::engines::argo::ServiceParts& parts,
    holdfast::Result<std::unique_ptr<holdfast::engines::argo::WorkflowService>>& service) {
  service = holdfast::engines::argo::OpenWorkflowService(parts, &holdfast::net::ProcessEnvironment,
                                                         &holdfast::net::MakeCpprestClient);
}
