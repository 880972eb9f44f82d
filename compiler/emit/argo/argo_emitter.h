#pragma once

#include <memory>

#include "compiler/emit/engine_emitter.h"

namespace holdfast::compiler {

// Argo Workflows: a DAG template for each group of steps, in the encoding that its scheduler runs as we
// mean it (argo_depends.h), leaf templates of the WorkflowTemplate `holdfast-steps` (templates/argo).
// Text of tenants stands in comments only. What one object cannot hold becomes child Workflows
// (child_workflows.h).
std::unique_ptr<EngineEmitter> MakeArgoEmitter();

}  // namespace holdfast::compiler
