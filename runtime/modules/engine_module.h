#pragma once

#include <memory>

#include "plugins/engines/argo/workflow_service.h"
#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// The clients of engines, each out of its module: a program pays for their libraries only when it talks to one. Errors as
// of OpenModule, and of finding the engine (plugins/engines/argo/open_service.h, plugins/engines/mistral/access.h).
// `parts` are borrowed.
Result<std::unique_ptr<engines::argo::WorkflowService>> OpenArgo(
    const engines::argo::ServiceParts& parts);
Result<std::unique_ptr<engines::mistral::Api>> OpenMistral(const engines::mistral::ApiParts& parts);

}  // namespace holdfast::runtime
