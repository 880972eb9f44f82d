#pragma once

#include <memory>

#include "plugins/engines/argo/workflow_service.h"
#include "runtime/cli/run_engine.h"

namespace holdfast::cli {

// Runs that Argo makes. The session is borrowed.
std::unique_ptr<RunEngine> MakeArgoRuns(Session& session,
                                        std::shared_ptr<engines::argo::WorkflowService> service,
                                        const ClusterArguments& arguments);

}  // namespace holdfast::cli
