#pragma once

#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// What `submit`, `stop`, `resume` and `resubmit` do with --engine mistral.

// Stores the definitions of a file and of its NAME.children that Mistral does not have as they are, puts the bundle into
// the bank, and starts the workflow; with --schedule stores its cron trigger instead.
int SubmitToMistral(Session& session, const SubmitArguments& arguments);
// Cancels the execution, and does here what its `end` would have done: Mistral has no exit handler. Again: goes on with that.
int CancelOnMistral(Session& session, const ClusterRunArguments& arguments);
// Starts the workflow of a run again, with its record or with one of its own.
int StartAgainOnMistral(Session& session, const ClusterRunArguments& arguments, bool same_record);

}  // namespace holdfast::cli
