#pragma once

#include <string>

#include "runtime/cli/run_engine.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// Follows a run on its engine until it has ended, shows it, then its record where the bank can be read, and says
// what can be done next. Returns its verdict: the exit code that `holdfast run` would have. Interrupted: the run goes on,
// and 130 or 143 is returned.
int WatchRun(Session& session, RunEngine& engine, const std::string& handle);

}  // namespace holdfast::cli
