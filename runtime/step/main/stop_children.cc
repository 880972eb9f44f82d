#include "runtime/step/main/stop_children.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {

namespace argo = engines::argo;

namespace {

constexpr auto kLookEvery = std::chrono::seconds(3);
// A child can be made at the very moment of the stop, by a pod that dies: one look more finds it.
constexpr int kLooksAtRest = 2;

}  // namespace

Status StopChildren(argo::WorkflowService& service, const std::string& run,
                    std::chrono::milliseconds patience, const Clock& clock,
                    const std::function<void(std::chrono::milliseconds)>& pause, Logger& log) {
  const SteadyTime deadline = clock.Steady() + patience;
  const std::string selector = fmt::format("{}={}", argo::kPartOfRunLabel, run);
  std::set<std::string> told;
  for (int at_rest = 0;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Value> children,
                              service.List(argo::ObjectKind::kWorkflow, selector));
    std::size_t open = 0;
    std::string unreadable;
    for (const Value& child : children) {
      HOLDFAST_ASSIGN_OR_RETURN(const engines::RunStatus status, argo::ReadWorkflowStatus(child));
      // Also of one that succeeded: a try that was given up may be dying behind the one that did.
      if (status.ended() && !status.nodes_unreadable.empty())
        unreadable = Printable(status.name) + ": " + status.nodes_unreadable;
      if (status.ended() && status.dying().empty()) continue;
      ++open;
      if (status.ended() || !status.shutdown.empty() || !told.insert(status.name).second) continue;
      log.Log(LogLevel::kInfo, "stops the child Workflow " + Printable(status.name));
      Status stopped = service.ShutDown(status.name, argo::Shutdown::kStop);
      if (!stopped && stopped.error().code() != ErrorCode::kNotFound) return stopped;
    }
    if (open == 0 && ++at_rest == kLooksAtRest) {
      // Its pods may still be dying, and who does not see them may not clean up. The others are stopped all the same.
      if (!unreadable.empty()) return Corrupt("the child Workflow " + unreadable);
      return Ok();
    }
    if (open != 0) at_rest = 0;
    if (clock.Steady() >= deadline) {
      return Unavailable(Counted(open, "child Workflow") + " of the run " + Printable(run) +
                         " still have steps that run");
    }
    pause(kLookEvery);
  }
}

}  // namespace holdfast::runtime
