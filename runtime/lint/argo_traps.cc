#include "runtime/lint/argo_traps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/cluster_name.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/fault_runs.h"

namespace holdfast::lint {
namespace {

using local::DagTemplate;
using local::DependsExpression;
using local::Phase;
using local::SourceFile;
using local::Task;
using local::Template;
using local::Workflow;

// What Argo's controller and the Kubernetes API take (design: argo).
constexpr std::size_t kLongestName = 63;
constexpr std::size_t kRandomSuffix = 5;  // of a generateName
constexpr std::size_t kLongestCronName = 52;
constexpr std::size_t kMostTasks = 1500;
constexpr std::size_t kMostBytes = 1'000'000;
constexpr std::size_t kBytesOfStatus = 450;  // a task
constexpr std::size_t kMostChildIds = 1000;

bool IsOfArgo(const Value& document) {
  return document.StringOr("apiVersion", "").starts_with("argoproj.io/");
}

class DocumentTraps {
 public:
  DocumentTraps(const SourceFile& source, const Value& document)
      : source_(source), document_(document), kind_(document.StringOr("kind", "")) {}

  Findings Find() {
    CheckName();
    const Value* const spec = document_.Find("spec");
    if (IsOfArgo(document_)) {
      CheckNameIsTaken();
      CheckLabels(document_.Find("metadata"), false);
      CheckLabelsOfSpec(spec);
    } else if (kind_ == "List") {
      CheckList();
    }
    if (spec != nullptr && (kind_ == "Workflow" || kind_ == "WorkflowTemplate"))
      CheckTemplates(*spec);
    if (spec != nullptr && kind_ == "CronWorkflow") {
      if (const Value* const started = spec->Find("workflowSpec")) CheckTemplates(*started);
    }
    return std::move(findings_);
  }

 private:
  void Add(std::string trap, Error error) {
    findings_.push_back({std::move(trap), std::move(error)});
  }

  void CheckName() {
    const Value* const metadata = document_.Find("metadata");
    if (metadata == nullptr) return;
    const std::size_t longest = kind_ == "CronWorkflow" ? kLongestCronName : kLongestName;
    for (const auto& [key, most] : {std::pair<std::string_view, std::size_t>("name", longest),
                                    {"generateName", longest - kRandomSuffix}}) {
      const Value* const name = metadata->Find(key);
      if (name == nullptr || !name->is_string() || name->AsString().size() <= most) continue;
      Add("object-name", source_.At(name->position(),
                                    fmt::format("'{}' has {} characters; of a {} it may have {}",
                                                key, name->AsString().size(), kind_, most),
                                    name->AsString().size()));
    }
  }

  // Only of Argo's kinds: those of roles, for one, have other names.
  void CheckNameIsTaken() {
    const Value* const metadata = document_.Find("metadata");
    if (metadata == nullptr) return;
    for (const std::string_view key : {"name", "generateName"}) {
      const Value* const given = metadata->Find(key);
      if (given == nullptr || !given->is_string() || given->AsString().empty()) continue;
      const std::string& name = given->AsString();
      // What is generated continues a '-'. The length is CheckName's to say.
      const bool continued = key == "generateName" && name.ends_with('-');
      if (name.size() > kLongestName || IsDnsSubdomain(continued ? name + "x" : name)) continue;
      Add("object-name",
          source_
              .At(given->position(),
                  fmt::format("'{}' of a {} cannot be '{}'", key, kind_, Printable(name)),
                  name.size())
              .Hint("Kubernetes takes small letters, digits, '-' and '.', with a letter or a digit "
                    "first, last and around each '.'"));
    }
  }

  // `filled_in`: Argo replaces "{{...}}" when it runs, and what comes out is not known yet.
  void CheckLabels(const Value* metadata, bool filled_in) {
    if (metadata == nullptr) return;
    const auto is_open = [filled_in](const std::string& text) {
      return filled_in && text.find("{{") != std::string::npos;
    };
    for (const std::string_view kind : {"labels", "annotations"}) {
      const Value* const members = metadata->Find(kind);
      if (members == nullptr || !members->is_map()) continue;
      const bool labels = kind == "labels";
      for (const auto& [key, value] : members->AsMap()) {
        // Kubernetes takes keys of annotations in any case.
        if (!is_open(key) && !IsLabelKey(labels ? key : Lowered(key))) {
          Add("label",
              source_
                  .AtKey(value, key,
                         fmt::format("'{}' cannot be the key of {}", Printable(key),
                                     labels ? "a label" : "an annotation"))
                  .Hint("Kubernetes takes [DOMAIN/]NAME, the name at most 63 letters, digits, '-', "
                        "'_' and '.', with a letter or a digit first and last"));
        }
        if (!labels || !value.is_string() || is_open(value.AsString()) ||
            IsLabelValue(value.AsString()))
          continue;
        Add("label",
            source_
                .At(value.position(),
                    fmt::format("label '{}' cannot be '{}'", Printable(key),
                                Printable(value.AsString())),
                    value.AsString().size())
                .Hint(
                    "Kubernetes takes at most 63 letters, digits, '-', '_' and '.', with a letter "
                    "or a digit first and last"));
      }
    }
  }

  // Of the objects that are made of it: Workflows and pods.
  void CheckLabelsOfSpec(const Value* spec) {
    if (spec == nullptr) return;
    CheckLabels(spec->Find("workflowMetadata"), true);
    CheckLabels(spec->Find("podMetadata"), true);
    if (const Value* const templates = spec->Find("templates");
        templates != nullptr && templates->is_list()) {
      for (const Value& made : templates->AsList()) CheckLabels(made.Find("metadata"), true);
    }
    if (kind_ == "CronWorkflow" && spec == document_.Find("spec"))
      CheckLabelsOfSpec(spec->Find("workflowSpec"));
  }

  // kubectl takes a List apart; nothing here does.
  void CheckList() {
    const Value* const items = document_.Find("items");
    if (items == nullptr || !items->is_list()) return;
    for (const Value& item : items->AsList()) {
      if (!IsOfArgo(item)) continue;
      Add("unreadable",
          source_
              .At(item.position(), fmt::format("a {} in a List is not looked into",
                                               Printable(item.StringOr("kind", "document"))))
              .Hint("make a document of each, with '---' between them"));
    }
  }

  void CheckTemplates(const Value& spec) {
    const Value* const templates = spec.Find("templates");
    if (templates == nullptr || !templates->is_list()) return;
    std::size_t tasks = 0;
    for (const Value& made : templates->AsList()) {
      const Value* const fail_fast = made.Find("failFast");
      if (fail_fast != nullptr && fail_fast->is_bool() && fail_fast->AsBool()) {
        Add("template-fail-fast",
            source_
                .AtKey(*fail_fast, "failFast",
                       "'failFast' of a template ends its steps as soon as one has failed: "
                       "clean-ups, too")
                .Hint("leave it out"));
      }
      const Value* const dag = made.Find("dag");
      const Value* const list = dag != nullptr ? dag->Find("tasks") : nullptr;
      if (list != nullptr && list->is_list()) tasks += list->AsList().size();
    }
    if (tasks > kMostTasks) {
      Add("too-large",
          source_
              .AtKey(*templates, "templates",
                     fmt::format("there are {} tasks in one object; the controller is slow, and "
                                 "its status too large, beyond {}",
                                 tasks, kMostTasks))
              .Hint("make several workflows of it"));
      return;
    }
    const auto text = DumpJson(document_);
    if (!text || text->size() + kBytesOfStatus * tasks <= kMostBytes) return;
    Add("too-large",
        source_
            .AtKey(*templates, "templates",
                   fmt::format("with its status the object comes to about {} bytes; the Kubernetes "
                               "API takes a little over {}",
                               text->size() + kBytesOfStatus * tasks, kMostBytes))
            .Hint("make several workflows of it"));
  }

  const SourceFile& source_;
  const Value& document_;
  std::string kind_;
  Findings findings_;
};

class WorkflowWalk {
 public:
  explicit WorkflowWalk(const Workflow& workflow) : workflow_(workflow) {}

  // A template and those below it, if they are not walked yet. `verdict`: its phase is that of the workflow.
  void Visit(std::uint32_t root, bool verdict) {
    std::vector<std::uint32_t> open{root};
    while (!open.empty()) {
      const std::uint32_t index = open.back();
      open.pop_back();
      if (!out_.walked.insert(index).second) continue;
      const Template& made = workflow_.templates[index];
      if (made.container) CheckRetries(made);
      if (!made.dag) continue;
      CheckDag(made, verdict);
      for (const Task& task : made.dag->tasks) {
        open.push_back(task.call.template_index);
        if (task.exit_hook) open.push_back(task.exit_hook->template_index);
      }
    }
  }

  WorkflowTraps Finish() { return std::move(out_); }

 private:
  const SourceFile& SourceOf(const Template& made) const { return workflow_.sources[made.source]; }

  void Add(std::string trap, Error error) {
    out_.findings.push_back({std::move(trap), std::move(error)});
  }

  void CheckRetries(const Template& made) {
    if (made.retry) return;
    for (const auto* texts : {&made.container->command, &made.container->args}) {
      for (const local::PlacedText& text : *texts) {
        const std::vector<std::string> names = text.text.Variables();
        if (std::find(names.begin(), names.end(), "retries") == names.end()) continue;
        Add("retries-literal",
            SourceOf(made)
                .At(text.position, "'{{retries}}' stays as it is where nothing is tried again")
                .Hint("give the template a retryStrategy"));
      }
    }
  }

  void CheckDag(const Template& made, bool verdict) {
    const SourceFile& source = SourceOf(made);
    const DagTemplate& dag = *made.dag;
    for (const Task& task : dag.tasks) {
      if (!task.needed) {
        Add("never-starts",
            source
                .At(task.position, fmt::format("task '{}' never starts: neither it nor what "
                                               "comes after it is a target",
                                               task.name))
                .Hint("name it in 'target'"));
      }
      if (task.exit_hook) {
        Add("exit-hook",
            source
                .At(task.exit_hook->position,
                    "an exit hook that fails does not fail the workflow, and on Stop those of "
                    "parents and children start at once",
                    task.exit_hook->name.size())
                .Hint("make it a task that depends on how the other has ended"));
      }
      if (task.depends.over_limit()) {
        Add("fan-in",
            source
                .At(task.position,
                    fmt::format("'depends' of task '{}' has {} nodes; the controller evaluates {}, "
                                "and the task would end in Error when it runs",
                                task.name, task.depends.node_count(), DependsExpression::kMaxNodes))
                .Hint("let tasks with 'when: \"false\"' stand for a part of them each"));
      }
      CheckChildIds(source, task);
    }
    // So large that it is refused for that: working out what its failures do takes the square of it.
    if (dag.tasks.size() > kMostTasks) return;
    const FaultFindings faults = PlayFaults(dag);
    const std::span<const MissingOutcome> missing = faults.missing;
    for (std::size_t first = 0, next = 0; first < missing.size(); first = next) {
      while (next < missing.size() && missing[next].task == missing[first].task &&
             missing[next].other == missing[first].other) {
        ++next;
      }
      AddMissing(source, dag, missing.subspan(first, next - first));
    }
    if (!verdict) return;
    for (const std::uint32_t index : faults.masked) {
      const Task& task = dag.tasks[index];
      Add("masked-failure",
          source
              .At(task.position,
                  fmt::format("when task '{}' fails, nothing shows it: template '{}' succeeds "
                              "all the same",
                              task.name, made.name))
              .Hint("the verdict is that of the targets: name it in 'target'"));
    }
  }

  // Of one task and one other: what it has forgotten.
  void AddMissing(const SourceFile& source, const DagTemplate& dag,
                  std::span<const MissingOutcome> missing) {
    const Task& task = dag.tasks[missing.front().task];
    const std::string& other = dag.tasks[missing.front().other].name;
    std::vector<std::string> outcomes;
    for (const MissingOutcome& one : missing) {
      outcomes.push_back(
          fmt::format("{}.{}", other, one.phase == Phase::kError ? "Errored" : NameOf(one.phase)));
    }
    Add("missing-outcome",
        source
            .At(task.position,
                fmt::format("task '{}' starts whether '{}' has succeeded or failed, but not after "
                            "{}",
                            task.name, other, Join(outcomes, " or ")))
            .Hint(fmt::format("add '|| {}' to its 'depends'", Join(outcomes, " || "))));
  }

  // Argo stores for each dependent of a nested template the ids of all its last tasks.
  void CheckChildIds(const SourceFile& source, const Task& task) {
    const Template& called = workflow_.templates[task.call.template_index];
    if (!called.dag) return;
    const std::size_t ids = called.dag->targets.size() * task.dependents.size();
    if (ids <= kMostChildIds) return;
    Add("nested-fan",
        source
            .At(task.position,
                fmt::format("{} tasks depend on the nested template of task '{}', which has {} "
                            "targets: the status holds {} ids for that alone",
                            task.dependents.size(), task.name, called.dag->targets.size(), ids))
            .Hint("let a task with 'when: \"false\"' stand between them"));
  }

  const Workflow& workflow_;
  WorkflowTraps out_;
};

}  // namespace

Findings FindDocumentTraps(const SourceFile& source, const Value& document) {
  return DocumentTraps(source, document).Find();
}

WorkflowTraps FindWorkflowTraps(const Workflow& workflow) {
  WorkflowWalk walk(workflow);
  walk.Visit(workflow.entrypoint.template_index, true);
  if (workflow.on_exit) walk.Visit(workflow.on_exit->template_index, false);
  return walk.Finish();
}

WorkflowTraps FindLibraryTraps(const Workflow& workflow, std::span<const std::uint32_t> roots) {
  WorkflowWalk walk(workflow);
  for (const std::uint32_t root : roots) walk.Visit(root, true);
  return walk.Finish();
}

}  // namespace holdfast::lint
