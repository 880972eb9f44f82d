#include "runtime/local/template_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 8> kTemplateRead{"name", "inputs", "dag", "container", "retryStrategy",
                                             "synchronization", "activeDeadlineSeconds", "outputs"};
constexpr std::array<Names, 16> kTemplateIgnored{
    "metadata", "nodeSelector", "affinity", "tolerations", "schedulerName", "priorityClassName",
    "priority", "serviceAccountName", "automountServiceAccountToken", "executor", "hostAliases",
    "securityContext", "podSpecPatch", "volumes", "archiveLocation", "metrics"};
constexpr std::array<Names, 16> kTemplateRefused{
    "steps", "script", "resource", "suspend", "http", "plugin", "data", "containerSet", "daemon",
    "initContainers", "sidecars", "parallelism", "failFast", "memoize", "timeout", "annotations"};

constexpr std::array<Names, 3> kContainerRead{"command", "args", "env"};
constexpr std::array<Names, 19> kContainerIgnored{
    "image", "imagePullPolicy", "name", "resources", "volumeMounts", "volumeDevices", "securityContext", "ports",
    "envFrom", "workingDir", "terminationMessagePath", "terminationMessagePolicy", "stdin", "stdinOnce", "tty",
    "resizePolicy", "livenessProbe", "readinessProbe", "startupProbe"};
constexpr std::array<Names, 3> kContainerRefused{"lifecycle", "restartPolicy", "restartPolicyRules"};

constexpr std::array<Names, 2> kEnvRead{"name", "value"};
constexpr std::array<Names, 1> kEnvIgnored{"valueFrom"};

constexpr std::array<Names, 3> kDagRead{"tasks", "target", "failFast"};

constexpr std::array<Names, 8> kTaskRead{"name", "template", "templateRef", "arguments",
                                         "depends", "dependencies", "when", "hooks"};
constexpr std::array<Names, 6> kTaskRefused{"inline", "withItems", "withParam", "withSequence", "continueOn", "onExit"};

constexpr std::array<Names, 2> kRefRead{"name", "template"};
constexpr std::array<Names, 1> kRefRefused{"clusterScope"};

constexpr std::array<Names, 1> kHooksRead{"exit"};
constexpr std::array<Names, 3> kHookRead{"template", "templateRef", "arguments"};
constexpr std::array<Names, 1> kHookRefused{"expression"};

constexpr std::array<Names, 1> kArgumentsRead{"parameters"};
constexpr std::array<Names, 1> kArgumentsRefused{"artifacts"};

constexpr std::array<Names, 3> kParameterRead{"name", "value", "default"};
constexpr std::array<Names, 2> kParameterIgnored{"description", "enum"};
constexpr std::array<Names, 2> kParameterRefused{"valueFrom", "globalName"};

constexpr std::array<Names, 4> kRetryRead{"limit", "retryPolicy", "expression", "backoff"};
constexpr std::array<Names, 1> kRetryIgnored{"affinity"};
constexpr std::array<Names, 3> kBackoffRead{"duration", "factor", "cap"};
constexpr std::array<Names, 1> kBackoffRefused{"maxDuration"};

constexpr std::array<Names, 1> kSynchronizationRead{"mutexes"};
constexpr std::array<Names, 3> kSynchronizationRefused{"semaphores", "mutex", "semaphore"};
constexpr std::array<Names, 1> kMutexRead{"name"};
constexpr std::array<Names, 1> kMutexRefused{"namespace"};

// Words of the language in which Argo evaluates `depends`: a task of that name breaks it there.
constexpr std::array<Names, 18> kReservedNames{"not", "in", "and", "or", "let", "if", "else", "true", "false", "nil",
                                               "matches", "contains", "startsWith", "endsWith", "evaluation", "null",
                                               "undefined", "break"};
// Argo names the nodes of exit handlers so.
constexpr std::string_view kExitNode = "onExit";

Result<PlacedText> ReadText(const SourceFile& source, const Value& value, std::string_view what) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, value, what));
  auto parsed = TextTemplate::Parse(text);
  if (!parsed) {
    return source.At(value.position(), fmt::format("{}: {}", what, parsed.error().message()))
        .Hint(parsed.error().hint());
  }
  return PlacedText{std::move(*parsed), value.position()};
}

Result<std::string> RequiredName(const SourceFile& source, const Value& map, std::string_view what,
                                 std::string_view key = "name") {
  const Value* name = map.Find(key);
  if (name == nullptr) return source.At(map.position(), fmt::format("{} has no '{}'", what, key));
  if (!name->is_string() || name->AsString().empty()) {
    return source.At(name->position(), fmt::format("the {} of {} is a text that is not empty", key, what))
        .Hint("quote what YAML would read as a number, a truth or nothing");
  }
  return name->AsString();
}

Result<std::vector<NamedText>> ReadArguments(const SourceFile& source, const Value& owner) {
  std::vector<NamedText> arguments;
  HOLDFAST_ASSIGN_OR_RETURN(const Value* map, MapField(source, owner, "arguments"));
  if (map == nullptr) return arguments;
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *map, {"'arguments'", kArgumentsRead, {}, kArgumentsRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, *map, "parameters"));
  if (list == nullptr) return arguments;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, element, {"an argument", kParameterRead, kParameterIgnored, kParameterRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name, RequiredName(source, element, "an argument"));
    const Value* value = element.Find("value");
    if (value == nullptr) return source.At(element.position(), fmt::format("argument '{}' has no 'value'", Printable(name)));
    HOLDFAST_ASSIGN_OR_RETURN(PlacedText text, ReadText(source, *value, fmt::format("argument '{}'", Printable(name))));
    for (const NamedText& other : arguments) {
      if (other.name == name) return source.At(element.position(), fmt::format("argument '{}' is given twice", name));
    }
    arguments.push_back({std::move(name), std::move(text)});
  }
  return arguments;
}

Result<TemplateCall> ReadCall(const SourceFile& source, const Value& value, std::string_view what) {
  TemplateCall call;
  const Value* name = value.Find("template");
  HOLDFAST_ASSIGN_OR_RETURN(const Value* ref, MapField(source, value, "templateRef"));
  if ((name != nullptr) == (ref != nullptr)) {
    return source.At(value.position(), fmt::format("{} needs either 'template' or 'templateRef'", what));
  }
  if (ref != nullptr) {
    HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *ref, {"'templateRef'", kRefRead, {}, kRefRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(call.document, RequiredName(source, *ref, "a templateRef"));
    HOLDFAST_ASSIGN_OR_RETURN(call.name, RequiredName(source, *ref, "a templateRef", "template"));
    call.position = ref->Find("template")->position();
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(call.name, RequiredName(source, value, what, "template"));
    call.position = name->position();
  }
  HOLDFAST_ASSIGN_OR_RETURN(call.arguments, ReadArguments(source, value));
  return call;
}

Status CheckTaskName(const SourceFile& source, const Value& value, const std::string& name) {
  const bool shape = name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!shape || name[0] == '-' || (name[0] >= '0' && name[0] <= '9')) {
    return source
        .At(value.Find("name")->position(), fmt::format("'{}' cannot be the name of a task", Printable(name)), name.size())
        .Hint("at most 128 letters, digits and '-', a letter first");
  }
  if (name == kExitNode) {
    return source.At(value.Find("name")->position(), "'onExit' cannot be the name of a task: exit handlers are called so",
                     name.size());
  }
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end()) {
    return source.At(value.Find("name")->position(),
                     fmt::format("'{}' cannot be the name of a task: it is a word of Argo's expressions", name), name.size());
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
    HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *hooks, {"'hooks'", kHooksRead, {}, {}}));
    HOLDFAST_ASSIGN_OR_RETURN(const Value* hook, MapField(source, *hooks, "exit"));
    if (hook != nullptr) {
      HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *hook, {"an exit hook", kHookRead, {}, kHookRefused}));
      HOLDFAST_ASSIGN_OR_RETURN(task.exit_hook, ReadCall(source, *hook, "the exit hook of " + what));
    }
  }
  return task;
}

// Second pass over the tasks, when all names are known.
Status ReadOrder(const SourceFile& source, const Value& value, const DependsExpression::TaskNumbers& numbers, Task& task) {
  const Value* depends = value.Find("depends");
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "dependencies"));
  if (depends != nullptr && list != nullptr) {
    return source.AtKey(*depends, "depends", fmt::format("task '{}' has both 'depends' and 'dependencies'", task.name));
  }
  if (depends != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(task.depends_text, TextOfScalar(source, *depends, "'depends'"));
    if (Trim(task.depends_text).empty()) return Ok();
    auto parsed = DependsExpression::Parse(task.depends_text, numbers);
    if (!parsed) {
      return source
          .At(depends->position(), fmt::format("'depends' of task '{}': {}", task.name, parsed.error().message()))
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
            .At(element.position(), fmt::format("there is no task '{}' in this template", Printable(name)), name.size())
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
  std::sort(dag.targets.begin(), dag.targets.end(),
            [&dag](std::uint32_t a, std::uint32_t b) { return dag.tasks[a].name < dag.tasks[b].name; });
}

// Kahn's algorithm; what it cannot order holds a cycle, which is printed by name.
Status CheckNoCycle(const SourceFile& source, const DagTemplate& dag) {
  std::vector<std::size_t> open(dag.tasks.size());
  std::vector<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
    open[i] = dag.tasks[i].depends.tasks().size();
    if (open[i] == 0) ready.push_back(i);
  }
  std::size_t ordered = 0;
  while (!ready.empty()) {
    const std::uint32_t task = ready.back();
    ready.pop_back();
    ++ordered;
    for (const std::uint32_t next : dag.tasks[task].dependents) {
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  if (ordered == dag.tasks.size()) return Ok();
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

Result<DagTemplate> ReadDag(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, value, {"'dag'", kDagRead, {}, {}}));
  DagTemplate dag;
  if (const Value* fail_fast = value.Find("failFast")) {
    if (!fail_fast->is_bool()) return source.At(fail_fast->position(), "'failFast' is true or false");
    dag.fail_fast = fail_fast->AsBool();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "tasks"));
  if (list == nullptr || list->AsList().empty()) return source.At(value.position(), "'dag' has no tasks");
  DependsExpression::TaskNumbers numbers;
  for (const Value& element : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(Task task, ReadTask(source, element));
    const auto number = static_cast<std::uint32_t>(dag.tasks.size());
    if (!numbers.emplace(task.name, number).second) {
      return source.At(element.Find("name")->position(),
                       fmt::format("there are two tasks '{}' in this template", task.name), task.name.size());
    }
    dag.tasks.push_back(std::move(task));
  }
  for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
    HOLDFAST_RETURN_IF_ERROR(ReadOrder(source, list->AsList()[i], numbers, dag.tasks[i]));
    for (const std::uint32_t dependency : dag.tasks[i].depends.tasks()) dag.tasks[dependency].dependents.push_back(i);
  }
  HOLDFAST_RETURN_IF_ERROR(CheckNoCycle(source, dag));
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
        return source.At(target->position(), fmt::format("'target' names '{}', which is no task", Printable(name)))
            .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
      dag.targets.push_back(found->second);
    }
  }
  if (dag.targets.empty()) FindLeaves(dag);
  MarkNeeded(dag);
  return dag;
}

Result<std::vector<PlacedText>> ReadTexts(const SourceFile& source, const Value& map, std::string_view key) {
  std::vector<PlacedText> texts;
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, map, key));
  if (list == nullptr) return texts;
  for (const Value& element : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(PlacedText text, ReadText(source, element, fmt::format("an element of '{}'", key)));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<Container> ReadContainer(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, value, {"a container", kContainerRead, kContainerIgnored, kContainerRefused}));
  Container container;
  HOLDFAST_ASSIGN_OR_RETURN(container.command, ReadTexts(source, value, "command"));
  if (container.command.empty()) {
    return source.At(value.position(), "a container needs a 'command'")
        .Hint("the image's own entry point is not known on this machine");
  }
  HOLDFAST_ASSIGN_OR_RETURN(container.args, ReadTexts(source, value, "args"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* env, ListField(source, value, "env"));
  if (env == nullptr) return container;
  for (const Value& element : env->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(CheckFields(source, element, {"an element of 'env'", kEnvRead, kEnvIgnored, {}}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name, RequiredName(source, element, "an element of 'env'"));
    if (name.find('=') != std::string::npos) {
      return source.At(element.position(), fmt::format("'{}' cannot be the name of a variable", Printable(name)));
    }
    const Value* text = element.Find("value");
    if (text == nullptr) continue;
    HOLDFAST_ASSIGN_OR_RETURN(PlacedText placed, ReadText(source, *text, fmt::format("variable '{}'", Printable(name))));
    container.environment.push_back({std::move(name), std::move(placed)});
  }
  return container;
}

Result<RetryStrategy> ReadRetry(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, value, {"'retryStrategy'", kRetryRead, kRetryIgnored, {}}));
  RetryStrategy retry;
  if (const Value* limit = value.Find("limit")) {
    HOLDFAST_ASSIGN_OR_RETURN(retry.limit, ReadInteger(source, *limit, "'limit'", 0));
  }
  if (const Value* expression = value.Find("expression")) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *expression, "'expression'"));
    auto parsed = Expression::Parse(text);
    if (!parsed) return source.At(expression->position(), "'expression': " + parsed.error().message());
    for (const std::string& name : parsed->variables()) {
      if (name != "lastRetry.status" && name != "lastRetry.exitCode" && name != "lastRetry.message") {
        return source.At(expression->position(), fmt::format("'expression' names '{}', which is not known here", Printable(name)))
            .Hint("known are lastRetry.status, lastRetry.exitCode and lastRetry.message");
      }
    }
    // One evaluation tells whether it is a condition at all.
    const std::string status = "Failed";
    const std::string number = "1";
    const auto tried = parsed->EvaluateBool(
        [&status, &number](std::string_view name) { return name == "lastRetry.exitCode" ? &number : &status; });
    if (!tried) return source.At(expression->position(), "'expression': " + tried.error().message());
    retry.expression = std::move(*parsed);
  }
  retry.policy = retry.expression ? RetryStrategy::Policy::kAlways : RetryStrategy::Policy::kOnFailure;
  if (const Value* policy = value.Find("retryPolicy")) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *policy, "'retryPolicy'"));
    if (text == "Always") {
      retry.policy = RetryStrategy::Policy::kAlways;
    } else if (text == "OnFailure") {
      retry.policy = RetryStrategy::Policy::kOnFailure;
    } else if (text == "OnError") {
      retry.policy = RetryStrategy::Policy::kOnError;
    } else {
      return source.At(policy->position(), fmt::format("the local engine has no retryPolicy '{}'", Printable(text)), text.size())
          .Hint("it has Always, OnFailure and OnError");
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* backoff, MapField(source, value, "backoff"));
  if (backoff == nullptr) return retry;
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *backoff, {"'backoff'", kBackoffRead, {}, kBackoffRefused}));
  const auto read_duration = [&source, &backoff](std::string_view key) -> Result<std::chrono::milliseconds> {
    const Value* found = backoff->Find(key);
    if (found == nullptr) return source.At(backoff->position(), fmt::format("'backoff' has no '{}'", key));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *found, key));
    auto duration = ParseDuration(text);
    if (!duration) return source.At(found->position(), duration.error().message(), text.size()).Hint(duration.error().hint());
    return *duration;
  };
  HOLDFAST_ASSIGN_OR_RETURN(retry.first_wait, read_duration("duration"));
  if (backoff->Find("cap") != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(retry.cap, read_duration("cap"));
  }
  if (const Value* factor = backoff->Find("factor")) {
    HOLDFAST_ASSIGN_OR_RETURN(retry.factor, ReadInteger(source, *factor, "'factor'", 1));
  }
  return retry;
}

Result<std::vector<std::string>> ReadMutexes(const SourceFile& source, const Value& value) {
  std::vector<std::string> names;
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, value, {"'synchronization'", kSynchronizationRead, {}, kSynchronizationRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "mutexes"));
  if (list == nullptr) return names;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(CheckFields(source, element, {"a mutex", kMutexRead, {}, kMutexRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name, RequiredName(source, element, "a mutex"));
    if (name.find("{{") != std::string::npos) {
      return source.At(element.Find("name")->position(), "the name of a mutex is taken as it is: no '{{' in it");
    }
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Result<std::int64_t> ReadInteger(const SourceFile& source, const Value& value, std::string_view what, std::int64_t least) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, value, what));
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end || number < least || number > 1'000'000'000) {
    return source.At(value.position(), fmt::format("{} is an integer from {} to 1000000000, not '{}'", what, least, Printable(text)),
                     text.size());
  }
  return number;
}

Result<std::chrono::seconds> ReadSeconds(const SourceFile& source, const Value& value, std::string_view what) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t number, ReadInteger(source, value, what, 1));
  return std::chrono::seconds(number);
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const auto bad = [text] {
    return InvalidInput(fmt::format("'{}' is no duration", Printable(text))).Hint("write 90, 250ms, 10s, 1m30s or 2h");
  };
  std::int64_t total = 0;
  std::size_t at = 0;
  if (text.empty()) return bad();
  while (at < text.size()) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (read.ec != std::errc{} || number < 0 || number > 1'000'000'000) return bad();
    at = static_cast<std::size_t>(read.ptr - text.data());
    std::int64_t unit = 1000;
    if (at == text.size()) {
      if (total != 0) return bad();  // only a number of its own is in seconds
    } else if (text.substr(at, 2) == "ms") {
      unit = 1;
      at += 2;
    } else if (text[at] == 's') {
      ++at;
    } else if (text[at] == 'm') {
      unit = 60'000;
      ++at;
    } else if (text[at] == 'h') {
      unit = 3'600'000;
      ++at;
    } else {
      return bad();
    }
    total += number * unit;
    if (total > 1'000'000'000'000) return bad();
  }
  return std::chrono::milliseconds(total);
}

Result<std::vector<Parameter>> ReadParameters(const SourceFile& source, const Value* value, std::string_view what) {
  std::vector<Parameter> parameters;
  if (value == nullptr) return parameters;
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, *value, {what, kArgumentsRead, {}, kArgumentsRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, *value, "parameters"));
  if (list == nullptr) return parameters;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, element, {"a parameter", kParameterRead, kParameterIgnored, kParameterRefused}));
    Parameter parameter;
    parameter.position = element.position();
    HOLDFAST_ASSIGN_OR_RETURN(parameter.name, RequiredName(source, element, "a parameter"));
    const Value* given = element.Find("value") != nullptr ? element.Find("value") : element.Find("default");
    if (given != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(
          parameter.value, ReadText(source, *given, fmt::format("parameter '{}'", Printable(parameter.name))));
    }
    for (const Parameter& other : parameters) {
      if (other.name == parameter.name) {
        return source.At(element.position(), fmt::format("there are two parameters '{}'", Printable(parameter.name)));
      }
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Result<Template> ReadTemplate(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(source, value, {"a template", kTemplateRead, kTemplateIgnored, kTemplateRefused}));
  Template out;
  out.position = value.position();
  HOLDFAST_ASSIGN_OR_RETURN(out.name, RequiredName(source, value, "a template"));
  const std::string what = fmt::format("template '{}'", Printable(out.name));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* outputs, MapField(source, value, "outputs"));
  if (outputs != nullptr && !outputs->AsMap().empty()) {
    return source.AtKey(*outputs, "outputs", "the local engine does not run 'outputs' of a template")
        .Hint("docs/reference/argo-subset.md lists the part of the Argo language that it runs");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* inputs, MapField(source, value, "inputs"));
  HOLDFAST_ASSIGN_OR_RETURN(out.inputs, ReadParameters(source, inputs, "'inputs'"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* dag, MapField(source, value, "dag"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* container, MapField(source, value, "container"));
  if ((dag != nullptr) == (container != nullptr)) {
    return source.At(value.position(), fmt::format("{} needs either 'dag' or 'container'", what));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* retry, MapField(source, value, "retryStrategy"));
  const Value* deadline = value.Find("activeDeadlineSeconds");
  if (dag != nullptr) {
    for (const std::string_view key : {"retryStrategy", "activeDeadlineSeconds"}) {
      if (const Value* found = value.Find(key)) {
        return source.AtKey(*found, key, fmt::format("the local engine runs '{}' of containers only", key));
      }
    }
    HOLDFAST_ASSIGN_OR_RETURN(out.dag, ReadDag(source, *dag));
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(out.container, ReadContainer(source, *container));
    if (retry != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(out.retry, ReadRetry(source, *retry));
    }
    if (deadline != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(out.active_deadline, ReadSeconds(source, *deadline, "'activeDeadlineSeconds'"));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* synchronization, MapField(source, value, "synchronization"));
  if (synchronization != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(out.mutexes, ReadMutexes(source, *synchronization));
  }
  return out;
}

}  // namespace holdfast::local
