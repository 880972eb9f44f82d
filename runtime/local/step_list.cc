#include "runtime/local/step_list.h"

#include <fmt/format.h>

#include <algorithm>
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
    root.values = &values_;
    HOLDFAST_RETURN_IF_ERROR(Walk(workflow_.entrypoint, of_workflow, root));
    if (workflow_.on_exit) {
      Place place;
      place.values = &values_;
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
    const WorkflowValues* values = nullptr;  // of the Workflow that it stands in
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
    WorkflowValues of_child;
    const WorkflowValues* values = place.values;
    if (call.child != kNoChild) {
      HOLDFAST_ASSIGN_OR_RETURN(of_child,
                                ValuesOfChild(workflow_.children[call.child], *values, caller));
      values = &of_child;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto inputs, FillInputs(workflow_, call, *values, caller));
    const Lookup lookup = MakeLookup(*values, inputs, &place.task, place.status);
    if (made.container) return AddStep(made, lookup, place);
    const std::string prefix = place.path.empty() ? "" : place.path + ".";
    for (const Task& task : made.dag->tasks) {
      Place inner;
      inner.path = prefix + task.name;
      inner.task = task.name;
      inner.values = values;
      inner.status = place.status;
      inner.exit_handler = place.exit_handler;
      inner.line = task.position.line;
      inner.depends = task.depends_text;
      inner.gates = place.gates;
      inner.order = place.order;
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

namespace {

// By the path of every step and of every task that stands for several: their places in `steps`.
using StepsOfPath = std::map<std::string_view, std::vector<std::size_t>>;

StepsOfPath IndexByPath(const std::vector<ListedStep>& steps) {
  StepsOfPath index;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string_view path = steps[i].name;
    for (std::size_t end = path.find('.'); end != std::string_view::npos;
         end = path.find('.', end + 1)) {
      index[path.substr(0, end)].push_back(i);
    }
    index[path].push_back(i);
  }
  return index;
}

// What can be reached over `next`, without the start.
std::vector<std::size_t> Reach(const std::vector<std::vector<std::size_t>>& next,
                               const std::vector<std::size_t>& start) {
  std::vector<bool> seen(next.size(), false);
  std::vector<std::size_t> found;
  std::vector<std::size_t> open = start;
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const std::size_t other : next[at]) {
      if (seen[other]) continue;
      seen[other] = true;
      found.push_back(other);
      open.push_back(other);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// By step: those that it waits for directly.
std::vector<std::vector<std::size_t>> Before(const std::vector<ListedStep>& steps,
                                             const StepsOfPath& index) {
  std::vector<std::vector<std::size_t>> before(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const std::string& path : steps[i].order) {
      const auto of_path = index.find(path);
      if (of_path == index.end()) continue;
      before[i].insert(before[i].end(), of_path->second.begin(), of_path->second.end());
    }
  }
  return before;
}

std::vector<std::size_t> StepsAt(const StepsOfPath& index, const std::string& path) {
  const auto found = index.find(path);
  return found == index.end() ? std::vector<std::size_t>() : found->second;
}

}  // namespace

std::vector<std::size_t> StepsAfter(const std::vector<ListedStep>& steps, const std::string& step) {
  const StepsOfPath index = IndexByPath(steps);
  const auto before = Before(steps, index);
  std::vector<std::vector<std::size_t>> after(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const std::size_t other : before[i]) after[other].push_back(i);
  }
  return Reach(after, StepsAt(index, step));
}

std::vector<std::size_t> StepsBefore(const std::vector<ListedStep>& steps,
                                     const std::string& step) {
  const StepsOfPath index = IndexByPath(steps);
  return Reach(Before(steps, index), StepsAt(index, step));
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
