#pragma once

#include <string>

#include "plugins/engines/argo/workflow_service.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// Follows a run on its cluster until it has ended, shows it, then its record where the bank can be read, and says
// what can be done next. Returns its verdict: the exit code that `holdfast run` would have. Interrupted: the run goes on,
// and 130 or 143 is returned.
int WatchRun(Session& session, engines::argo::WorkflowService& service, const std::string& workflow,
             const ClusterArguments& cluster);

}  // namespace holdfast::cli
