#pragma once

#include <string>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/mistral_runs.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// Whether the record of a run that has ended can be gone on with now. kLocked where a run that Mistral knows, or knew, holds
// it: one that was ended there and not cleaned up, that was deleted, or that goes on; with the command that is to come first.
// Where the bank cannot be read from here, and of whoever else holds it, it is left to the begin to refuse.
Status CheckRecordIsFree(Session& session, MistralRuns& runs, const engines::RunStatus& status);

// Of a run whose checkpoint `deletion` (a run) is deleting, or was: the command that brings that to its end where nobody is at
// work on it any more.
std::string EndDeletionCommand(Session& session, const BankSection& bank,
                               const engines::RunStatus& run, const std::string& deletion);

}  // namespace holdfast::cli
