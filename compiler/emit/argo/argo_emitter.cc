#include "compiler/emit/argo/argo_emitter.h"

#include <algorithm>

#include "compiler/yaml/yaml_out.h"

// What a step waits for is said in `depends`: `g.Succeeded` for each gate g that a file can name, and
// "ended in any way" for each other predecessor. `target` names every step, because Argo otherwise
// takes the verdict from the last ones alone: a clean-up that succeeds would make a failed run green.
// failFast is off, because a failed branch must not keep others from their clean-ups.

namespace holdfast::compiler {

namespace {

// From here on the short form is used: `!x.Daemoned` is true of every task that has ended, as none of
// ours is a daemon, and Argo waits for every task that an expression names (measured).
constexpr std::size_t kLongFormUpTo = 4;
// Argo evaluates expressions of at most 10,000 nodes: 1,999 in the short form, 2,500 gates (measured).
constexpr std::size_t kMostOperands = 1900;
constexpr std::string_view kSteps = "holdfast-steps";

class ArgoEmitter final : public EngineEmitter {
 public:
  std::string_view name() const override { return "argo"; }

  Result<std::string> Emit(const EngineWorkflow& workflow, const EmitOptions& options) const override {
    // `begin` is a task of the template, too.
    if (workflow.steps.size() + 1 > options.max_tasks_per_template) {
      return InvalidInput("the workflow has " + std::to_string(workflow.steps.size() + 1) +
                          " tasks; Argo's own definitions refuse more than " +
                          std::to_string(options.max_tasks_per_template) + " in a template")
          .Hint("--fuse leaf makes fewer; --max-tasks-per-template N allows more, for the local engine");
    }
    for (const WorkflowStep& step : workflow.steps) {
      if (step.conditions.succeeded.size() + step.conditions.finished.size() > kMostOperands) {
        return InvalidInput("step " + step.name + " waits for " +
                            std::to_string(step.conditions.succeeded.size() + step.conditions.finished.size()) +
                            " others; Argo evaluates at most " + std::to_string(kMostOperands))
            .Hint("protect the resources below it with several plans");
      }
    }
    YamlOut out;
    for (const std::string& line : workflow.head) out.Comment(line);
    if (HasShortForm(workflow)) {
      out.Comment("'!x.Daemoned' in depends means: x has ended, in whichever way (no task here is a daemon).");
    }
    const bool is_template = options.kind == "template";
    out.BeginMap();
    Word(out, "apiVersion", "argoproj.io/v1alpha1");
    Word(out, "kind", is_template ? "WorkflowTemplate" : "Workflow");
    out.Key("metadata");
    out.BeginMap();
    out.Key(is_template ? "name" : "generateName");
    out.Text(is_template ? workflow.name : workflow.name + "-");
    out.Key("annotations");
    out.BeginMap();
    out.Key("holdfast/compiled-by");
    out.Text(options.tool_version);
    out.EndMap();
    out.EndMap();
    out.Key("spec");
    WriteSpec(workflow, out);
    out.EndMap();
    return out.Take();
  }

 private:
  static bool HasShortForm(const EngineWorkflow& workflow) {
    return std::any_of(workflow.steps.begin(), workflow.steps.end(),
                       [](const WorkflowStep& step) { return step.conditions.finished.size() > kLongFormUpTo; });
  }

  static void Word(YamlOut& out, std::string_view key, std::string_view word) {
    out.Key(key);
    out.Word(word);
  }

  static void Parameter(YamlOut& out, std::string_view name, std::string_view value) {
    out.BeginFlowMap();
    Word(out, "name", name);
    out.Key("value");
    out.Text(value);
    out.EndFlowMap();
  }

  static void WriteSpec(const EngineWorkflow& workflow, YamlOut& out) {
    out.BeginMap();
    Word(out, "entrypoint", "main");
    out.Comment("end is the verdict; it makes the clean-ups that are owed, also after a stop or a deadline.");
    Word(out, "onExit", "end");
    if (workflow.parallelism) {
      out.Key("parallelism");
      out.Integer(*workflow.parallelism);
    }
    if (workflow.run_deadline) {
      out.Key("activeDeadlineSeconds");
      out.Integer(std::max<std::int64_t>(1, workflow.run_deadline->count() / 1000));
    }
    out.Key("arguments");
    out.BeginMap();
    out.Key("parameters");
    out.BeginList();
    out.Comment("The bundle that stands beside this file: what it was compiled from.");
    Parameter(out, "bundle", workflow.bundle);
    Parameter(out, "provider", workflow.provider);
    out.Comment("Empty: a record of its own. The id of an earlier run's record: go on with that one.");
    Parameter(out, "record", "");
    Parameter(out, "fail-fast", workflow.fail_fast ? "true" : "false");
    if (workflow.operation == Operation::kRestore || workflow.operation == Operation::kVerify) {
      out.Comment("true: also from a checkpoint that is in error.");
      Parameter(out, "partial", workflow.partial ? "true" : "false");
    } else {
      Parameter(out, "partial", "false");
    }
    out.EndList();
    out.EndMap();
    out.Key("templates");
    out.BeginList();
    out.BeginMap();
    Word(out, "name", "main");
    out.Key("dag");
    out.BeginMap();
    out.Key("failFast");
    out.Bool(false);
    // A name a line: a step more is a line more in a diff.
    out.Key("target");
    std::vector<std::string> target{"begin"};
    for (const WorkflowStep& step : workflow.steps) target.push_back(step.name);
    out.Folded(target);
    out.Key("tasks");
    out.BeginList();
    WriteTask("begin", "begin", {}, out);
    for (const WorkflowStep& step : workflow.steps) {
      out.Comment(step.comment);
      WriteTask(step.name, "step", Depends(workflow, step), out);
    }
    out.EndList();
    out.EndMap();
    out.EndMap();
    out.BeginMap();
    Word(out, "name", "end");
    out.Key("dag");
    out.BeginMap();
    out.Key("tasks");
    out.BeginList();
    WriteTask("end", "end", {}, out);
    out.EndList();
    out.EndMap();
    out.EndMap();
    out.EndList();
    out.EndMap();
  }

  static void WriteTask(const std::string& name, std::string_view leaf, const std::vector<std::string>& depends, YamlOut& out) {
    out.BeginMap();
    Word(out, "name", name);
    out.Key("templateRef");
    out.BeginFlowMap();
    Word(out, "name", kSteps);
    Word(out, "template", leaf);
    out.EndFlowMap();
    if (depends.size() == 1) {
      out.Key("depends");
      out.Text(depends.front());
    } else if (!depends.empty()) {
      std::vector<std::string> lines{depends.front()};
      for (std::size_t i = 1; i < depends.size(); ++i) lines.push_back("&& " + depends[i]);
      out.Key("depends");
      out.Folded(lines);
    }
    out.EndMap();
  }

  // The operands of `depends`, to be joined by &&.
  static std::vector<std::string> Depends(const EngineWorkflow& workflow, const WorkflowStep& step) {
    std::vector<std::string> out;
    // Without a gate that the file can name, the step must still not run when `begin` was refused.
    if (step.conditions.succeeded.empty()) out.emplace_back("begin.Succeeded");
    for (const StepId gate : step.conditions.succeeded) out.push_back(workflow.steps[gate.value].name + ".Succeeded");
    const bool short_form = step.conditions.finished.size() > kLongFormUpTo;
    for (const StepId before : step.conditions.finished) {
      const std::string& name = workflow.steps[before.value].name;
      out.push_back(short_form ? "!" + name + ".Daemoned"
                               : "(" + name + ".Succeeded || " + name + ".Failed || " + name + ".Errored || " + name + ".Omitted)");
    }
    return out;
  }
};

}  // namespace

std::unique_ptr<EngineEmitter> MakeArgoEmitter() { return std::make_unique<ArgoEmitter>(); }

}  // namespace holdfast::compiler
