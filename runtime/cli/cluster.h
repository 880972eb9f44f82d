#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/engines/argo/workflow_service.h"
#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// The cluster that runs are submitted to and watched on. Borrows the session.
Result<std::unique_ptr<engines::argo::WorkflowService>> OpenCluster(
    Session& session, const ClusterArguments& arguments);

// The workflow of a run: by its name or, where `run` looks like an id, by its uid. kNotFound.
Result<Value> FindRun(engines::argo::WorkflowService& service, const std::string& run);

// A run on a cluster, as it is now.
struct OpenedRun {
  std::shared_ptr<engines::argo::WorkflowService> service;
  Value workflow;
  engines::RunStatus status;
};
Result<OpenedRun> OpenRun(Session& session, const ClusterArguments& arguments,
                          const std::string& run);

// Hands on each state of a workflow that is seen, until `see` returns false. Bears a server that is away for a quarter of an
// hour, as an upgrade of a control plane takes minutes; else as WorkflowService::Follow.
Status FollowRun(engines::argo::WorkflowService& service, const std::string& workflow,
                 const std::function<bool(engines::RunStatus status)>& see);

// Argo may call a stopped Workflow with children failed while the pod of its exit handler has not begun, and not look at
// that node again (seen with 4.0.5). Where `status` is like that, this waits until the run's record in `bank` is no longer worked
// on, or the node has ended, which `status` then says; at most two minutes, less when the session is cancelled. False: it was
// not seen to end, and a warning says so.
bool AwaitExitHandler(Session& session, engines::argo::WorkflowService& service,
                      const std::optional<BankSection>& bank, engines::RunStatus& status);

// What both who watches and who stops a run say of its end: pods that nobody has seen to end, the JSON line, and how to
// go on where AwaitExitHandler has returned false (`cleaned_up`): `watch` is the command that waits again.
// Whoever shows a run says that its nodes cannot be read, where that is so.
void WarnOfLostPods(const Output& out, const engines::RunStatus& status);
void WarnOfUnreadableNodes(const Output& out, const engines::RunStatus& status);
Value RunEnded(const engines::RunStatus& status, bool cleaned_up);
void SayLastStepIsAwaited(Session& session, const engines::RunStatus& status,
                          const std::string& watch);

// What nobody has let go on or cleaned up of a run that has ended, as its record in the bank says; empty: nothing is left, or
// nobody knows. And how that is done: what `clean_up` tries again failed once.
std::string NotCleanedUp(const BankSection& bank, const std::string& run);
void SayHowToCleanUp(const Output& out, const std::string& clean_up, const std::string& resume);

// What Argo says of the whole run is what it says of a step.
bool RepeatsAStep(const engines::RunStatus& status);

// Of a part of a large run: the command line's word for the run that it is a part of, its workflow's name, or its id where
// that is not to be found.
std::string WholeRun(engines::argo::WorkflowService& service, const engines::RunStatus& part);

// Cleans up after a run that nobody works on, for whoever types it: they know what a gc on the cluster cannot, that the
// run's pods are gone.
std::string CleanUpCommand(Session& session, const engines::RunStatus& status);

// The options that a next command needs to find the same cluster: "" or " --context x --namespace y".
std::string ClusterOptions(const ClusterArguments& arguments);

// The bank of the provider that a workflow names, as far as this machine has that provider and can read its bank;
// nullopt otherwise: a run is watched all the same.
std::optional<BankSection> BankOfRun(Session& session, const engines::RunStatus& status);

// Ctrl-C and SIGTERM set the session's cancellation while this lives, so that a command that waits ends by
// itself and says how to go on. One at a time.
class CancelOnSignals {
 public:
  explicit CancelOnSignals(Session& session);
  ~CancelOnSignals();
  CancelOnSignals(const CancelOnSignals&) = delete;
  CancelOnSignals& operator=(const CancelOnSignals&) = delete;
  // 130 or 143 when one came; 0: none did.
  int exit_code() const;
};

}  // namespace holdfast::cli
