#pragma once

#include <string>

#include "plugins/local/directory/directory_protection.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// A restore of a directory has a work folder beside its target, .holdfast-restore-<id>, from the
// moment that something is written until post:
//   tree/       what is restored, while the target does not exist (or is an empty directory): it
//               takes the target's place at the end, in one rename
//   work/       temporary entries, where the target exists and is written in place
//   in-place    says that the target is written in place by this record
//   taken       says that tree/ is about to take the target's place, or has
// With in-place, or taken and no tree/, the target is ours: a restore that is run again goes on
// with it, and does not refuse it as existing data.

// Refuses existing data and too little free space; journals the intent. Changes nothing else.
Status PrepareRestore(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const Parameters& parameters);
// Writes the tree. Run again after a kill: the same end state.
Status RestoreTree(Checkpoint& checkpoint, Context& context, const Resource& resource,
                   const Parameters& parameters);
// Removes the work folder and with it what a restore that failed has half made beside the target.
Status CleanUpRestore(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const Parameters& parameters);

}  // namespace holdfast::plugins::directory
