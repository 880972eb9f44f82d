#include "runtime/local/dag_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/local/call_reader.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 3> kDagRead{"tasks", "target", "failFast"};
constexpr std::array<Names, 8> kTaskRead{"name",    "template",     "templateRef", "arguments",
                                         "depends", "dependencies", "when",        "hooks"};
constexpr std::array<Names, 6> kTaskRefused{"inline",       "withItems",  "withParam",
                                            "withSequence", "continueOn", "onExit"};
constexpr std::array<Names, 3> kHookRead{"template", "templateRef", "arguments"};
constexpr std::array<Names, 1> kHookRefused{"expression"};

// Words of the language in which Argo evaluates `depends`: a task of that name breaks it there.
constexpr std::array<Names, 18> kReservedNames{
    "not",        "in",       "and",        "or",   "let",       "if",
    "else",       "true",     "false",      "nil",  "matches",   "contains",
    "startsWith", "endsWith", "evaluation", "null", "undefined", "break"};
// Argo names the nodes of exit handlers so.
constexpr std::string_view kExitNode = "onExit";

Status CheckTaskName(const SourceFile& source, const Value& value, const std::string& name) {
  const bool shape = name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-';
                     });
  if (!shape || name[0] == '-' || (name[0] >= '0' && name[0] <= '9')) {
    return source
        .At(value.Find("name")->position(),
            fmt::format("'{}' cannot be the name of a task", Printable(name)), name.size())
        .Hint("at most 128 letters, digits and '-', a letter first");
  }
  if (name == kExitNode) {
    return source.At(value.Find("name")->position(),
                     "'onExit' cannot be the name of a task: exit handlers are called so",
                     name.size());
  }
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end()) {
    return source.At(
        value.Find("name")->position(),
        fmt::format("'{}' cannot be the name of a task: it is a word of Argo's expressions", name),
        name.size());
  }
  return Ok();
}

Result<Task> ReadTask(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, value, {"a DAG task", kTaskRead, {}, kTaskRefused}));
  Task task;
  task.position = value.position();
  HOLDFAST_ASSIGN_OR_RETURN(task.name, RequiredName(source, value, "a DAG task"));
  HOLDFAST_RETURN_IF_ERROR(CheckTaskName(source, value, task.name));
  const std::string what = fmt::format("task '{}'", task.name);
  HOLDFAST_ASSIGN_OR_RETURN(task.call, ReadCall(source, value, what));
  if (const Value* when = value.Find("when")) {
    HOLDFAST_ASSIGN_OR_RETURN(task.when, ReadText(source, *when, "'when'"));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* hooks, MapField(source, value, "hooks"));
  if (hooks != nullptr) {
    for (const auto& [name, other] : hooks->AsMap()) {
      if (name == "exit") continue;
      return source
          .AtKey(
              other, name,
              fmt::format("the local engine does not run the hook '{}' of a task", Printable(name)))
          .Hint("it runs the hook 'exit'");
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Value* hook, MapField(source, *hooks, "exit"));
    if (hook != nullptr) {
      HOLDFAST_RETURN_IF_ERROR(
          CheckFields(source, *hook, {"an exit hook", kHookRead, {}, kHookRefused}));
      HOLDFAST_ASSIGN_OR_RETURN(task.exit_hook,
                                ReadCall(source, *hook, "the exit hook of " + what));
    }
  }
  return task;
}

// Second pass over the tasks, when all names are known.
Status ReadOrder(const SourceFile& source, const Value& value,
                 const DependsExpression::TaskNumbers& numbers, Task& task) {
  const Value* depends = value.Find("depends");
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "dependencies"));
  if (depends != nullptr && list != nullptr) {
    return source.AtKey(*depends, "depends",
                        fmt::format("task '{}' has both 'depends' and 'dependencies'", task.name));
  }
  if (depends != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(task.depends_text, TextOfScalar(source, *depends, "'depends'"));
    if (Trim(task.depends_text).empty()) return Ok();
    auto parsed = DependsExpression::Parse(task.depends_text, numbers);
    if (!parsed) {
      return source
          .At(depends->position(),
              fmt::format("'depends' of task '{}': {}", task.name, parsed.error().message()))
          .Hint(parsed.error().hint());
    }
    task.depends = std::move(*parsed);
  } else if (list != nullptr) {
    std::vector<std::uint32_t> tasks;
    std::vector<std::string> names;
    for (const Value& element : list->AsList()) {
      HOLDFAST_ASSIGN_OR_RETURN(std::string name, TextOfScalar(source, element, "a dependency"));
      const auto found = numbers.find(name);
      if (found == numbers.end()) {
        std::vector<std::string> all;
        for (const auto& entry : numbers) all.push_back(entry.first);
        const std::string near = Nearest(name, all);
        return source
            .At(element.position(),
                fmt::format("there is no task '{}' in this template", Printable(name)), name.size())
            .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
      tasks.push_back(found->second);
      names.push_back(std::move(name));
    }
    task.depends = DependsExpression::AllOf(tasks);
    task.depends_text = Join(names, " && ");
  }
  return Ok();
}

// The tasks that no other names are the targets when the file names none: Argo sorts them by name.
void FindLeaves(DagTemplate& dag) {
  for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
    if (dag.tasks[i].dependents.empty()) dag.targets.push_back(i);
  }
  std::sort(dag.targets.begin(), dag.targets.end(), [&dag](std::uint32_t a, std::uint32_t b) {
    return dag.tasks[a].name < dag.tasks[b].name;
  });
}

// Kahn's algorithm; what it cannot order holds a cycle, which is printed by name.
Status FindOrder(const SourceFile& source, DagTemplate& dag) {
  std::vector<std::size_t> open(dag.tasks.size());
  std::vector<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
    open[i] = dag.tasks[i].depends.tasks().size();
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const std::uint32_t task = ready.back();
    ready.pop_back();
    dag.order.push_back(task);
    for (const std::uint32_t next : dag.tasks[task].dependents) {
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  if (dag.order.size() == dag.tasks.size()) return Ok();
  // Every task that is left waits for another one that is left: following that must come back.
  std::uint32_t at = 0;
  while (open[at] == 0) ++at;
  std::vector<std::uint32_t> path;
  std::set<std::uint32_t> seen;
  while (seen.insert(at).second) {
    path.push_back(at);
    for (const std::uint32_t dependency : dag.tasks[at].depends.tasks()) {
      if (open[dependency] != 0) {
        at = dependency;
        break;
      }
    }
  }
  std::string cycle = dag.tasks[at].name;
  for (auto step = path.rbegin(); step != path.rend(); ++step) {
    cycle += " -> " + dag.tasks[*step].name;
    if (*step == at) break;
  }
  return source.At(dag.tasks[at].position, fmt::format("tasks wait for each other: {}", cycle));
}

void MarkNeeded(DagTemplate& dag) {
  std::vector<std::uint32_t> todo = dag.targets;
  while (!todo.empty()) {
    Task& task = dag.tasks[todo.back()];
    todo.pop_back();
    if (task.needed) continue;
    task.needed = true;
    todo.insert(todo.end(), task.depends.tasks().begin(), task.depends.tasks().end());
  }
}

}  // namespace

Result<DagTemplate> ReadDag(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, value, {"'dag'", kDagRead, {}, {}}));
  DagTemplate dag;
  if (const Value* fail_fast = value.Find("failFast")) {
    if (!fail_fast->is_bool())
      return source.At(fail_fast->position(), "'failFast' is true or false");
    dag.fail_fast = fail_fast->AsBool();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "tasks"));
  if (list == nullptr || list->AsList().empty())
    return source.At(value.position(), "'dag' has no tasks");
  DependsExpression::TaskNumbers numbers;
  for (const Value& element : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(Task task, ReadTask(source, element));
    const auto number = static_cast<std::uint32_t>(dag.tasks.size());
    if (!numbers.emplace(task.name, number).second) {
      return source.At(element.Find("name")->position(),
                       fmt::format("there are two tasks '{}' in this template", task.name),
                       task.name.size());
    }
    dag.tasks.push_back(std::move(task));
  }
  for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
    HOLDFAST_RETURN_IF_ERROR(ReadOrder(source, list->AsList()[i], numbers, dag.tasks[i]));
    for (const std::uint32_t dependency : dag.tasks[i].depends.tasks())
      dag.tasks[dependency].dependents.push_back(i);
  }
  HOLDFAST_RETURN_IF_ERROR(FindOrder(source, dag));
  const Value* target = value.Find("target");
  if (target != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *target, "'target'"));
    for (const std::string_view name : Split(text, ' ')) {
      if (Trim(name).empty()) continue;
      const auto found = numbers.find(Trim(name));
      if (found == numbers.end()) {
        std::vector<std::string> all;
        for (const auto& entry : numbers) all.push_back(entry.first);
        const std::string near = Nearest(Trim(name), all);
        return source
            .At(target->position(),
                fmt::format("'target' names '{}', which is no task", Printable(name)))
            .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
      dag.targets.push_back(found->second);
    }
  }
  if (dag.targets.empty()) FindLeaves(dag);
  MarkNeeded(dag);
  return dag;
}

}  // namespace holdfast::local
