#pragma once

#include <vector>

#include "runtime/step/gc/gc.h"
#include "runtime/store/rubbish.h"

namespace holdfast::runtime {

// As a gc removes what is in no use: whatever its age is, but for what somebody works on.
Removal RemovalOf(const StepEnvironment& env);

// The second half of gc: what no reader ever sees. Data of attempts that no manifest names, in
// checkpoints that nobody works on; bundles that no record names, that were not published and are
// older than options.bundle_age, and nobody has just begun to use (bundle_use.h); tombstones older than options.tombstone_age. And
// what readers miss: entries of the indices that an available checkpoint lacks.
Status RemoveOrphans(const StepEnvironment& env, const GcOptions& options,
                     std::vector<GcAction>& actions);

}  // namespace holdfast::runtime
