#include "compiler/emit/argo/argo_emitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "compiler/emit/argo/argo_object.h"
#include "compiler/emit/argo/child_workflows.h"
#include "compiler/plan/cron_line.h"
#include "compiler/plan/schedule.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/in_parallel.h"
#include "plugins/sdk/sha256.h"

namespace holdfast::compiler {
namespace {

// Argo's own defaults are 3 and 1: of what failed, too, one wants to see more than the last.
constexpr int kRunsKept = 3;

std::string_view ConcurrencyPolicy(std::string_view concurrency) {
  return concurrency == "allow" ? "Allow" : "Forbid";
}

Result<std::string> WriteSchedule(const EngineWorkflow& workflow, const EmitOptions& options) {
  const Schedule& schedule = *workflow.schedule;
  YamlOut out;
  out.Comment("Starts the WorkflowTemplate " + workflow.name +
              " by the schedule of its plan. Its bundle has to be in the bank:");
  out.Comment("'holdfast publish FILE' with the template's file puts it there.");
  out.BeginMap();
  Member(out, "apiVersion", "argoproj.io/v1alpha1");
  Member(out, "kind", "CronWorkflow");
  out.Key("metadata");
  out.BeginMap();
  Member(out, "name", workflow.name);
  WriteProvenance(out, options);
  out.EndMap();
  out.Key("spec");
  out.BeginMap();
  out.Key("schedules");
  out.BeginList();
  out.Text(WithSundayAsZero(schedule.cron));
  out.EndList();
  out.Key("timezone");
  out.Text(schedule.timezone);
  if (schedule.concurrency == "forbid")
    out.Comment("Two runs of one plan at once would wait for each other's lease, or be refused.");
  Member(out, "concurrencyPolicy", ConcurrencyPolicy(schedule.concurrency));
  if (schedule.starting_deadline) {
    out.Key("startingDeadlineSeconds");
    out.Integer(WholeSeconds(*schedule.starting_deadline));
  }
  if (schedule.suspend) {
    out.Key("suspend");
    out.Bool(true);
  }
  for (const std::string_view limit : {"successfulJobsHistoryLimit", "failedJobsHistoryLimit"}) {
    out.Key(limit);
    out.Integer(kRunsKept);
  }
  out.Key("workflowSpec");
  out.BeginMap();
  out.Key("workflowTemplateRef");
  out.BeginFlowMap();
  Member(out, "name", workflow.name);
  out.EndFlowMap();
  out.EndMap();
  out.EndMap();
  out.EndMap();
  return out.Take();
}

// By name of a separate group the first hex digits of its hash: more where these are another's, too, so that
// no name depends on any order.
std::map<std::string_view, std::string> PartsOf(const std::vector<StepGroup>& groups) {
  constexpr std::size_t kShortHash = 8;
  std::map<std::string_view, std::string> hashes;
  for (const StepGroup& group : groups) {
    if (group.separate) hashes[group.name] = Sha256Hex(group.name);
  }
  std::map<std::string_view, std::string> parts;
  for (std::size_t length = kShortHash; parts.size() < hashes.size(); length += kShortHash) {
    std::map<std::string, std::size_t> used;
    for (const auto& [name, hash] : hashes) ++used[hash.substr(0, length)];
    for (const auto& [name, hash] : hashes) {
      if (used[hash.substr(0, length)] == 1) parts.emplace(name, hash.substr(0, length));
    }
  }
  return parts;
}

// Without the tasks, which are made object by object.
ArgoObjects ObjectsOf(const EngineWorkflow& workflow) {
  ArgoObjects objects;
  objects.parts = PartsOf(workflow.groups);
  objects.groups.emplace_back();
  std::vector<std::size_t> object(workflow.groups.size(), 0);
  objects.tasks.resize(workflow.groups.size());
  // Groups stand before those that are in them.
  for (std::uint32_t group = 0; group < workflow.groups.size(); ++group) {
    const StepGroup& here = workflow.groups[group];
    if (here.separate) {
      object[group] = objects.groups.size();
      objects.groups.emplace_back();
    }
    objects.groups[object[group]].push_back(group);
    for (const GroupItem& item : here.items) {
      if (item.kind != GroupItem::Kind::kGroup) continue;
      object[item.index] = object[group];
      if (object[group] == 0 && workflow.groups[item.index].separate) ++objects.started_by_first;
    }
  }
  return objects;
}

// The index of the children, which applies them all: kubectl apply -k.
Result<std::string> WriteIndex(const EngineWorkflow& workflow, const ArgoObjects& objects) {
  YamlOut out;
  out.Comment("What " + workflow.name +
              " starts: 'kubectl apply -k' of this folder goes before it.");
  out.BeginMap();
  Member(out, "apiVersion", "kustomize.config.k8s.io/v1beta1");
  Member(out, "kind", "Kustomization");
  out.Key("resources");
  out.BeginList();
  for (std::size_t object = 1; object < objects.groups.size(); ++object) {
    const StepGroup& first = workflow.groups[objects.groups[object].front()];
    out.Comment(first.comment);
    out.Text(ChildFileName(objects, first.name));
  }
  out.EndList();
  out.EndMap();
  return out.Take();
}

Status CheckSize(const EngineWorkflow& workflow, const EmitOptions& options,
                 const ArgoObjects& objects, std::size_t object) {
  const ArgoSize limit = LimitOf(options);
  ArgoSize size{0, 1, 0};  // `end` has a template, too
  for (const std::uint32_t group : objects.groups[object])
    size += SizeOf(workflow, group, objects.tasks[group]);
  if (size.FitsInto(limit)) return Ok();
  return InvalidInput(fmt::format(
      "a part of the workflow that cannot be divided has {} tasks in {} templates and comes to "
      "about {} bytes; a cluster takes up to {} in {}, and {} bytes",
      size.tasks, size.templates, size.bytes, limit.tasks, limit.templates, limit.bytes));
}

class ArgoEmitter final : public EngineEmitter {
 public:
  std::string_view name() const override { return "argo"; }

  GroupLimits LimitsOf(const EmitOptions& options) const override {
    GroupLimits out;
    out.items = std::min(options.max_tasks_per_template,
                         options.max_tasks_per_workflow - (kFewestTasks - kFewestItems));
    // `begin` is a task of it; `end`, the exit handler, is none.
    out.first_items = out.items - 1;
    // The bytes of a run may be more than its tasks let one expect.
    out.steps = std::max(out.items, options.max_tasks_per_workflow / 3 * 2);
    return out;
  }

  void Divide(EngineWorkflow& workflow, const ActivityDag& /*dag*/,
              const EmitOptions& options) const override {
    DivideIntoWorkflows(workflow, options);
  }

  Result<EmittedWorkflow> Emit(const EngineWorkflow& workflow,
                               const EmitOptions& options) const override {
    ArgoObjects objects = ObjectsOf(workflow);
    const std::size_t count = objects.groups.size();
    std::vector<std::optional<Result<std::string>>> texts(count);
    InParallel(count, [&](std::size_t object) {
      for (const std::uint32_t group : objects.groups[object])
        objects.tasks[group] = MakeArgoTasks(workflow, group, options.max_tasks_per_template);
      const Status fits = CheckSize(workflow, options, objects, object);
      if (!fits) {
        texts[object].emplace(fits.error());
      } else {
        texts[object].emplace(WriteArgoObject(workflow, options, objects, object));
      }
    });
    EmittedWorkflow out;
    HOLDFAST_ASSIGN_OR_RETURN(out.text, std::move(*texts[0]));
    if (count == 1) return out;
    out.children.resize(count);
    out.children[0].name = "kustomization.yaml";
    HOLDFAST_ASSIGN_OR_RETURN(out.children[0].text, WriteIndex(workflow, objects));
    for (std::size_t object = 1; object < count; ++object) {
      const StepGroup& first = workflow.groups[objects.groups[object].front()];
      out.children[object].name = ChildFileName(objects, first.name);
      HOLDFAST_ASSIGN_OR_RETURN(out.children[object].text, std::move(*texts[object]));
    }
    return out;
  }

  Result<std::string> EmitSchedule(const EngineWorkflow& workflow,
                                   const EmitOptions& options) const override {
    HOLDFAST_CHECK(workflow.schedule.has_value());
    return WriteSchedule(workflow, options);
  }
};

}  // namespace

std::unique_ptr<EngineEmitter> MakeArgoEmitter() { return std::make_unique<ArgoEmitter>(); }

}  // namespace holdfast::compiler
