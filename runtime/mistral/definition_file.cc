#include "runtime/mistral/definition_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_reading.h"

namespace holdfast::mistral {
namespace {

using local::FieldTable;
using local::SourceFile;

constexpr std::array<std::string_view, 6> kWorkflowRead{"input", "tasks",         "vars",
                                                        "type",  "task-defaults", "tags"};
constexpr std::array<std::string_view, 2> kWorkflowIgnored{"description", "name"};
constexpr FieldTable kWorkflow{"a workflow", kWorkflowRead, kWorkflowIgnored, {}};
constexpr std::array<std::string_view, 10> kTaskRead{
    "action",   "workflow",    "input",   "join",  "on-success",
    "on-error", "on-complete", "fail-on", "retry", "timeout"};
constexpr std::array<std::string_view, 1> kTaskIgnored{"description"};
constexpr FieldTable kTask{"a task", kTaskRead, kTaskIgnored, {}};

Error NotOurs(const SourceFile& source, const Value& value, std::string_view key,
              std::string message) {
  return source.AtKey(value, key, std::move(message))
      .Hint("only workflows as 'holdfast compile --engine mistral' writes them are read here");
}

// Of a line that begins with one, quoted or not; empty: it does not.
std::string_view TopLevelKey(std::string_view line) {
  const bool quoted = line.starts_with('"') || line.starts_with('\'');
  if (quoted) {
    const std::size_t end = line.find(line.front(), 1);
    if (end == line.npos || !Trim(line.substr(end + 1)).starts_with(':')) return {};
    return line.substr(1, end - 1);
  }
  if (line.empty() || line.front() == ' ' || line.front() == '#') return {};
  const std::size_t colon = line.find(':');
  return colon == line.npos ? std::string_view() : Trim(line.substr(0, colon));
}

// Those by which files are told from each other.
std::set<std::string, std::less<>> TopLevelKeys(std::string_view text) {
  constexpr std::array<std::string_view, 3> kTelling{"apiVersion", "version", "workflow_name"};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::set<std::string, std::less<>> keys;
  for (const std::string_view line : Split(text, '\n')) {
    const std::string_view key = TopLevelKey(line);
    if (std::find(kTelling.begin(), kTelling.end(), key) != kTelling.end()) keys.emplace(key);
  }
  if (!keys.empty()) return keys;
  // In one line as JSON is, or with blanks before each.
  const auto documents = ParseYamlStream(text, "file");
  if (!documents || documents->empty() || !documents->front().is_map()) return keys;
  for (const std::string_view key : kTelling) {
    if (documents->front().Find(key) != nullptr) keys.emplace(key);
  }
  return keys;
}

Value FieldOf(const Value& map, std::string_view key) {
  const Value* const found = map.Find(key);
  return found == nullptr ? Value() : *found;
}

Result<std::string> TextField(const SourceFile& source, const Value& map, std::string_view key) {
  const Value* const found = map.Find(key);
  if (found == nullptr) return std::string();
  if (!found->is_string())
    return source.AtKey(*found, key,
                        fmt::format("'{}' is a text, not {}", key, NameOf(found->kind())));
  return found->AsString();
}

Result<std::vector<std::string>> ReadLinks(const SourceFile& source, const Value& task,
                                           std::string_view key) {
  std::vector<std::string> names;
  const Value* const found = task.Find(key);
  if (found == nullptr) return names;
  if (found->is_string()) return std::vector<std::string>{found->AsString()};
  if (!found->is_list())
    return NotOurs(source, *found, key, fmt::format("'{}' is a list of tasks", key));
  for (const Value& name : found->AsList()) {
    if (!name.is_string())
      return NotOurs(source, *found, key, fmt::format("'{}' has a link with a condition", key));
    names.push_back(name.AsString());
  }
  return names;
}

Result<Task> ReadTask(const SourceFile& source, const std::string& name, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(local::CheckFields(source, value, kTask));
  Task task;
  task.name = name;
  task.position = value.key_position();
  HOLDFAST_ASSIGN_OR_RETURN(task.action, TextField(source, value, "action"));
  HOLDFAST_ASSIGN_OR_RETURN(task.workflow, TextField(source, value, "workflow"));
  if (task.action.empty() == task.workflow.empty())
    return NotOurs(source, value, name, "a task has either 'action' or 'workflow'");
  if (const Value* const input = value.Find("input"); input != nullptr) {
    if (!input->is_map()) return NotOurs(source, *input, "input", "'input' of a task is a map");
    task.input = *input;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string join, TextField(source, value, "join"));
  if (!join.empty() && join != "all")
    return NotOurs(source, *value.Find("join"), "join", "'join' is 'all'");
  task.join_all = join == "all";
  HOLDFAST_ASSIGN_OR_RETURN(task.on_success, ReadLinks(source, value, "on-success"));
  HOLDFAST_ASSIGN_OR_RETURN(task.on_error, ReadLinks(source, value, "on-error"));
  HOLDFAST_ASSIGN_OR_RETURN(task.on_complete, ReadLinks(source, value, "on-complete"));
  task.fail_on = FieldOf(value, "fail-on");
  task.retry = FieldOf(value, "retry");
  task.timeout = FieldOf(value, "timeout");
  return task;
}

Result<std::vector<Input>> ReadInputs(const SourceFile& source, const Value& workflow) {
  std::vector<Input> inputs;
  HOLDFAST_ASSIGN_OR_RETURN(const Value* const list, local::ListField(source, workflow, "input"));
  if (list == nullptr) return inputs;
  for (const Value& entry : list->AsList()) {
    if (entry.is_string()) {
      inputs.push_back({entry.AsString(), std::nullopt, entry.position()});
      continue;
    }
    if (!entry.is_map())
      return source.At(entry.position(), "an input is a name, or a map of names and defaults");
    for (const auto& [name, value] : entry.AsMap())
      inputs.push_back({name, value, value.key_position()});
  }
  return inputs;
}

Result<Definition> ReadDefinition(const SourceFile& source, const std::string& name,
                                  const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(local::CheckFields(source, value, kWorkflow));
  Definition out;
  out.name = name;
  out.file = source.path;
  out.position = value.key_position();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string type, TextField(source, value, "type"));
  if (type != "direct" && !type.empty())
    return NotOurs(source, *value.Find("type"), "type", "a workflow is direct");
  HOLDFAST_ASSIGN_OR_RETURN(out.inputs, ReadInputs(source, value));
  out.tags = FieldOf(value, "tags");
  out.variables = FieldOf(value, "vars");
  out.task_defaults = FieldOf(value, "task-defaults");
  HOLDFAST_ASSIGN_OR_RETURN(const Value* const tasks, local::MapField(source, value, "tasks"));
  if (tasks == nullptr) return source.AtKey(value, name, "a workflow has 'tasks'");
  out.tasks.reserve(tasks->AsMap().size());
  for (const auto& [task, fields] : tasks->AsMap()) {
    HOLDFAST_ASSIGN_OR_RETURN(Task read, ReadTask(source, task, fields));
    out.tasks.push_back(std::move(read));
  }
  return out;
}

}  // namespace

const Task* Definition::Find(std::string_view task) const {
  const auto at =
      std::lower_bound(tasks.begin(), tasks.end(), task,
                       [](const Task& one, std::string_view wanted) { return one.name < wanted; });
  return at == tasks.end() || at->name != task ? nullptr : &*at;
}

std::string InputOf(const Task& task, std::string_view name) {
  return task.input.is_map() ? task.input.StringOr(name, "") : "";
}

std::string StepCommandOf(const Task& task) {
  if (task.action != mistral_words::kStepAction) return {};
  const std::string command = InputOf(task, "command");
  return command.empty() ? "run" : command;
}

bool IsMistralFile(std::string_view text) {
  const std::set<std::string, std::less<>> keys = TopLevelKeys(text);
  return keys.contains("version") && !keys.contains("apiVersion");
}

bool IsTriggerFile(std::string_view text) {
  const std::set<std::string, std::less<>> keys = TopLevelKeys(text);
  return keys.contains("workflow_name") && !keys.contains("version") &&
         !keys.contains("apiVersion");
}

Result<std::vector<Definition>> ReadDefinitions(const SourceFile& source) {
  const local::ParsedFile parsed = local::ParseFile(source);
  HOLDFAST_ASSIGN_OR_RETURN(const MistralDocument document, ReadMistralFile(parsed));
  if (!document.refused.empty()) return document.refused.front();
  if (!document.value.is_map())
    return InvalidInput(source.path + " is not one document with workflows")
        .At({source.path, 0, 0, {}, 1});
  const Value* const version = document.value.Find("version");
  const bool is_known = version != nullptr && (*version == Value("2.0") || *version == Value(2.0));
  if (!is_known)
    return InvalidInput(source.path + " has no \"version: '2.0'\"").At({source.path, 0, 0, {}, 1});
  std::vector<Definition> definitions;
  for (const auto& [name, value] : document.value.AsMap()) {
    if (name == "version" || name == "name") continue;
    HOLDFAST_ASSIGN_OR_RETURN(Definition read, ReadDefinition(source, name, value));
    definitions.push_back(std::move(read));
  }
  if (definitions.empty())
    return InvalidInput(source.path + " has no workflow").At({source.path, 0, 0, {}, 1});
  return definitions;
}

Result<std::vector<Definition>> ReadDefinitions(std::span<const SourceFile> sources) {
  std::vector<Definition> all;
  for (const SourceFile& source : sources) {
    HOLDFAST_ASSIGN_OR_RETURN(auto more, ReadDefinitions(source));
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace holdfast::mistral
