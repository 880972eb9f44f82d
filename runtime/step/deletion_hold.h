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

// What a begin of a deletion that counts as dead may still do to the checkpoint, should it only have been away.
enum class BeginFence {
  kFenced,         // nothing
  kDeletes,        // it has set it `deleting` already; that was left so
  kHeldByAnother,  // somebody else works on the checkpoint now: later
};
enum class Marked { kLeave, kKeep };
// For who has the newest token of the deletion, as run `run`. Takes the next one of the checkpoint, too, and adds the checkpoint's state
// once more, so that the number under which that begin is just about to set `deleting` is given. Where it has done so already,
// and nothing of the deletion was begun (the deletion has no state of its own), Marked::kKeep makes the checkpoint again what it was: nothing
// of it is gone then but its entries in the indices, which are written anew.
Result<BeginFence> FenceOffBegin(const StepEnvironment& env, const Record& deletion,
                                 const Record& checkpoint, const std::string& run, Marked marked);

}  // namespace holdfast::runtime
