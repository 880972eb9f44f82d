#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/session.h"
#include "runtime/local/step_list.h"
#include "runtime/mistral/definition_file.h"

namespace holdfast::cli {

// The parameter by which a child Workflow knows whose part it is: its steps work in the run of the Workflow that a person or a
// schedule started. Others have none.
inline constexpr const char* kRunParameter = "run";

// Whose a workflow file is. The local engine runs Argo's.
enum class WorkflowEngine { kArgo, kMistral };

// A workflow file with the bundle beside it, checked against each other.
struct OpenedWorkflow {
  std::string file;
  WorkflowEngine engine = WorkflowEngine::kArgo;
  bool is_template = false;  // a WorkflowTemplate (--kind template)
  std::vector<std::string> template_folders;
  // All of the workflow's (of Mistral's: inputs), with what was given.
  std::map<std::string, std::string> parameters;
  std::string provider;  // the parameter `provider`
  BundleFiles files;
  LoadedBundle bundle;
};

// `bundle_folder` and `templates` may be empty: NAME.bundle beside the file, the installed
// templates/argo. kInvalidInput when the bundle is missing, damaged or not the one that the file
// names.
Result<OpenedWorkflow> OpenWorkflow(const std::string& file, const std::string& bundle_folder,
                                    const std::string& templates,
                                    const std::map<std::string, std::string>& parameters);

// The steps of the workflow and of its children, in the order of the file. `run_id` may be empty.
Result<std::vector<local::ListedStep>> ListStepsOf(const OpenedWorkflow& workflow,
                                                   const std::string& run_id);

// A file, and those of NAME.children beside it.
Result<std::vector<local::SourceFile>> OwnFilesOf(const std::string& file);
// The same of a workflow for Mistral: what is no file of Mistral's in that folder (an index of it) is passed over.
Result<std::vector<local::SourceFile>> MistralFilesOf(const std::string& file);
// The workflows of a file for Mistral, and of NAME.children beside it. The file's own come first.
Result<std::vector<mistral::Definition>> ReadMistralWorkflows(const std::string& file);

// Puts the bundle into the bank of the workflow's provider, where `begin` looks for it, and gives
// the tenant's section there. Again: success. With BankUse::kRead no bank is made: what goes on with
// a run or a record has one.
Result<BankSection> PutBundleIntoBank(Session& session, const OpenedWorkflow& workflow, BankUse use,
                                      Session::Warnings warnings = Session::Warnings::kSay);

// kInvalidInput for a file of another engine than Argo: for what only knows that one's files.
Status RefuseOtherEngines(const OpenedWorkflow& workflow, std::string_view what);

// "NAME=VALUE" texts as a map; kUsage for one without '='.
Result<std::map<std::string, std::string>> ParseAssignments(const std::vector<std::string>& texts);

// NAME.bundle for NAME.yaml.
std::string BundleFolderOf(const std::string& file);
// NAME.children: what the file starts in turn, where it is that large.
std::string ChildrenFolderOf(const std::string& file);
// Where what a file refers to is looked for: `templates` (empty: the installed templates/argo), and its
// children.
Result<std::vector<std::string>> TemplateFoldersOf(const std::string& file,
                                                   const std::string& templates);

// The folder of this executable, and what lies at fixed places around it: holdfast-step beside
// it, templates in ../share/holdfast/templates (installed) or in the build's source tree.
std::string StepBinary();
Result<std::string> TemplatesFolder();

}  // namespace holdfast::cli
