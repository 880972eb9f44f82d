#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/emit/engine_emitter.h"
#include "compiler/workflow/engine_workflow.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// One workflow definition for Mistral (DSL v2, `type: direct`): that of a group of steps. `names` are those of definitions, by
// group: the groups that it starts have theirs.
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
//
// The first one has an input that only the definitions of its bundle have (mistral_words::BundleInputOf).
//
// The first group's is called as the workflow is, every other one's "<workflow>.<group>.<hash of what it does>". Mistral looks
// for a part by its name when a run comes to it: so a name stands for one thing unless somebody edits it, and the whole that is
// there goes on with its parts while those of another compile are stored beside them. Comments do not count.
struct MistralDefinition {
  std::string name;
  std::string text;
};
Result<MistralDefinition> WriteMistralDefinition(const EngineWorkflow& workflow,
                                                 const EmitOptions& options, std::uint32_t group,
                                                 std::span<const std::string> names);

}  // namespace holdfast::compiler
