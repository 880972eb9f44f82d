#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/workflow_file.h"
#include "runtime/verify/argo_form.h"
#include "runtime/verify/proof.h"

namespace holdfast::cli {

namespace {

Result<verify::SaidRun> ReadRun(const OpenedWorkflow& workflow) {
  if (workflow.engine == WorkflowEngine::kArgo) {
    HOLDFAST_ASSIGN_OR_RETURN(const local::Workflow read,
                              local::ReadWorkflowFile(workflow.file, workflow.template_folders));
    verify::SaidRun run = verify::RunOf(read);
    HOLDFAST_ASSIGN_OR_RETURN(const auto files, OwnFilesOf(workflow.file));
    for (std::string& fault : verify::FormFaults(files, workflow.bundle.bundle))
      run.faults.push_back(std::move(fault));
    return run;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, ReadMistralWorkflows(workflow.file));
  return verify::RunOf(definitions);
}

}  // namespace

int VerifyWorkflow(Session& session, const VerifyWorkflowArguments& arguments) {
  const Output& out = session.out();
  const auto workflow = OpenWorkflow(arguments.file, arguments.bundle, arguments.templates, {});
  if (!workflow) return out.Fail(workflow.error());
  auto run = ReadRun(*workflow);
  if (!run) return out.Fail(run.error());
  if (workflow->provider != workflow->bundle.bundle.provider_id)
    run->faults.push_back(fmt::format("the provider is {}, and {} in the bundle",
                                      Printable(workflow->provider),
                                      workflow->bundle.bundle.provider_id));
  const verify::Proof proof = verify::Prove(workflow->bundle, std::move(*run));
  out.Json("proof", Value()
                        .Set("file", workflow->file)
                        .Set("bundle", workflow->files.sha256)
                        .Set("holds", proof.holds())
                        .Set("steps", static_cast<std::int64_t>(proof.steps))
                        .Set("order", static_cast<std::int64_t>(proof.order))
                        .Set("added", static_cast<std::int64_t>(proof.added))
                        .Set("conditions", static_cast<std::int64_t>(proof.conditions))
                        .Set("faults", Value::List(proof.faults.begin(), proof.faults.end())));
  if (!proof.holds()) {
    Error error = InvalidInput(workflow->file + " does not do what its bundle says");
    for (const std::string& fault : proof.faults)
      error = std::move(error).Because(InvalidInput(fault));
    if (proof.more_faults != 0)
      error = std::move(error).Because(InvalidInput(fmt::format("and {} more", proof.more_faults)));
    return out.Fail(
        std::move(error).Hint("it was changed by hand, or another tool wrote it: compile again"));
  }
  out.Say(
      fmt::format("{}: runs the {} of its bundle, each after what it has to come after ({} pairs), "
                  "and keeps none "
                  "back that could run ({} conditions)",
                  workflow->file, Counted(proof.steps, "step"), proof.order, proof.conditions));
  if (proof.added != 0)
    out.Say(fmt::format("its cut adds {} pairs: 'holdfast explain' says which for a step",
                        proof.added));
  return 0;
}

}  // namespace holdfast::cli
