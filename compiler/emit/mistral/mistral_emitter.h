#pragma once

#include <memory>

#include "compiler/emit/engine_emitter.h"

namespace holdfast::compiler {

// OpenStack Mistral: a direct workflow in its DSL v2 for each group of steps, all steps calling the ad-hoc
// action `holdfast.step` (templates/mistral). The first one begins with `begin` and ends with `end`; every
// other one is a sub-workflow with a `gate` and a `verdict`, in a file of its own: what one request to the
// server takes. Text of tenants stands in comments only.
//
// Links are `on-complete`, order alone: a join of Mistral waits for ever, or fails, where an inbound link
// does not fire. Each step asks the journal for its gates (mistral_definition.h).
std::unique_ptr<EngineEmitter> MakeMistralEmitter();

}  // namespace holdfast::compiler
