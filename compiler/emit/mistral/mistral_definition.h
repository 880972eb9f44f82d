#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/emit/engine_emitter.h"
#include "compiler/workflow/engine_workflow.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// The text of one workflow definition for Mistral (DSL v2, `type: direct`): that of a group of steps.
//
//   begin:    on-success: [what waits for nothing]     in a sub-workflow `gate`
//   STEP:     join: all (more than one inbound link)   on-complete: [what comes next]
//   end:      join: all                                in a sub-workflow `verdict`
//
// Every inbound link of a join fires in every run, as on-complete does whatever happened: an upstream task that
// failed, or was left out, leaves no join waiting. What must not run leaves itself out by the journal and exits
// 20, which Mistral shows as ERROR. `begin` has no on-error link: a join would wait for it in every good run.
// `end` fails when it says so or when any task has failed; `verdict` is the half of it that a sub-workflow has.
//
// A step's result is the line of `holdfast-step --report`: {"exit":0,...}; what is none (a lost connection), and
// exit 75, is tried again. (Measured on Mistral 15.0.)
Result<std::string> WriteMistralDefinition(const EngineWorkflow& workflow,
                                           const EmitOptions& options, std::uint32_t group);

// "<workflow>.<group>": the definition of a group but the first one, whose is the workflow's.
std::string MistralName(const EngineWorkflow& workflow, std::uint32_t group);

}  // namespace holdfast::compiler
