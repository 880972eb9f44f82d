#pragma once

#include <span>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/result.h"
#include "runtime/step/step_environment.h"

namespace holdfast::runtime {

// How a call of an activity came to its end.
enum class ActivityEnd {
  kDone,      // it ended by itself; `status` is its outcome
  kStopped,   // cancellation was set: no outcome
  kLocked,    // it was kept out by somebody's lock and has done nothing: no outcome, try again
  kTimedOut,  // past activity_timeout: destroyed at a yield, or it returned an error; no outcome
};

struct ActivityCall {
  ActivityEnd end = ActivityEnd::kDone;
  Status status;
};

// Runs one activity to its end, polling it when it yields: poll_interval, growing by half to
// poll_interval_max, until activity_timeout. An error that it returns after it was told to end is
// no outcome (design: semantics, failure); a success is one. Neither is kLocked from a plugin,
// unless its work is half done: the same call may succeed as soon as the lock is gone. `log`: what the
// plugin logs goes there.
ActivityCall RunActivity(const StepEnvironment& env, Logger& log, ProtectionPlugin& plugin,
                         Operation operation, ActivityKind kind, Checkpoint& checkpoint,
                         std::span<const Resource> resources, const Parameters& parameters);

}  // namespace holdfast::runtime
