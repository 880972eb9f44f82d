#pragma once

#include <map>
#include <string>
#include <string_view>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/output.h"

namespace holdfast::cli {

// A workflow file that is to be started on an engine, with what was said of its parameters.
struct Submission {
  OpenedWorkflow workflow;
  std::map<std::string, std::string> parameters;  // those that were given
  std::string record;                             // among them; empty: a new one
};

// Checks what can be checked here: the arguments, the file and its bundle, that it is of that engine.
Result<Submission> OpenSubmission(const SubmitArguments& arguments, WorkflowEngine engine);

// What --dry-run=client prints: the object that would be sent; with --json a line of that type, which has `datum`. Returns
// the exit code.
int ShowUnsent(const Output& out, std::string_view type, Value datum, const Value& object);

// Whether a run can be gone on with; kConflict where it has not ended, or has succeeded. `options` find the same engine, and
// `end` is its command that ends a run.
Status CheckResumable(const engines::RunStatus& status, const std::string& options,
                      const std::string& end);

// --record goes on with what is there: a typing error must not begin something new. kNotFound.
Status CheckRecord(const BankSection& tenant, Operation operation, const std::string& id);

}  // namespace holdfast::cli
