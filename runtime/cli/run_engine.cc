#include "runtime/cli/run_engine.h"

#include "runtime/cli/argo_runs.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/mistral_runs.h"

namespace holdfast::cli {

Result<std::unique_ptr<RunEngine>> OpenRunEngine(Session& session,
                                                 const ClusterArguments& arguments) {
  if (arguments.engine == kMistralEngine) {
    HOLDFAST_ASSIGN_OR_RETURN(auto runs, OpenMistralRuns(session, arguments));
    return std::unique_ptr<RunEngine>(std::move(runs));
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto service, OpenCluster(session, arguments));
  return MakeArgoRuns(session, std::move(service), arguments);
}

}  // namespace holdfast::cli
