#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"

namespace holdfast::cli {

// Whether this machine runs what the word of a cluster is. Who may write Workflows in a namespace may not run what they
// like on the machine of an operator: of the cluster's word, only this machine's own holdfast-step is started, with the
// bundle and the provider of its Workflow, and with options that name no place of this machine. kDenied says what is refused,
// and that --trust-cluster does it all the same. (No variable of it is taken either: LD_PRELOAD is a program, too.)
Status CheckForeignCommand(const std::vector<std::string>& argv, const OpenedWorkflow& workflow,
                           const StepArguments& arguments);

}  // namespace holdfast::cli
