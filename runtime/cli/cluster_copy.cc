#include "runtime/cli/cluster_copy.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <set>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/template_references.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::cli {

namespace argo = engines::argo;
namespace fs = std::filesystem;

namespace {

// The controller writes every field that its types have, empty ones too; a file has what somebody wrote.
Value WithoutEmpty(const Value& value) {
  if (value.is_list()) {
    Value::List out;
    for (const Value& item : value.AsList()) out.push_back(WithoutEmpty(item));
    return out;
  }
  if (!value.is_map()) return value;
  Value out(Value::Map{});
  for (const auto& [key, member] : value.AsMap()) {
    Value kept = WithoutEmpty(member);
    const bool empty = kept.is_null() || (kept.is_map() && kept.AsMap().empty()) ||
                       (kept.is_list() && kept.AsList().empty()) ||
                       (key == "name" && kept.is_string() && kept.AsString().empty());
    // An empty directory is a volume that says nothing more, a parameter may be an empty text.
    if (!empty || key == "emptyDir" || key == "value") out.Set(key, std::move(kept));
  }
  return out;
}

Status WriteObject(const std::string& path, std::string_view kind, const std::string& name,
                   const Value& spec) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text,
                            DumpJsonPretty(Value()
                                               .Set("apiVersion", "argoproj.io/v1alpha1")
                                               .Set("kind", kind)
                                               .Set("metadata", Value().Set("name", name))
                                               .Set("spec", WithoutEmpty(spec))));
  return WriteFileDurably(path, text);
}

// What the run does: its own spec, or that of its template as it was then.
Result<Value> SpecOf(argo::WorkflowService& service, const Value& workflow,
                     const engines::RunStatus& status) {
  const Value* spec = workflow.Find("spec");
  if (spec == nullptr || !spec->is_map()) return InvalidInput("the workflow has no spec");
  if (status.from_template.empty()) {
    Value own = *spec;
    own.MutableMap().erase("shutdown");
    return own;
  }
  Value out;
  const Value* const state = workflow.Find("status");
  if (const Value* const stored =
          state == nullptr ? nullptr : state->Find("storedWorkflowTemplateSpec");
      stored != nullptr && stored->is_map()) {
    out = *stored;
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Value found, service.Get(argo::ObjectKind::kWorkflowTemplate, status.from_template));
    if (const Value* const its = found.Find("spec"); its != nullptr && its->is_map()) out = *its;
  }
  Value::List parameters;
  for (const auto& [name, value] : status.parameters)
    parameters.push_back(Value().Set("name", name).Set("value", value));
  if (!parameters.empty()) out.Set("arguments", Value().Set("parameters", std::move(parameters)));
  return out;
}

Result<BundleFiles> BundleInBank(Session& session, const engines::RunStatus& status) {
  const auto name = status.parameters.find("bundle");
  const auto provider = status.parameters.find("provider");
  if (name == status.parameters.end() || provider == status.parameters.end())
    return InvalidInput("workflow " + Printable(status.name) +
                        " is none of ours: it names no bundle and provider");
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const opened,
                            session.OpenProvider(provider->second, Session::Warnings::kLeave));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection tenant,
                            session.TenantSection(*opened, SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const LoadedBundle bundle,
                            runtime::LoadBundleFromBank(tenant, name->second));
  BundleFiles files;
  files.sha256 = bundle.sha256;
  HOLDFAST_ASSIGN_OR_RETURN(files.files["bundle.json"], DumpBundle(bundle.bundle));
  for (std::size_t i = 0; i < bundle.shards.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(files.files[fmt::format("shard-{}.json", i)],
                              DumpShard(bundle.shards[i]));
  }
  return files;
}

}  // namespace

Result<ClusterCopy> ClusterCopy::Make(Session& session, const StepArguments& arguments) {
  if (arguments.cluster.engine == kMistralEngine) {
    return Error(ErrorCode::kUsage, "--from-cluster takes runs of Argo")
        .Hint(
            "of a run on Mistral: compile the plan with --engine argo, its steps have the same "
            "names, "
            "and give --run-id");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const OpenedRun run,
                            OpenRun(session, arguments.cluster, arguments.from_cluster));
  const engines::RunStatus& status = run.status;
  HOLDFAST_ASSIGN_OR_RETURN(const Value spec, SpecOf(*run.service, run.workflow, status));

  ClusterCopy copy;
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "holdfast-run-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return SystemError(errno, "making a folder for the run");
  copy.folder_ = folder;
  // Not by its label: who distrusts the cluster looks at the parameter (cluster_trust.h).
  const auto parent = status.parameters.find(kRunParameter);
  const bool has_parent = parent != status.parameters.end() && !parent->second.empty();
  copy.run_id_ = has_parent ? parent->second : status.uid;
  const auto record = status.parameters.find("record");
  if (record != status.parameters.end()) copy.record_ = record->second;
  HOLDFAST_RETURN_IF_ERROR(WriteObject(folder + "/run.yaml", "Workflow", status.name, spec));
  // Those that the children of a child start are found in there.
  std::set<std::string> seen;
  const std::set<std::string> direct = TemplateReferences(spec);
  std::vector<std::string> open(direct.begin(), direct.end());
  for (std::size_t number = 0; !open.empty(); ++number) {
    const std::string name = std::exchange(open.back(), {});
    open.pop_back();
    if (!seen.insert(name).second) continue;
    const auto found = run.service->Get(argo::ObjectKind::kWorkflowTemplate, name);
    // Who may not read them has a copy here, as a rule.
    if (!found && found.error().code() == ErrorCode::kDenied) break;
    if (!found) return found.error();
    const Value* const its = found->Find("spec");
    if (its == nullptr) continue;
    const std::set<std::string> more = TemplateReferences(*its);
    open.insert(open.end(), more.begin(), more.end());
    fs::create_directories(folder + "/templates", error);
    HOLDFAST_RETURN_IF_ERROR(WriteObject(fmt::format("{}/templates/{}.yaml", folder, number),
                                         "WorkflowTemplate", name, *its));
    copy.templates_ = folder + "/templates";
  }
  if (arguments.bundle.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleFiles files, BundleInBank(session, status));
    HOLDFAST_RETURN_IF_ERROR(WriteBundleFolder(folder + "/run.bundle", files));
  }
  return copy;
}

ClusterCopy::ClusterCopy(ClusterCopy&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      templates_(std::move(other.templates_)),
      run_id_(std::move(other.run_id_)),
      record_(std::move(other.record_)) {}

ClusterCopy::~ClusterCopy() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

StepArguments ClusterCopy::Over(StepArguments arguments) const {
  arguments.file = folder_ + "/run.yaml";
  if (arguments.templates.empty()) arguments.templates = templates_;
  if (arguments.run_id.empty()) arguments.run_id = run_id_;
  if (arguments.record.empty()) arguments.record = record_;
  return arguments;
}

}  // namespace holdfast::cli
