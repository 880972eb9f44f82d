#include "runtime/local/step_list.h"

#include <fmt/format.h>

#include <string_view>

#include "plugins/sdk/text.h"
#include "runtime/local/pod_command.h"
#include "runtime/local/step_program.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::local {
namespace {

class Lister {
 public:
  Lister(const ListOptions& options, const Workflow& workflow, WorkflowValues values)
      : options_(options), workflow_(workflow), values_(std::move(values)) {}

  Result<std::vector<ListedStep>> List() {
    const std::map<std::string, std::string> none;
    const Lookup of_workflow = MakeLookup(values_, none, nullptr, nullptr);
    Place root;
    root.task = workflow_.entrypoint.name;
    HOLDFAST_RETURN_IF_ERROR(Walk(workflow_.entrypoint, of_workflow, root));
    if (workflow_.on_exit) {
      Place place;
      place.path = "onExit";
      place.task = "onExit";
      place.exit_handler = true;
      place.status = &options_.status;
      HOLDFAST_RETURN_IF_ERROR(Walk(*workflow_.on_exit, of_workflow, place));
    }
    return std::move(steps_);
  }

 private:
  // Where a template is called.
  struct Place {
    std::string path;
    std::string task;
    const std::string* status = nullptr;
    bool exit_handler = false;
    bool never = false;
    std::uint32_t line = 0;
    std::string depends;
    std::vector<std::string> gates;
    std::vector<std::string> order;
  };

  // Recurses over nested templates, of which there are at most 100 inside each other.
  Status Walk(const TemplateCall& call, const Lookup& caller, const Place& place) {
    const Template& made = workflow_.templates[call.template_index];
    HOLDFAST_ASSIGN_OR_RETURN(const auto inputs, FillInputs(workflow_, call, values_, caller));
    const Lookup lookup = MakeLookup(values_, inputs, &place.task, place.status);
    if (made.container) return AddStep(made, lookup, place);
    const std::string prefix = place.path.empty() ? "" : place.path + ".";
    for (const Task& task : made.dag->tasks) {
      Place inner;
      inner.path = prefix + task.name;
      inner.task = task.name;
      inner.status = place.status;
      inner.exit_handler = place.exit_handler;
      inner.line = task.position.line;
      inner.depends = task.depends_text;
      for (const std::uint32_t gate : task.depends.RequiredSuccesses())
        inner.gates.push_back(prefix + made.dag->tasks[gate].name);
      for (const std::uint32_t other : task.depends.tasks())
        inner.order.push_back(prefix + made.dag->tasks[other].name);
      inner.never = place.never || !task.needed;
      if (task.when) {
        HOLDFAST_ASSIGN_OR_RETURN(const std::string when, task.when->text.Fill(lookup));
        inner.never = inner.never || Trim(when) == "false";
      }
      HOLDFAST_RETURN_IF_ERROR(Walk(task.call, lookup, inner));
      if (!task.exit_hook) continue;
      Place hook = inner;
      hook.path += ".onExit";
      hook.task = "onExit";
      hook.exit_handler = true;
      hook.depends.clear();
      hook.gates.clear();
      hook.order = {inner.path};
      HOLDFAST_RETURN_IF_ERROR(Walk(*task.exit_hook, lookup, hook));
    }
    return Ok();
  }

  Status AddStep(const Template& made, const Lookup& of_place, const Place& place) {
    const std::string first = "0";
    HOLDFAST_ASSIGN_OR_RETURN(PodCommand command,
                              FillCommand(made, [&](std::string_view name) -> const std::string* {
                                if (name == "retries") return made.retry ? &first : nullptr;
                                return of_place(name);
                              }));
    ListedStep step;
    step.name = place.path.empty() ? "." : place.path;
    step.task = place.task;
    step.template_name = made.name;
    step.command = std::move(command.command);
    step.command[0] = ProgramOf(step.command[0], options_.step_binary);
    step.args = std::move(command.args);
    step.environment = std::move(command.environment);
    step.depends = place.depends;
    step.gates = place.gates;
    step.order = place.order;
    step.exit_handler = place.exit_handler;
    step.never = place.never;
    step.line = place.line;
    steps_.push_back(std::move(step));
    return Ok();
  }

  const ListOptions& options_;
  const Workflow& workflow_;
  const WorkflowValues values_;
  std::vector<ListedStep> steps_;
};

}  // namespace

Result<std::vector<ListedStep>> ListSteps(const ListOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const Workflow workflow,
                            ReadWorkflowFile(options.file, options.template_folders));
  std::map<std::string, std::string> given = options.parameters;
  for (const Parameter& parameter : workflow.parameters) {
    if (!parameter.value) given.emplace(parameter.name, "");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto parameters, ResolveParameters(workflow, given));
  return Lister(options, workflow, ValuesOfWorkflow(workflow, options.run_id, parameters)).List();
}

Result<ListedStep> FindStep(const std::vector<ListedStep>& steps, const std::string& name) {
  const ListedStep* found = nullptr;
  std::vector<std::string> names;
  for (const ListedStep& step : steps) {
    if (step.name == name) return step;
    names.push_back(step.name);
    if (step.task != name) continue;
    if (found != nullptr) {
      return Error(ErrorCode::kUsage, fmt::format("several steps are called '{}': {} and {}",
                                                  Printable(name), found->name, step.name));
    }
    found = &step;
  }
  if (found != nullptr) return *found;
  const std::string near = Nearest(name, names);
  return NotFound(fmt::format("there is no step '{}' in this file", Printable(name)))
      .Hint(near.empty() ? "'holdfast step list FILE' shows them"
                         : fmt::format("did you mean '{}'?", near));
}

}  // namespace holdfast::local
