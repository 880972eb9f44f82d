#pragma once

#include <memory>

#include "compiler/emit/engine_emitter.h"

namespace holdfast::compiler {

// Writes Argo Workflows (argoproj.io/v1alpha1), one DAG template: encoding E1 of the design (argo).
std::unique_ptr<EngineEmitter> MakeArgoEmitter();

}  // namespace holdfast::compiler
