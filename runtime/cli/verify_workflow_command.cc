#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/workflow_file.h"
#include "runtime/verify/argo_form.h"
#include "runtime/verify/proof.h"
#include "runtime/verify/schedule_form.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* kScheduleSuffix = ".schedule.yaml";

Result<verify::SaidRun> ReadArgoRun(const OpenedWorkflow& workflow) {
  // The file and its children, then the templates that they refer to.
  HOLDFAST_ASSIGN_OR_RETURN(auto own, OwnFilesOf(workflow.file));
  std::vector<local::ParsedFile> files;
  for (local::SourceFile& file : own) files.push_back(local::ParseFile(std::move(file)));
  const std::size_t own_files = files.size();
  for (const std::string& folder : workflow.template_folders) {
    if (folder == ChildrenFolderOf(workflow.file)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(auto templates, local::ReadTemplateFolder(folder));
    for (local::SourceFile& file : templates) files.push_back(local::ParseFile(std::move(file)));
  }
  std::vector<const local::ParsedFile*> all;
  all.reserve(files.size());
  for (const local::ParsedFile& file : files) all.push_back(&file);
  HOLDFAST_ASSIGN_OR_RETURN(const local::Workflow read, local::ReadParsedWorkflow(all));
  verify::SaidRun run = verify::RunOf(read);
  for (std::string& fault :
       verify::FormFaults(std::span(files).first(own_files), workflow.bundle.bundle))
    run.faults.push_back(std::move(fault));
  return run;
}

Result<verify::SaidRun> ReadRun(const OpenedWorkflow& workflow) {
  if (workflow.engine == WorkflowEngine::kArgo) return ReadArgoRun(workflow);
  HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, ReadMistralWorkflows(workflow.file));
  return verify::RunOf(definitions);
}

// What starts the workflow by itself: the file that is given, or NAME.schedule.yaml where it is there. Its faults are the
// run's. Its path; empty where there is none.
Result<std::string> CheckSchedule(const Output& out, const OpenedWorkflow& workflow,
                                  const std::string& given, verify::SaidRun& run) {
  const std::string path =
      given.empty() ? fs::path(workflow.file).replace_extension(kScheduleSuffix).string() : given;
  std::error_code error;
  if (given.empty() && !fs::exists(path, error)) {
    // A Workflow of Argo is started by hand.
    const bool starts_itself = workflow.engine == WorkflowEngine::kMistral || workflow.is_template;
    if (starts_itself && verify::HasSchedule(workflow.bundle.bundle))
      out.Warn("its plan has a schedule, and there is no " + path +
               " that would start it: 'holdfast compile --kind template' writes it");
    return std::string();
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto source, local::ReadSourceFile(path));
  if (workflow.engine == WorkflowEngine::kArgo && !workflow.is_template)
    run.faults.push_back(
        fmt::format("{} starts a WorkflowTemplate, and {} is a Workflow: 'holdfast compile --kind "
                    "template' writes both",
                    Printable(path), Printable(workflow.file)));
  const auto engine = workflow.engine == WorkflowEngine::kMistral ? verify::ScheduleEngine::kMistral
                                                                  : verify::ScheduleEngine::kArgo;
  for (std::string& fault :
       verify::ScheduleFaults(local::ParseFile(std::move(source)), engine, workflow.bundle.bundle))
    run.faults.push_back(std::move(fault));
  return path;
}

}  // namespace

int VerifyWorkflow(Session& session, const VerifyWorkflowArguments& arguments) {
  const Output& out = session.out();
  const auto workflow = OpenWorkflow(arguments.file, arguments.bundle, arguments.templates, {});
  if (!workflow && arguments.file.ends_with(kScheduleSuffix)) {
    return out.Fail(Error(workflow.error())
                        .Hint("of a schedule name the workflow's file: what stands beside it is "
                              "proven with it"));
  }
  if (!workflow) return out.Fail(workflow.error());
  auto run = ReadRun(*workflow);
  if (!run) return out.Fail(run.error());
  if (workflow->provider != workflow->bundle.bundle.provider_id)
    run->faults.push_back(fmt::format("the provider is {}, and {} in the bundle",
                                      Printable(workflow->provider),
                                      workflow->bundle.bundle.provider_id));
  const auto schedule = CheckSchedule(out, *workflow, arguments.schedule, *run);
  if (!schedule) return out.Fail(schedule.error());
  const verify::Proof proof = verify::Prove(workflow->bundle, std::move(*run));
  Value said = Value()
                   .Set("file", workflow->file)
                   .Set("bundle", workflow->files.sha256)
                   .Set("holds", proof.holds())
                   .Set("steps", static_cast<std::int64_t>(proof.steps))
                   .Set("order", static_cast<std::int64_t>(proof.order))
                   .Set("added", static_cast<std::int64_t>(proof.added))
                   .Set("conditions", static_cast<std::int64_t>(proof.conditions))
                   .Set("faults", Value::List(proof.faults.begin(), proof.faults.end()));
  if (!schedule->empty()) said.Set("schedule", *schedule);
  out.Json("proof", std::move(said));
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
  if (!schedule->empty()) out.Say(*schedule + ": starts it when its plan says");
  if (proof.added != 0)
    out.Say(fmt::format("its cut adds {} pairs: 'holdfast explain' says which for a step",
                        proof.added));
  return 0;
}

}  // namespace holdfast::cli
