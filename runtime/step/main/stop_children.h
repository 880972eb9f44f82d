#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "plugins/engines/argo/workflow_service.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Stops the child Workflows of a run that have not ended, and returns when none has a step that still runs: what
// they do must be over before it is cleaned up. Argo's Stop of a Workflow does not reach its children. kUnavailable
// when they take longer than `patience`, or when it is told to end: called again it goes on.
Status StopChildren(engines::argo::WorkflowService& service, const std::string& run,
                    std::chrono::milliseconds patience, const Clock& clock,
                    const std::function<void(std::chrono::milliseconds)>& pause, Logger& log);

}  // namespace holdfast::runtime
