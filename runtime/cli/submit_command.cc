#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/argo_runs.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/mistral_commands.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/submission.h"
#include "runtime/cli/template_references.h"
#include "runtime/cli/watched_run.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kSuffix = 5;
constexpr int kMostNames = 5;
// Tells a workflow that this process has made from another one of the same name.
constexpr const char* kSubmission = "holdfast/submission";
// Short enough for a label's value.
constexpr const char* kBundleLabel = "holdfast/bundle";
constexpr std::size_t kBundleLabelLength = 40;

std::string RandomText(std::size_t length, std::string_view alphabet) {
  std::random_device random;
  std::uniform_int_distribution<std::size_t> any(0, alphabet.size() - 1);
  std::string out;
  while (out.size() < length) out += alphabet[any(random)];
  return out;
}

// Without vowels, as Kubernetes makes them: no words come out.
std::string NameFrom(const std::string& base) {
  std::string out = base.substr(0, kLongestName - kSuffix);
  return out + RandomText(kSuffix, "bcdfghjklmnpqrstvwxz2456789");
}

// Sets parameters of a workflow, over those that it has.
void SetParameters(Value& workflow, const std::map<std::string, std::string>& parameters) {
  Value& spec = workflow.MutableMap()["spec"];
  Value& list = spec.MutableMap()["arguments"].MutableMap()["parameters"];
  for (const auto& [name, value] : parameters) {
    const auto entry = Value().Set("name", name).Set("value", value);
    Value::List& all = list.MutableList();
    const auto there = std::find_if(all.begin(), all.end(), [&name = name](const Value& each) {
      return each.StringOr("name", "") == name;
    });
    if (there == all.end()) {
      all.push_back(entry);
    } else {
      *there = entry;
    }
  }
}

// A workflow to create: its base name goes before the five letters of each try.
struct Draft {
  std::string base;
  Value object;
};

Value MetadataOf(const std::string& base, const std::string& bundle, const Value* annotations) {
  Value kept(Value::Map{});
  if (annotations != nullptr && annotations->is_map()) {
    for (const auto& [key, value] : annotations->AsMap()) {
      if (key.starts_with("holdfast/")) kept.Set(key, value);
    }
  }
  kept.Set(kSubmission, RandomText(32, "0123456789abcdef"));
  return Value()
      .Set("generateName", base)
      .Set("labels", Value().Set(kBundleLabel, bundle.substr(0, kBundleLabelLength)))
      .Set("annotations", std::move(kept));
}

// The document of a file that `submit` starts: a Workflow, or a WorkflowTemplate that is applied already.
Result<Draft> DraftOf(const OpenedWorkflow& workflow,
                      const std::map<std::string, std::string>& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(local::SourceFile source, local::ReadSourceFile(workflow.file));
  const local::ParsedFile parsed = local::ParseFile(std::move(source));
  if (!parsed.documents) return parsed.documents.error();
  const std::string& bundle = workflow.parameters.at("bundle");
  for (const Value& document : *parsed.documents) {
    const std::string kind = document.StringOr("kind", "");
    const Value* const metadata = document.Find("metadata");
    if ((kind != "Workflow" && kind != "WorkflowTemplate") || metadata == nullptr) continue;
    Draft draft;
    if (kind == "Workflow") {
      draft.object = document;
      draft.base = metadata->StringOr("generateName", metadata->StringOr("name", "holdfast") + "-");
    } else {
      const std::string name = metadata->StringOr("name", "");
      draft.base = name + "-";
      draft.object =
          Value()
              .Set("apiVersion", "argoproj.io/v1alpha1")
              .Set("kind", "Workflow")
              .Set("spec", Value().Set("workflowTemplateRef", Value().Set("name", name)));
    }
    draft.object.Set("metadata", MetadataOf(draft.base, bundle, metadata->Find("annotations")));
    if (!parameters.empty()) SetParameters(draft.object, parameters);
    return draft;
  }
  return InvalidInput(workflow.file + " has no Workflow and no WorkflowTemplate");
}

std::string BundleOf(const Value& workflow_or_template) {
  const Value* const spec = workflow_or_template.Find("spec");
  const Value* const arguments = spec == nullptr ? nullptr : spec->Find("arguments");
  const Value* const list = arguments == nullptr ? nullptr : arguments->Find("parameters");
  if (list == nullptr || !list->is_list()) return {};
  for (const Value& parameter : list->AsList()) {
    if (parameter.StringOr("name", "") == "bundle") return parameter.StringOr("value", "");
  }
  return {};
}

// A WorkflowTemplate of the cluster; null where we may not read it: who may create workflows need not be allowed to.
Result<Value> GetTemplate(argo::WorkflowService& service, const std::string& name,
                          const std::string& apply) {
  auto found = service.Get(argo::ObjectKind::kWorkflowTemplate, name);
  if (found) return found;
  if (found.error().code() == ErrorCode::kDenied) return Value();
  if (found.error().code() != ErrorCode::kNotFound || !found.error().hint().empty())
    return found.error();
  return Error(found.error()).Hint(apply);
}

std::string ApplyCommand(const argo::WorkflowService& service, const std::string& what) {
  return "apply it first: kubectl apply --namespace " + service.name_space() + " " + what;
}

// What a large file starts has to be there, and to be of the same compile: a step that is in no child of today's
// would simply not be run. Their names.
Result<std::set<std::string>> CheckChildren(argo::WorkflowService& service,
                                            const std::string& file) {
  std::set<std::string> names;
  std::error_code error;
  const std::string folder = ChildrenFolderOf(file);
  if (!std::filesystem::is_directory(folder, error)) return names;
  const std::string apply = ApplyCommand(service, "-k " + ShellWord(folder));
  HOLDFAST_ASSIGN_OR_RETURN(auto sources, local::ReadTemplateFolder(folder));
  for (local::SourceFile& source : sources) {
    const local::ParsedFile parsed = local::ParseFile(std::move(source));
    if (!parsed.documents) return parsed.documents.error();
    for (const Value& document : *parsed.documents) {
      if (document.StringOr("kind", "") != "WorkflowTemplate") continue;
      const std::string name = document.Find("metadata")->StringOr("name", "");
      names.insert(name);
      HOLDFAST_ASSIGN_OR_RETURN(const Value found, GetTemplate(service, name, apply));
      const Value* const there = found.is_null() ? nullptr : found.Find("spec");
      if (found.is_null() || (there != nullptr && *there == *document.Find("spec"))) continue;
      return Error(ErrorCode::kConflict, "the WorkflowTemplate " + Printable(name) + " in " +
                                             service.Place() + " is of another compile")
          .Hint(apply);
    }
  }
  return names;
}

// Argo would find out when the run has begun, and would say less.
Status CheckTemplates(argo::WorkflowService& service, const Value& object,
                      const std::string& bundle, const std::string& file,
                      const std::set<std::string>& checked) {
  const Value* const spec = object.Find("spec");
  if (spec == nullptr) return Ok();
  const Value* const whole = spec->Find("workflowTemplateRef");
  for (const std::string& name : TemplateReferences(*spec)) {
    if (checked.contains(name)) continue;
    const bool is_whole = whole != nullptr && whole->StringOr("name", "") == name;
    const std::string apply = is_whole && !file.empty()
                                  ? ApplyCommand(service, "-f " + ShellWord(file))
                                  : "apply the site's templates first: kubectl apply --namespace " +
                                        service.name_space() +
                                        " -k DIR ('holdfast init argo DIR' writes them)";
    HOLDFAST_ASSIGN_OR_RETURN(const Value found, GetTemplate(service, name, apply));
    if (is_whole && !bundle.empty() && !found.is_null() && BundleOf(found) != bundle) {
      return Error(ErrorCode::kConflict, "the WorkflowTemplate " + Printable(name) + " in " +
                                             service.Place() + " was compiled from another bundle")
          .Hint(apply);
    }
  }
  return Ok();
}

// Creates it once, however often it has to be tried: what a lost answer leaves behind is found by its name.
Result<Value> CreateOnce(argo::WorkflowService& service, Draft& draft, argo::CreateMode mode) {
  const std::string submission =
      draft.object.Find("metadata")->Find("annotations")->StringOr(kSubmission, "");
  for (int names = 0;; ++names) {
    Value& metadata = draft.object.MutableMap().at("metadata");
    const std::string name = NameFrom(draft.base);
    metadata.Set("name", name).Set("namespace", service.name_space());
    auto created = service.Create(argo::ObjectKind::kWorkflow, draft.object, mode);
    if (created || created.error().code() != ErrorCode::kConflict || names + 1 == kMostNames)
      return created;
    auto there = service.Get(argo::ObjectKind::kWorkflow, name);
    if (!there) continue;
    const Value* const found = there->Find("metadata");
    const Value* const annotations = found == nullptr ? nullptr : found->Find("annotations");
    if (annotations != nullptr && annotations->StringOr(kSubmission, "") == submission)
      return there;
  }
}

// Says what was made, and what can be done with it.
int Started(Session& session, const std::shared_ptr<argo::WorkflowService>& service,
            const Value& created, const std::string& record, const ClusterArguments& cluster,
            bool watch) {
  const Output& out = session.out();
  const Value* const metadata = created.Find("metadata");
  const std::string name = metadata == nullptr ? "" : metadata->StringOr("name", "");
  const std::string uid = metadata == nullptr ? "" : metadata->StringOr("uid", "");
  if (name.empty() || uid.empty())
    return out.Fail(Corrupt(service->Place() + " created a workflow without a name or uid"));
  out.Say("submitted run " + uid + " as workflow " + name + " in " + service->Place());
  out.Json("run-submitted", Value()
                                .Set("run", uid)
                                .Set("workflow", name)
                                .Set("namespace", service->name_space())
                                .Set("record", record.empty() ? uid : record));
  out.Line(name);
  if (watch) return WatchRun(session, *MakeArgoRuns(session, service, cluster), name);
  for (const char* const command : {"watch", "logs", "stop"})
    out.Say("  " + ProgramCommand(session) + " " + command + " " + ShellWord(name) +
            ClusterOptions(cluster));
  return 0;
}

// The base of a name that ends in the five letters of one try.
std::string BaseOf(const Value& metadata) {
  if (std::string base = metadata.StringOr("generateName", ""); !base.empty()) return base;
  return metadata.StringOr("name", "holdfast") + "-";
}

// Without them it would be something else that is done.
Status RefuseMistralsOptions(bool schedule, const std::string& environment) {
  if (!schedule && environment.empty()) return Ok();
  return Error(ErrorCode::kUsage,
               std::string(schedule ? "--schedule" : "--environment") + " is for --engine mistral")
      .Hint(schedule ? "on Argo the schedule is a CronWorkflow: kubectl apply -f NAME.schedule.yaml"
                     : "on Argo the places of the site are in its templates");
}

int StartAgain(Session& session, const ClusterRunArguments& arguments, bool same_record) {
  if (arguments.cluster.engine == kMistralEngine)
    return StartAgainOnMistral(session, arguments, same_record);
  if (const Status ours = RefuseMistralsOptions(false, arguments.environment); !ours)
    return session.out().Fail(ours.error());
  const Output& out = session.out();
  const auto run = OpenRun(session, arguments.cluster, arguments.run);
  if (!run) return out.Fail(run.error());
  const engines::RunStatus& status = run->status;
  const auto bundle = status.parameters.find("bundle");
  if (bundle == status.parameters.end()) {
    return out.Fail(InvalidInput("workflow " + Printable(status.name) +
                                 " is none of ours: it has no parameter "
                                 "'bundle'"));
  }
  if (!status.part_of.empty()) {
    const std::string whole = WholeRun(*run->service, status);
    return out.Fail(
        Error(ErrorCode::kConflict, "workflow " + Printable(status.name) + " is a part of run " +
                                        Printable(status.part_of) + ", and does not run by itself")
            .Hint("'holdfast " + std::string(same_record ? "resume " : "resubmit ") +
                  ShellWord(whole) + ClusterOptions(arguments.cluster) + "' is about the whole"));
  }
  if (const Status can = same_record ? CheckResumable(status, "", "stop") : Ok(); !can)
    return out.Fail(can.error());
  const Value* const metadata = run->workflow.Find("metadata");
  Draft draft;
  draft.base = BaseOf(*metadata);
  Value spec =
      run->workflow.Find("spec") == nullptr ? Value(Value::Map{}) : *run->workflow.Find("spec");
  spec.MutableMap().erase("shutdown");
  spec.MutableMap().erase("suspend");
  draft.object =
      Value()
          .Set("apiVersion", "argoproj.io/v1alpha1")
          .Set("kind", "Workflow")
          .Set("metadata", MetadataOf(draft.base, bundle->second, metadata->Find("annotations")))
          .Set("spec", std::move(spec));
  SetParameters(draft.object, {{"record", same_record ? status.record() : ""}});
  if (const Status there = CheckTemplates(*run->service, draft.object, bundle->second, "", {});
      !there)
    return out.Fail(there.error());
  const auto created = CreateOnce(*run->service, draft, argo::CreateMode::kStore);
  if (!created) return out.Fail(created.error());
  return Started(session, run->service, *created, same_record ? status.record() : "",
                 arguments.cluster, arguments.watch);
}

}  // namespace

int SubmitWorkflow(Session& session, const SubmitArguments& arguments) {
  if (arguments.cluster.engine == kMistralEngine) return SubmitToMistral(session, arguments);
  const Output& out = session.out();
  if (const Status ours = RefuseMistralsOptions(arguments.schedule, arguments.environment); !ours)
    return out.Fail(ours.error());
  const auto opened_file = OpenSubmission(arguments, WorkflowEngine::kArgo);
  if (!opened_file) return out.Fail(opened_file.error());
  const OpenedWorkflow* const workflow = &opened_file->workflow;
  const auto* const parameters = &opened_file->parameters;
  const std::string& record = opened_file->record;
  auto draft = DraftOf(*workflow, *parameters);
  if (!draft) return out.Fail(draft.error());
  if (arguments.dry_run == "client") {
    return ShowUnsent(out, "workflow", Value().Set("object", draft->object), draft->object);
  }
  auto opened = OpenCluster(session, arguments.cluster);
  if (!opened) return out.Fail(opened.error());
  const std::shared_ptr<argo::WorkflowService> service(std::move(*opened));
  const auto children = CheckChildren(*service, arguments.file);
  if (!children) return out.Fail(children.error());
  if (const Status there = CheckTemplates(
          *service, draft->object, workflow->parameters.at("bundle"), arguments.file, *children);
      !there) {
    return out.Fail(there.error());
  }
  const bool check_only = arguments.dry_run == "server";
  if (!check_only) {
    const auto tenant =
        PutBundleIntoBank(session, *workflow, record.empty() ? BankUse::kWrite : BankUse::kRead);
    if (!tenant) return out.Fail(tenant.error());
    if (!record.empty()) {
      if (const Status there = CheckRecord(*tenant, workflow->bundle.bundle.operation, record);
          !there)
        return out.Fail(there.error());
    }
  }
  const auto created = CreateOnce(
      *service, *draft, check_only ? argo::CreateMode::kCheckOnly : argo::CreateMode::kStore);
  if (!created) return out.Fail(Error(created.error()).While("submitting " + arguments.file));
  if (check_only) {
    out.Say(service->Place() + " takes " + arguments.file + "; nothing was made");
    out.Json("checked",
             Value().Set("file", arguments.file).Set("namespace", service->name_space()));
    return 0;
  }
  return Started(session, service, *created, record, arguments.cluster, arguments.watch);
}

int ResumeRun(Session& session, const ClusterRunArguments& arguments) {
  return StartAgain(session, arguments, true);
}

int ResubmitRun(Session& session, const ClusterRunArguments& arguments) {
  return StartAgain(session, arguments, false);
}

}  // namespace holdfast::cli
