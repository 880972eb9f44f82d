#pragma once

#include <string>

#include "runtime/step/run_view.h"
#include "runtime/step/step_environment.h"
#include "runtime/store/removal_hold.h"

namespace holdfast::runtime {

// What a deletion removes objects of its checkpoint with: the lease of the checkpoint, which its begin took, and its own.

// For a step. kLocked where the lease of the checkpoint is another's.
Result<RemovalHold> HoldOfDeletion(const StepEnvironment& env, RunView& run);
// For who brings the deletion to its end. Where its begin was another run's (`begun_by`), or has lost the lease of
// the checkpoint, it takes the next token of that, so that whoever has an older one deletes nothing more.
Result<RemovalHold> TakeHoldOfDeletion(const StepEnvironment& env, RunView& run,
                                       const std::string& begun_by);

}  // namespace holdfast::runtime
