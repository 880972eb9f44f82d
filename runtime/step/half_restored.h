#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/step/run_view.h"
#include "runtime/step/step_environment.h"

// A restore that did not end well may have left half of one point in time, and half of another, where it
// wrote. A protect of that is a backup that looks good and is not, so it says so, until the places were
// restored in full or somebody says that they are whole (`holdfast restores accept`).
namespace holdfast::runtime {

// By `end`, before it sets the state of a restore. `good`: it ends well; then it is marked as half restored
// no more, and neither is any restore of the same provider whose places it has written all.
Status NoteEndOfRestore(const StepEnvironment& env, RunView& run, bool good);

// What there is to warn of when a resource is protected: restores of the same provider that may have left
// its places half restored, a line each.
Result<std::vector<std::string>> WarnOfHalfRestored(const StepEnvironment& env,
                                                    const ProtectionPlugin& plugin,
                                                    const Resource& resource,
                                                    const Value& parameters);

}  // namespace holdfast::runtime
