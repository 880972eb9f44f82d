#pragma once

#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/step_list.h"

namespace holdfast::cli {

// Whether this machine runs what the word of a cluster is. Who may write Workflows in a namespace may not run what they
// like on the machine of an operator, nor work in the bank with the operator's rights: of the cluster's word, only this
// machine's own holdfast-step is started, to do what a step of that name does, with the bundle and the provider of its
// Workflow, in the run, on the record and of the step of `arguments`, and with options that name no place of this machine
// and no activity. kDenied says what is refused, and that --trust-cluster does it all the same. (No variable of it is taken
// either: LD_PRELOAD is a program, too.) `step`: as it was listed; what is put behind its words here is nobody else's.
Status CheckForeignCommand(const local::ListedStep& step, const OpenedWorkflow& workflow,
                           const StepArguments& arguments);

// For a run that a Workflow names as its parent's, and nobody here: it has to be one of a Workflow of the same namespace, with
// the same bundle, provider and record, and no part itself. Ids there are given by the server, so whoever writes a Workflow can
// name no run of another namespace. `begin` and `end` are never a part's. kDenied as above.
Status CheckForeignRun(Session& session, const local::ListedStep& step,
                       const OpenedWorkflow& workflow, const StepArguments& arguments);

}  // namespace holdfast::cli
