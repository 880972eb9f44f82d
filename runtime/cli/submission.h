#pragma once

#include <map>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"

namespace holdfast::cli {

// A workflow file that is to be started on an engine, with what was said of its parameters.
struct Submission {
  OpenedWorkflow workflow;
  std::map<std::string, std::string> parameters;  // those that were given
  std::string record;                             // among them; empty: a new one
};

// Checks what can be checked here: the arguments, the file and its bundle, that it is of that engine.
Result<Submission> OpenSubmission(const SubmitArguments& arguments, WorkflowEngine engine);

// --record goes on with what is there: a typing error must not begin something new. kNotFound.
Status CheckRecord(const BankSection& tenant, Operation operation, const std::string& id);

}  // namespace holdfast::cli
