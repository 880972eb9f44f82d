#include "compiler/emit/argo/argo_emitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "compiler/emit/argo/argo_depends.h"
#include "compiler/plan/schedule.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::string_view kStepTemplates = "holdfast-steps";
constexpr std::size_t kLineWidth = 100;
// Argo's own definitions refuse more in one object.
constexpr std::size_t kMostTemplates = 200;
// What a plan without a deadline of steps gets: the longest that a plan may say.
constexpr std::chrono::hours kLongestStep{30 * 24};

std::int64_t WholeSeconds(std::chrono::milliseconds duration) {
  return std::max<std::int64_t>((duration.count() + 999) / 1000, 1);
}

// Words in lines of at most the width; a word longer than that has a line to itself.
std::vector<std::string> Fill(const std::vector<std::string>& words, std::size_t indent) {
  std::vector<std::string> lines;
  for (const std::string& word : words) {
    if (!lines.empty() && indent + lines.back().size() + 1 + word.size() <= kLineWidth) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

void Member(YamlOut& out, std::string_view key, std::string_view word) {
  out.Key(key);
  out.Word(word);
}

// In the metadata: what it was made with.
void WriteProvenance(YamlOut& out, const EmitOptions& options) {
  out.Key("annotations");
  out.BeginMap();
  out.Key("holdfast/compiled-by");
  out.Text(options.tool_version);
  out.EndMap();
}

// The leaf template that a task calls. A pod mounts what its leaf template says, so that each volume has
// one of its own.
std::string LeafOf(const ArgoTask& task) {
  if (task.kind == ArgoTask::Kind::kBegin) return "begin";
  return task.volume.empty() ? "step" : fmt::format("step-{}", task.volume);
}

class FileWriter {
 public:
  // `tasks`: of every group.
  FileWriter(const EngineWorkflow& workflow, const EmitOptions& options,
             const std::vector<ArgoTasks>& tasks)
      : workflow_(workflow), options_(options), tasks_(tasks) {}

  Result<std::string> Run() {
    for (const std::string& line : workflow_.head) out_.Comment(line);
    if (tasks_.size() > 1) {
      out_.Comment(fmt::format(
          "A task that calls a template of this file stands for all steps in it: at most {} "
          "tasks go into one.",
          options_.max_tasks_per_template));
      out_.Comment("'holdfast explain FILE STEP' says what a step waits for because of that.");
    }
    if (std::any_of(tasks_.begin(), tasks_.end(),
                    [](const ArgoTasks& group) { return group.short_form; })) {
      out_.Comment(
          "'!x.Daemoned' in depends means: x has ended, in whatever way (no task here is a "
          "daemon).");
    }
    if (std::any_of(tasks_.begin(), tasks_.end(),
                    [](const ArgoTasks& group) { return group.barriers; })) {
      out_.Comment(
          "Tasks gate-N and wait-N make no pod: they stand for a list of tasks that is too long "
          "for one depends, or for a template that many wait for.");
    }
    out_.BeginMap();
    Member(out_, "apiVersion", "argoproj.io/v1alpha1");
    Member(out_, "kind",
           options_.kind == WorkflowKind::kTemplate ? "WorkflowTemplate" : "Workflow");
    WriteMetadata();
    out_.Key("spec");
    out_.BeginMap();
    Member(out_, "entrypoint", "main");
    out_.Comment(
        "The verdict, and the clean-ups that are still owed: also after a failure, a stop or a "
        "deadline.");
    Member(out_, "onExit", "end");
    WriteLimits();
    WriteParameters();
    out_.Key("templates");
    out_.BeginList();
    for (std::size_t group = 0; group < tasks_.size(); ++group) WriteGroup(group);
    WriteEnd();
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
    return out_.Take();
  }

 private:
  void WriteMetadata() {
    out_.Key("metadata");
    out_.BeginMap();
    if (options_.kind == WorkflowKind::kTemplate) {
      Member(out_, "name", workflow_.name);
    } else {
      Member(out_, "generateName", workflow_.name + "-");
    }
    WriteProvenance(out_, options_);
    out_.EndMap();
  }

  void WriteLimits() {
    if (workflow_.parallelism) {
      out_.Key("parallelism");
      out_.Integer(*workflow_.parallelism);
    }
    if (workflow_.run_deadline) {
      out_.Key("activeDeadlineSeconds");
      out_.Integer(WholeSeconds(*workflow_.run_deadline));
    }
    // Pods hold the logs: they stay while a run may need to be understood.
    out_.Key("podGC");
    out_.BeginFlowMap();
    Member(out_, "strategy", "OnWorkflowSuccess");
    out_.EndFlowMap();
    out_.Key("ttlStrategy");
    out_.BeginFlowMap();
    out_.Key("secondsAfterSuccess");
    out_.Integer(WholeSeconds(workflow_.keep_succeeded));
    out_.Key("secondsAfterFailure");
    out_.Integer(WholeSeconds(workflow_.keep_failed));
    out_.EndFlowMap();
  }

  void Parameter(std::string_view name, std::string_view value) {
    out_.BeginFlowMap();
    Member(out_, "name", name);
    out_.Key("value");
    out_.Text(value);
    out_.EndFlowMap();
  }

  void WriteParameters() {
    out_.Key("arguments");
    out_.BeginMap();
    out_.Key("parameters");
    out_.BeginList();
    out_.Comment("What this was compiled from (NAME.bundle beside this file), and who runs it.");
    Parameter("bundle", workflow_.bundle);
    Parameter("provider", workflow_.provider);
    out_.Comment("The record of another run, to resume it; empty: a new one.");
    Parameter("record", "");
    Parameter("fail-fast", workflow_.fail_fast ? "true" : "false");
    Parameter("partial", workflow_.partial ? "true" : "false");
    // The leaf templates read these: Argo knows no limits of a task, only of a template.
    Parameter("retries", std::to_string(workflow_.retries));
    Parameter("step-deadline",
              std::to_string(WholeSeconds(workflow_.step_deadline.value_or(kLongestStep))));
    out_.EndList();
    out_.EndMap();
  }

  // `leaf`: a template of holdfast-steps.
  void BeginTask(std::string_view name, std::string_view leaf) {
    out_.BeginMap();
    Member(out_, "name", name);
    out_.Key("templateRef");
    out_.BeginFlowMap();
    Member(out_, "name", kStepTemplates);
    Member(out_, "template", leaf);
    out_.EndFlowMap();
  }

  void WriteGroup(std::size_t group) {
    if (group != 0) out_.Comment(workflow_.groups[group].comment);
    out_.BeginMap();
    Member(out_, "name", workflow_.groups[group].name);
    out_.Key("dag");
    out_.BeginMap();
    out_.Key("failFast");
    out_.Bool(false);
    if (group == 0) {
      out_.Comment(
          "All steps: what is upstream of no target never starts, and the verdict is that of the "
          "targets.");
    }
    out_.Key("target");
    std::vector<std::string> targets;
    for (const ArgoTask& task : tasks_[group].tasks) {
      if (task.kind != ArgoTask::Kind::kBarrier) targets.push_back(task.name);
    }
    out_.Folded(Fill(targets, 8));
    out_.Key("tasks");
    out_.BeginList();
    for (const ArgoTask& task : tasks_[group].tasks) WriteTask(task);
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
  }

  void WriteTask(const ArgoTask& task) {
    if (!task.comment.empty()) out_.Comment(task.comment);
    if (task.kind == ArgoTask::Kind::kGroup) {
      out_.BeginMap();
      Member(out_, "name", task.name);
      Member(out_, "template", task.name);
    } else {
      BeginTask(task.name, LeafOf(task));
    }
    WriteDepends(task.depends);
    if (task.kind == ArgoTask::Kind::kBarrier) {
      out_.Key("when");
      out_.Text("false");
    }
    out_.EndMap();
  }

  void WriteDepends(const std::vector<std::string>& operands) {
    if (operands.empty()) return;
    out_.Key("depends");
    std::vector<std::string> words{operands.front()};
    std::size_t width = operands.front().size();
    for (std::size_t i = 1; i < operands.size(); ++i) {
      words.push_back("&& " + operands[i]);
      width += words.back().size() + 1;
    }
    constexpr std::size_t kIndent = 17;
    if (kIndent + width > kLineWidth) return out_.Folded(words);
    const std::string text = Join(words, " ");
    if (IsPlainWord(text)) return out_.Word(text);
    out_.Text(text);
  }

  // An exit handler is a template of the file itself; the engine's verdict is an argument, as the leaf
  // template alone could not know it.
  void WriteEnd() {
    out_.BeginMap();
    Member(out_, "name", "end");
    out_.Key("dag");
    out_.BeginMap();
    out_.Key("tasks");
    out_.BeginList();
    BeginTask("end", "end");
    out_.Key("arguments");
    out_.BeginMap();
    out_.Key("parameters");
    out_.BeginList();
    Parameter("status", "{{workflow.status}}");
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
  }

  const EngineWorkflow& workflow_;
  const EmitOptions& options_;
  const std::vector<ArgoTasks>& tasks_;
  YamlOut out_;
};

// Argo's own defaults are 3 and 1: of what failed, too, one wants to see more than the last.
constexpr int kRunsKept = 3;

std::string_view ConcurrencyPolicy(std::string_view concurrency) {
  if (concurrency == "replace") return "Replace";
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

class ArgoEmitter final : public EngineEmitter {
 public:
  std::string_view name() const override { return "argo"; }

  Result<std::string> Emit(const EngineWorkflow& workflow,
                           const EmitOptions& options) const override {
    std::vector<ArgoTasks> tasks;
    tasks.reserve(workflow.groups.size());
    std::size_t count = 0;
    for (std::uint32_t group = 0; group < workflow.groups.size(); ++group) {
      tasks.push_back(MakeArgoTasks(workflow, group, options.max_tasks_per_template));
      count += tasks.back().tasks.size();
    }
    // `end` has a template, too. Who allows more tasks has no cluster in mind.
    const std::size_t templates = tasks.size() + 1;
    const bool for_cluster = options.max_tasks_per_workflow <= EmitOptions{}.max_tasks_per_workflow;
    if (count > options.max_tasks_per_workflow || (for_cluster && templates > kMostTemplates)) {
      return InvalidInput(
                 fmt::format("the workflow has {} tasks in {} templates; a cluster takes up to {} "
                             "in {} in one Workflow",
                             count, templates, options.max_tasks_per_workflow, kMostTemplates))
          .Hint(fmt::format(
              "{}for the local engine --max-tasks-per-workflow {} allows that many",
              workflow.leaves_are_fused ? "" : "--fuse leaf makes fewer of them; ",
              std::max<std::size_t>(count, EmitOptions{}.max_tasks_per_workflow + std::size_t{1})));
    }
    return FileWriter(workflow, options, tasks).Run();
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
