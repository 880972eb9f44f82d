#include "compiler/emit/argo/argo_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::string_view kStepTemplates = "holdfast-steps";
constexpr std::size_t kLineWidth = 100;
// What a plan without a deadline of steps gets: the longest that a plan may say.
constexpr std::chrono::hours kLongestStep{30 * 24};
// In a child: whose steps they are.
constexpr std::string_view kRunOfParent = "{{workflow.parameters.run}}";

// The leaf template that a task calls. A pod mounts what its leaf template says, so that each volume has
// one of its own.
std::string LeafOf(const ArgoTask& task) {
  if (task.kind == ArgoTask::Kind::kBegin) return "begin";
  return task.volume.empty() ? "step" : fmt::format("step-{}", task.volume);
}

class ObjectWriter {
 public:
  ObjectWriter(const EngineWorkflow& workflow, const EmitOptions& options,
               const ArgoObjects& objects, std::size_t object)
      : workflow_(workflow),
        options_(options),
        objects_(objects),
        groups_(objects.groups[object]),
        is_child_(object != 0) {}

  Result<std::string> Run() {
    ReserveRoom();
    WriteHead();
    out_.BeginMap();
    Member(out_, "apiVersion", "argoproj.io/v1alpha1");
    Member(out_, "kind",
           is_child_ || options_.kind == WorkflowKind::kTemplate ? "WorkflowTemplate" : "Workflow");
    WriteMetadata();
    out_.Key("spec");
    out_.BeginMap();
    Member(out_, "entrypoint", First().name);
    if (!is_child_) {
      out_.Comment(
          "The verdict, and the clean-ups that are still owed: also after a failure, a stop or a "
          "deadline.");
      Member(out_, "onExit", "end");
    }
    WriteLimits();
    WriteParameters();
    out_.Key("templates");
    out_.BeginList();
    for (const std::uint32_t group : groups_) WriteGroup(group);
    if (!is_child_) WriteEnd();
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
    return out_.Take();
  }

 private:
  const StepGroup& First() const { return workflow_.groups[groups_.front()]; }

  bool Any(bool (*is_so)(const ArgoTasks&)) const {
    return std::any_of(groups_.begin(), groups_.end(),
                       [&](std::uint32_t group) { return is_so(objects_.tasks[group]); });
  }

  // A text of hundreds of kilobytes would be copied again and again as it grows.
  void ReserveRoom() {
    constexpr std::size_t kOfObject = 4'096;
    constexpr std::size_t kOfTask = 220;
    std::size_t bytes = kOfObject;
    for (const std::uint32_t group : groups_) {
      for (const ArgoTask& task : objects_.tasks[group].tasks) {
        bytes += kOfTask + 2 * task.name.size() + task.comment.size();
        for (const std::string& operand : task.depends) bytes += operand.size() + 16;
      }
    }
    out_.Reserve(bytes);
  }

  void WriteHead() {
    if (is_child_) {
      out_.Comment(First().comment);
      out_.Comment(
          fmt::format("Compiled by Holdfast. {} starts it as a Workflow of its own: begin and end "
                      "of the run are there.",
                      workflow_.name));
    } else {
      for (const std::string& line : workflow_.head) out_.Comment(line);
    }
    if (!is_child_ && objects_.groups.size() > 1) {
      out_.Comment(
          "A task that calls 'child' starts a WorkflowTemplate of the folder NAME.children, which "
          "is to be applied before.");
    }
    if (groups_.size() > 1) {
      out_.Comment(fmt::format(
          "A task that calls a template of this file stands for all steps in it: at most {} "
          "tasks go into one.",
          options_.max_tasks_per_template));
    }
    if (groups_.size() > 1 || objects_.groups.size() > 1)
      out_.Comment("'holdfast explain FILE STEP' says what a step waits for because of that.");
    if (Any([](const ArgoTasks& group) { return group.short_form; })) {
      out_.Comment(
          "'!x.Daemoned' in depends means: x has ended, in whatever way (no task here is a "
          "daemon).");
    }
    if (Any([](const ArgoTasks& group) { return group.barriers; })) {
      out_.Comment(
          "Tasks gate-N and wait-N make no pod: they stand for a list of tasks that is too long "
          "for one depends, or for a template that many wait for.");
    }
  }

  void WriteMetadata() {
    out_.Key("metadata");
    out_.BeginMap();
    if (is_child_) {
      // No provenance: another version of the tool changes the file that is started, and no other.
      Member(out_, "name", ChildTemplateName(workflow_, objects_, First().name));
      out_.Key("labels");
      out_.BeginFlowMap();
      Member(out_, "holdfast/workflow", workflow_.name);
      out_.EndFlowMap();
      out_.EndMap();
      return;
    }
    if (options_.kind == WorkflowKind::kTemplate) {
      Member(out_, "name", workflow_.name);
    } else {
      Member(out_, "generateName", workflow_.name + "-");
    }
    WriteProvenance(out_, options_);
    out_.EndMap();
  }

  void WriteLimits() {
    // How many steps of a child run at once is said by what starts it, and its time is the run's.
    if (!is_child_ && workflow_.parallelism) {
      out_.Key("parallelism");
      out_.Integer(*workflow_.parallelism);
    }
    if (!is_child_ && workflow_.run_deadline) {
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
    if (is_child_) {
      out_.Comment("What starts it gives them.");
      for (const char* const name : {"run", "bundle", "provider", "record", "fail-fast", "partial"})
        Parameter(name, "");
    } else {
      out_.Comment("What this was compiled from (NAME.bundle beside this file), and who runs it.");
      Parameter("bundle", workflow_.bundle);
      Parameter("provider", workflow_.provider);
      out_.Comment("The record of another run, to resume it; empty: a new one.");
      Parameter("record", "");
      Parameter("fail-fast", workflow_.fail_fast ? "true" : "false");
      Parameter("partial", workflow_.partial ? "true" : "false");
    }
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

  void WriteGroup(std::uint32_t group) {
    const StepGroup& here = workflow_.groups[group];
    const std::vector<ArgoTask>& tasks = objects_.tasks[group].tasks;
    if (group != groups_.front()) out_.Comment(here.comment);
    out_.BeginMap();
    Member(out_, "name", here.name);
    out_.Key("dag");
    out_.BeginMap();
    out_.Key("failFast");
    out_.Bool(false);
    if (group == groups_.front()) {
      out_.Comment(
          "All steps: what is upstream of no target never starts, and the verdict is that of the "
          "targets.");
    }
    out_.Key("target");
    // One a line: a step more or less is a line of a diff.
    std::vector<std::string> targets;
    for (const ArgoTask& task : tasks) {
      if (task.kind != ArgoTask::Kind::kBarrier) targets.push_back(task.name);
    }
    out_.Folded(targets);
    out_.Key("tasks");
    out_.BeginList();
    for (const ArgoTask& task : tasks) WriteTask(task);
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
  }

  void WriteTask(const ArgoTask& task) {
    std::string comment(task.comment);
    if (task.separate) comment += fmt::format(" ({})", ChildFileName(objects_, task.name));
    if (!comment.empty()) out_.Comment(comment);
    if (task.separate) {
      BeginTask(task.name, "child");
      WriteChildArguments(task);
    } else if (task.kind == ArgoTask::Kind::kGroup) {
      out_.BeginMap();
      Member(out_, "name", task.name);
      Member(out_, "template", task.name);
    } else {
      BeginTask(task.name, LeafOf(task));
      if (is_child_ && task.kind == ArgoTask::Kind::kStep)
        WriteArguments({{"run", std::string(kRunOfParent)}});
    }
    WriteDepends(task.depends);
    if (task.kind == ArgoTask::Kind::kBarrier) {
      out_.Key("when");
      out_.Text("false");
    }
    out_.EndMap();
  }

  void WriteChildArguments(const ArgoTask& task) {
    const std::string part = objects_.parts.at(task.name);
    std::vector<std::pair<std::string_view, std::string>> arguments{
        {"template", ChildTemplateName(workflow_, objects_, task.name)}, {"part", part}};
    if (is_child_) arguments.emplace_back("run", kRunOfParent);
    if (workflow_.parallelism) {
      // All children of the first one together run no more steps at once than the plan says: its own
      // limit is that of the children at once.
      const std::size_t most = *workflow_.parallelism;
      const std::size_t children = std::max<std::size_t>(objects_.started_by_first, 1);
      arguments.emplace_back("parallelism",
                             std::to_string(is_child_ ? 1 : most / std::min(most, children)));
    }
    WriteArguments(arguments);
  }

  void WriteArguments(const std::vector<std::pair<std::string_view, std::string>>& arguments) {
    out_.Key("arguments");
    out_.BeginMap();
    out_.Key("parameters");
    out_.BeginList();
    for (const auto& [name, value] : arguments) Parameter(name, value);
    out_.EndList();
    out_.EndMap();
  }

  void WriteDepends(const std::vector<std::string>& operands) {
    if (operands.empty()) return;
    out_.Key("depends");
    constexpr std::string_view kAnd = " && ";
    std::size_t width = 0;
    for (const std::string& operand : operands) width += operand.size() + kAnd.size();
    width -= kAnd.size();
    constexpr std::size_t kIndent = 17;
    if (kIndent + width > kLineWidth) {
      std::vector<std::string> lines{operands.front()};
      for (std::size_t i = 1; i < operands.size(); ++i) lines.push_back("&& " + operands[i]);
      return out_.Folded(lines);
    }
    const std::string text = Join(operands, kAnd);
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
    // Children know nothing of a stop: their `end` ends them first.
    BeginTask("end", objects_.groups.size() > 1 ? "end-with-children" : "end");
    WriteArguments({{"status", "{{workflow.status}}"}});
    out_.EndMap();
    out_.EndList();
    out_.EndMap();
    out_.EndMap();
  }

  const EngineWorkflow& workflow_;
  const EmitOptions& options_;
  const ArgoObjects& objects_;
  const std::vector<std::uint32_t>& groups_;
  const bool is_child_;
  YamlOut out_;
};

}  // namespace

std::string ChildTemplateName(const EngineWorkflow& workflow, const ArgoObjects& objects,
                              std::string_view group) {
  return fmt::format("{}-{}", workflow.name, objects.parts.at(group));
}

std::string ChildFileName(const ArgoObjects& objects, std::string_view group) {
  return objects.parts.at(group) + ".yaml";
}

Result<std::string> WriteArgoObject(const EngineWorkflow& workflow, const EmitOptions& options,
                                    const ArgoObjects& objects, std::size_t object) {
  return ObjectWriter(workflow, options, objects, object).Run();
}

void Member(YamlOut& out, std::string_view key, std::string_view word) {
  out.Key(key);
  out.Word(word);
}

void WriteProvenance(YamlOut& out, const EmitOptions& options) {
  out.Key("annotations");
  out.BeginMap();
  out.Key("holdfast/compiled-by");
  out.Text(options.tool_version);
  out.EndMap();
}

std::int64_t WholeSeconds(std::chrono::milliseconds duration) {
  return std::max<std::int64_t>((duration.count() + 999) / 1000, 1);
}

}  // namespace holdfast::compiler
