#include "runtime/cli/submission.h"

#include <fmt/format.h>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

Result<Submission> OpenSubmission(const SubmitArguments& arguments, WorkflowEngine engine) {
  Submission out;
  HOLDFAST_ASSIGN_OR_RETURN(out.parameters, ParseAssignments(arguments.parameters));
  if (!arguments.record.empty()) out.parameters["record"] = arguments.record;
  if (arguments.fail_fast) out.parameters["fail-fast"] = "true";
  if (const auto record = out.parameters.find("record"); record != out.parameters.end())
    out.record = record->second;
  if (out.record == "latest")
    return Error(ErrorCode::kUsage, "--record: nothing can be called 'latest'");
  if (!out.record.empty()) {
    if (Status known = runtime::CheckId(out.record); !known)
      return std::move(known).error().While("--record");
  }
  HOLDFAST_ASSIGN_OR_RETURN(out.workflow, OpenWorkflow(arguments.file, arguments.bundle,
                                                       arguments.templates, out.parameters));
  if (engine == WorkflowEngine::kArgo) {
    HOLDFAST_RETURN_IF_ERROR(RefuseOtherEngines(out.workflow, "'holdfast submit'"));
  } else if (out.workflow.engine != engine) {
    return InvalidInput(arguments.file + " is a workflow for Argo")
        .Hint("compile it again with --engine mistral; the bundle is the same");
  }
  return out;
}

int ShowUnsent(const Output& out, std::string_view type, Value datum, const Value& object) {
  const auto text = DumpJsonPretty(object);
  if (!text) return out.Fail(text.error());
  out.Json(type, std::move(datum));
  if (!out.json()) WriteStdout(*text);
  return 0;
}

Status CheckResumable(const engines::RunStatus& status, const std::string& options,
                      const std::string& end) {
  const std::string tail = " " + status.handle + options;
  if (!status.ended()) {
    return Error(ErrorCode::kConflict, "run " + status.uid + " has not ended")
        .Hint("'holdfast watch" + tail + "' follows it, 'holdfast " + end + tail + "' ends it");
  }
  if (engines::VerdictOf(status) != 0) return Ok();
  return Error(ErrorCode::kConflict,
               "run " + status.uid + " has succeeded: there is nothing to resume")
      .Hint("'holdfast resubmit" + tail + "' starts anew");
}

Status CheckRecord(const BankSection& tenant, Operation operation, const std::string& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const runtime::Record record,
                            runtime::Record::Open(tenant, runtime::RecordKindOf(operation), id));
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (head) return Ok();
  return NotFound(fmt::format("there is no {} {}", runtime::NameOf(record.kind()), Printable(id)))
      .Hint("--record goes on with one that is there");
}

}  // namespace holdfast::cli
