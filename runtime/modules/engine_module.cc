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

}  // namespace holdfast::runtime
