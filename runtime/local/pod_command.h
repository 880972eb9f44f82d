#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/expression.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// What a pod runs, all {{...}} filled in.
struct PodCommand {
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::chrono::seconds> deadline;  // of one try
};

// The values of workflow.* by full name, but for workflow.status.
using WorkflowValues = std::map<std::string, std::string, std::less<>>;
WorkflowValues ValuesOfWorkflow(const Workflow& workflow, const std::string& run_id,
                                const std::map<std::string, std::string>& parameters);

// The values of a child Workflow; `caller` knows what the texts of the call do. Its uid is that of `values`,
// the Workflow's that starts it: no step of a child asks for it.
Result<WorkflowValues> ValuesOfChild(const ChildWorkflow& child, const WorkflowValues& values,
                                     const Lookup& caller);

// The inputs of a template that is called: defaults know workflow.* only, arguments are texts of
// the caller.
Result<std::map<std::string, std::string>> FillInputs(const Workflow& workflow,
                                                      const TemplateCall& call,
                                                      const WorkflowValues& values,
                                                      const Lookup& caller);

// `made` has a container; `lookup` knows everything that may stand in a leaf template.
Result<PodCommand> FillCommand(const Template& made, const Lookup& lookup);

// The number that a text with variables gives; kInvalidInput naming `what` when it is none, or less
// than `least`.
Result<std::int64_t> FillInteger(const PlacedText& text, const Lookup& lookup,
                                 std::string_view what, std::int64_t least);

// Looks up inputs.parameters.*, tasks.name (when `task` is given), workflow.status (when `status`
// is given) and workflow.*. All arguments are borrowed and outlive the result.
Lookup MakeLookup(const WorkflowValues& values, const std::map<std::string, std::string>& inputs,
                  const std::string* task, const std::string* status);

}  // namespace holdfast::local
