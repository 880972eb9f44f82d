#pragma once

#include "runtime/step/step_environment.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// What the begin of a deletion does with its checkpoint, in this order. `deletion` is its record, `lease` the caller's of that.

// kInvalidInput for a checkpoint that was deleted, kNotFound where there is none, and what CheckNotPinned says. Of a deletion that is
// resumed (`resumes`) also kInvalidInput where it is over: what was made anew since is none of its.
Status CheckMayBeDeleted(const Record& deletion, const Record& checkpoint, bool resumes);

// Takes the lease of the checkpoint, or finds that the run has it already, and brings what a dead run has left of it to its end, as well as
// clean-ups that its end could not make: nothing stays quiesced because its checkpoint is deleted, and its journal with it. kLocked
// where somebody else works on it.
Result<Lease> TakeCheckpointToDelete(const StepEnvironment& env, const Record& deletion,
                                     const Lease& lease, const Record& checkpoint);

// Marks the checkpoint, and removes it from the indices. kInvalidInput where the deletion is over.
Status StartDeletion(const StepEnvironment& env, const Record& deletion, const Lease& lease,
                     const Record& checkpoint, const Lease& checkpoint_lease);

}  // namespace holdfast::runtime
