#include "runtime/mistral/step_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"

namespace holdfast::mistral {
namespace {

class Lister {
 public:
  Lister(std::span<const Definition> definitions, const LoadedBundle& bundle,
         const ListOptions& options)
      : bundle_(bundle), options_(options) {
    for (const Definition& definition : definitions) definitions_[definition.name] = &definition;
  }

  Result<std::vector<local::ListedStep>> List(const Definition& start) {
    HOLDFAST_RETURN_IF_ERROR(Walk(start, {}));
    // A gate names a step, and a path says where that stands.
    std::map<std::string_view, std::string_view> paths;
    for (const local::ListedStep& step : steps_) paths[step.task] = step.name;
    for (local::ListedStep& step : steps_) {
      for (std::string& gate : step.gates) {
        if (const auto path = paths.find(gate); path != paths.end()) gate = path->second;
      }
    }
    return std::move(steps_);
  }

 private:
  // Where a workflow is started.
  struct Place {
    std::string prefix;              // of the paths in it
    std::vector<std::string> order;  // what comes before all of it
  };

  // Recurses as deep as workflows start each other.
  Status Walk(const Definition& here, const Place& place) {
    open_.insert(here.name);
    std::vector<const Task*> tasks;
    tasks.reserve(here.tasks.size());
    for (const Task& task : here.tasks) tasks.push_back(&task);
    std::sort(tasks.begin(), tasks.end(), [](const Task* a, const Task* b) {
      return std::tie(a->position.line, a->position.column) <
             std::tie(b->position.line, b->position.column);
    });
    const auto before = Before(here);
    for (const Task* const task : tasks) {
      std::vector<std::string> order = place.order;
      for (const Task* const other : RealOnes(*task, before))
        order.push_back(place.prefix + other->name);
      if (!task->workflow.empty()) {
        HOLDFAST_RETURN_IF_ERROR(WalkBelow(here, *task, {place.prefix + task->name + ".", order}));
      } else if (task->action == mistral_words::kStepAction) {
        AddStep(*task, place, std::move(order));
      }
    }
    open_.erase(here.name);
    return Ok();
  }

  Status WalkBelow(const Definition& here, const Task& task, const Place& place) {
    const auto below = definitions_.find(task.workflow);
    const auto fault = [&](std::string_view what) {
      return InvalidInput(fmt::format("task {} starts {}, which is {}", Printable(task.name),
                                      Printable(task.workflow), what))
          .At({here.file, task.position.line, task.position.column, {}, 1});
    };
    if (below == definitions_.end())
      return fault("not in the file, nor in the folder NAME.children beside it");
    if (open_.contains(below->first)) return fault("what it is a part of");
    return Walk(*below->second, place);
  }

  using Links = std::map<std::string_view, std::vector<const Task*>>;

  // By task: those that lead to it.
  static Links Before(const Definition& here) {
    Links before;
    for (const Task& task : here.tasks) {
      for (const auto* const list : {&task.on_success, &task.on_error, &task.on_complete}) {
        for (const std::string& after : *list) before[after].push_back(&task);
      }
    }
    return before;
  }

  // What a task comes after, through those that are no steps.
  static std::vector<const Task*> RealOnes(const Task& task, const Links& before) {
    std::vector<const Task*> found;
    std::set<const Task*> seen{&task};
    std::vector<const Task*> open{&task};
    while (!open.empty()) {
      const auto links = before.find(open.back()->name);
      open.pop_back();
      if (links == before.end()) continue;
      for (const Task* const other : links->second) {
        if (!seen.insert(other).second) continue;
        const bool real = !other->workflow.empty() || other->action == mistral_words::kStepAction;
        (real ? found : open).push_back(other);
      }
    }
    return found;
  }

  void AddStep(const Task& task, const Place& place, std::vector<std::string> order) {
    local::ListedStep step;
    step.name = place.prefix + task.name;
    step.task = task.name;
    step.template_name = mistral_words::kStepAction;
    const std::string command = StepCommandOf(task);
    step.command = {options_.step_binary};
    step.args = {command, "--run=" + options_.run_id, "--record=" + Parameter("record"),
                 "--bundle=" + Parameter("bundle"), "--provider=" + Parameter("provider")};
    if (command == "begin") {
      step.args.push_back("--fail-fast=" + Parameter("fail-fast"));
      step.args.push_back("--partial=" + Parameter("partial"));
    }
    if (command == "run" || command == "gate")
      step.args.push_back("--step=" + InputOf(task, "step"));
    step.order = std::move(order);
    step.gates = GatesOf(task.name);
    step.exit_handler = command == "end";
    step.line = task.position.line;
    steps_.push_back(std::move(step));
  }

  std::vector<std::string> GatesOf(const std::string& name) const {
    const BundleStep* const step = bundle_.FindStep(name);
    if (step == nullptr) return {};
    std::set<std::string> gates;
    for (const BundleActivity& activity : step->activities) {
      for (const BundleGate& gate : activity.gates) {
        if (gate.step != name) gates.insert(gate.step);
      }
    }
    if (gates.empty()) return {"begin"};
    return {gates.begin(), gates.end()};
  }

  std::string Parameter(const std::string& name) const {
    const auto found = options_.parameters.find(name);
    return found == options_.parameters.end() ? "" : found->second;
  }

  std::map<std::string_view, const Definition*> definitions_;
  const LoadedBundle& bundle_;
  const ListOptions& options_;
  std::set<std::string_view> open_;
  std::vector<local::ListedStep> steps_;
};

}  // namespace

Result<std::vector<local::ListedStep>> ListSteps(std::span<const Definition> definitions,
                                                 const LoadedBundle& bundle,
                                                 const ListOptions& options) {
  return Lister(definitions, bundle, options).List(definitions.front());
}

}  // namespace holdfast::mistral
