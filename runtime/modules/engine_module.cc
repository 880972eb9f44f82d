#include "runtime/modules/engine_module.h"

#include "runtime/modules/module_file.h"

namespace holdfast::runtime {

Result<std::unique_ptr<engines::argo::WorkflowService>> OpenArgo(
    const engines::argo::ServiceParts& parts) {
  HOLDFAST_ASSIGN_OR_RETURN(void* const symbol, OpenModule(engines::argo::kServiceModule,
                                                           engines::argo::kOpenServiceSymbol));
  Result<std::unique_ptr<engines::argo::WorkflowService>> service =
      Internal("the module opened nothing");
  reinterpret_cast<engines::argo::OpenService>(symbol)(parts, service);
  return service;
}

Result<std::unique_ptr<engines::mistral::Api>> OpenMistral(
    const engines::mistral::ApiParts& parts) {
  HOLDFAST_ASSIGN_OR_RETURN(void* const symbol, OpenModule(engines::mistral::kApiModule,
                                                           engines::mistral::kOpenApiSymbol));
  Result<std::unique_ptr<engines::mistral::Api>> api = Internal("the module opened nothing");
  reinterpret_cast<engines::mistral::OpenApi>(symbol)(parts, api);
  return api;
}

}  // namespace holdfast::runtime
