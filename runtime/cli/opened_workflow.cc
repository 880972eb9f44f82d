#include "runtime/cli/opened_workflow.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"
#include "runtime/local/expression.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/step_list.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

// What the steps take as a truth they would refuse one by one, when the run has begun.
Status CheckTruth(const std::map<std::string, std::string>& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return Ok();
  for (const char* const truth : {"", "true", "yes", "1", "on", "false", "no", "0", "off"}) {
    if (found->second == truth) return Ok();
  }
  return InvalidInput("parameter '" + name + "' is true or false, not '" +
                      Printable(found->second) + "'");
}

Status ReadArgoParameters(OpenedWorkflow& out, const std::string& templates,
                          const std::map<std::string, std::string>& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(out.template_folders, TemplateFoldersOf(out.file, templates));
  auto read = local::ReadWorkflowFile(out.file, out.template_folders);
  if (!read && read.error().code() == ErrorCode::kNotFound)
    return std::move(read).error().Hint(
        "--templates DIR names a folder that templates/argo was copied to");
  if (!read) return std::move(read).error();
  out.is_template = read->kind == "WorkflowTemplate";
  HOLDFAST_ASSIGN_OR_RETURN(out.parameters, local::ResolveParameters(*read, parameters));
  return Ok();
}

// The first workflow of the file, which starts the others.
Result<std::map<std::string, std::string>> ReadMistralInputs(
    const local::SourceFile& source, const std::map<std::string, std::string>& given) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, mistral::ReadDefinitions(source));
  std::map<std::string, std::string> out;
  for (const mistral::Input& input : definitions.front().inputs)
    out[input.name] = input.value ? local::TextOf(*input.value) : "";
  for (const auto& [name, value] : given) {
    if (!out.contains(name)) {
      std::vector<std::string> names;
      names.reserve(out.size());
      for (const auto& [known, unused] : out) names.push_back(known);
      const std::string near = Nearest(name, names);
      return InvalidInput("workflow " + definitions.front().name + " has no input '" +
                          Printable(name) + "'")
          .Hint(near.empty() ? "it has " + Join(names, ", ") : "did you mean '" + near + "'?");
    }
    out[name] = value;
  }
  return out;
}

}  // namespace

std::string StepBinary() { return fs::path(ProgramFolder()) / "holdfast-step"; }

Result<std::string> TemplatesFolder() {
  // Installed: PREFIX/bin and PREFIX/share. In a build: build/bin, and build/share links to the sources.
  const fs::path folder =
      fs::path(ProgramFolder()).parent_path() / "share" / "holdfast" / "templates" / "argo";
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return NotFound("the templates are not installed: there is no " + folder.string())
        .Hint("--templates DIR names the folder that templates/argo was copied to");
  }
  return folder.string();
}

std::string BundleFolderOf(const std::string& file) {
  return fs::path(file).replace_extension(".bundle");
}

std::string ChildrenFolderOf(const std::string& file) {
  return fs::path(file).replace_extension(".children");
}

Result<std::vector<std::string>> TemplateFoldersOf(const std::string& file,
                                                   const std::string& templates) {
  std::vector<std::string> folders{templates};
  if (templates.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(folders.front(), TemplatesFolder());
  }
  std::error_code error;
  if (fs::is_directory(ChildrenFolderOf(file), error)) folders.push_back(ChildrenFolderOf(file));
  return folders;
}

Result<std::map<std::string, std::string>> ParseAssignments(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> out;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorCode::kUsage, "'" + Printable(text) + "' is not NAME=VALUE")
          .Hint("such as --parameter retries=3");
    }
    out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

Result<OpenedWorkflow> OpenWorkflow(const std::string& file, const std::string& bundle_folder,
                                    const std::string& templates,
                                    const std::map<std::string, std::string>& parameters) {
  OpenedWorkflow out;
  out.file = file;
  auto source = local::ReadSourceFile(file);
  if (!source && source.error().code() == ErrorCode::kNotFound)
    return std::move(source).error().Hint("'holdfast compile' writes workflow files");
  if (!source) return std::move(source).error();
  if (mistral::IsMistralFile(source->text)) {
    out.engine = WorkflowEngine::kMistral;
    if (!templates.empty())
      return Error(ErrorCode::kUsage,
                   "--templates is for workflows of Argo, and " + file + " is one of Mistral");
    HOLDFAST_ASSIGN_OR_RETURN(out.parameters, ReadMistralInputs(*source, parameters));
  } else if (mistral::IsTriggerFile(source->text)) {
    return InvalidInput(file + " is a cron trigger for Mistral, and no workflow")
        .Hint(
            "name the file of the workflow, beside which it stands: 'holdfast submit NAME.yaml "
            "--engine mistral --schedule' stores both");
  } else {
    HOLDFAST_RETURN_IF_ERROR(ReadArgoParameters(out, templates, parameters));
  }
  for (const char* const name : {"bundle", "provider"}) {
    if (!out.parameters.contains(name) || out.parameters.at(name).empty()) {
      return InvalidInput("the workflow has no parameter '" + std::string(name) + "'")
          .At({file, 0, 0, {}, 1})
          .Hint("'holdfast compile' writes files that have one");
    }
  }
  for (const char* const name : {"fail-fast", "partial"}) {
    if (auto status = CheckTruth(out.parameters, name); !status) return std::move(status).error();
  }
  out.provider = out.parameters.at("provider");
  const std::string folder = bundle_folder.empty() ? BundleFolderOf(file) : bundle_folder;
  auto files = ReadBundleFolder(folder);
  if (!files) {
    return std::move(files)
        .error()
        .While("reading the bundle of " + file)
        .Hint(
            "the bundle stands beside the file that 'holdfast compile' wrote; --bundle DIR names "
            "another place");
  }
  out.files = std::move(*files);
  if (out.files.sha256 != out.parameters.at("bundle")) {
    return InvalidInput("the bundle in " + folder + " is not the one that " + file +
                        " was compiled with")
        .Hint("compile again, or name the right folder with --bundle");
  }
  HOLDFAST_ASSIGN_OR_RETURN(out.bundle, LoadBundle(out.files));
  return out;
}

Result<std::vector<local::SourceFile>> OwnFilesOf(const std::string& file) {
  std::vector<local::SourceFile> files(1);
  HOLDFAST_ASSIGN_OR_RETURN(files.front(), local::ReadSourceFile(file));
  std::error_code error;
  const std::string folder = ChildrenFolderOf(file);
  if (fs::is_directory(folder, error)) {
    HOLDFAST_ASSIGN_OR_RETURN(auto children, local::ReadTemplateFolder(folder));
    std::move(children.begin(), children.end(), std::back_inserter(files));
  }
  return files;
}

Result<std::vector<local::SourceFile>> MistralFilesOf(const std::string& file) {
  HOLDFAST_ASSIGN_OR_RETURN(auto files, OwnFilesOf(file));
  files.erase(std::remove_if(
                  files.begin() + 1, files.end(),
                  [](const local::SourceFile& each) { return !mistral::IsMistralFile(each.text); }),
              files.end());
  return files;
}

Result<std::vector<mistral::Definition>> ReadMistralWorkflows(const std::string& file) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto files, MistralFilesOf(file));
  return mistral::ReadDefinitions(files);
}

Result<std::vector<local::ListedStep>> ListStepsOf(const OpenedWorkflow& workflow,
                                                   const std::string& run_id) {
  if (workflow.engine == WorkflowEngine::kMistral) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, ReadMistralWorkflows(workflow.file));
    return mistral::ListSteps(definitions, workflow.bundle,
                              {workflow.parameters, run_id, StepBinary()});
  }
  local::ListOptions options;
  options.file = workflow.file;
  options.template_folders = workflow.template_folders;
  options.parameters = workflow.parameters;
  options.run_id = run_id;
  options.step_binary = StepBinary();
  return local::ListSteps(options);
}

Status RefuseOtherEngines(const OpenedWorkflow& workflow, std::string_view what) {
  if (workflow.engine == WorkflowEngine::kArgo) return Ok();
  return InvalidInput(workflow.file + " is a workflow for Mistral")
      .Hint(std::string(what) +
            " takes files for Argo: compile it again with --engine argo; the bundle is the same");
}

Result<BankSection> PutBundleIntoBank(Session& session, const OpenedWorkflow& workflow, BankUse use,
                                      Session::Warnings warnings) {
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider,
                            session.OpenProvider(workflow.provider, warnings));
  HOLDFAST_RETURN_IF_ERROR(provider->bank(use));
  HOLDFAST_ASSIGN_OR_RETURN(BankSection tenant,
                            session.TenantSection(*provider, SectionAccess::kWrite));
  if (Status put = runtime::PublishBundle(tenant, workflow.files, false); !put) {
    return std::move(put).error().While("writing the bundle to the bank");
  }
  return tenant;
}

}  // namespace holdfast::cli
