#include "tests/compiler/emit/argo_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "plugins/sdk/json.h"

namespace holdfast::compiler {
namespace {

constexpr std::size_t kMostTasks = 200;
constexpr std::size_t kMostTemplates = 200;
constexpr std::size_t kMostTasksOfObject = 1500;
constexpr std::size_t kMostBytes = 1'000'000;
constexpr std::size_t kBytesOfStatus = 450;
constexpr std::size_t kDeepest = 99;
constexpr std::size_t kLongestTaskName = 128;
constexpr std::size_t kLongestObjectName = 63;
constexpr std::size_t kLongestCronName = 52;
// What Kubernetes adds to a generateName.
constexpr std::size_t kGenerated = 5;

bool IsWordOfExpressions(std::string_view name) {
  static const std::set<std::string_view> words{
      "not",   "in",  "and",     "or",       "let",   "if",         "else",     "true",
      "false", "nil", "matches", "contains", "break", "startsWith", "endsWith", "evaluation"};
  return words.contains(name);
}

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// [a-z]([a-z0-9-]*[a-z0-9])?
bool IsName(std::string_view name, std::size_t longest) {
  return !name.empty() && name.size() <= longest && IsLower(name.front()) && name.back() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

// The names of tasks in an expression.
std::set<std::string> NamesIn(std::string_view depends) {
  const auto part = [](char c) {
    return IsLower(c) || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '-' || c == '.';
  };
  std::set<std::string> names;
  for (std::size_t at = 0; at < depends.size();) {
    std::size_t end = at;
    while (end < depends.size() && part(depends[end])) ++end;
    if (end != at) {
      const std::string_view word = depends.substr(at, end - at);
      names.emplace(word.substr(0, word.find('.')));
    }
    at = std::max(end, at + 1);
  }
  return names;
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    if (end != at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class Checker {
 public:
  Checker(const Value& object, const EmitOptions& options) : object_(object), options_(options) {}

  ArgoObjectFacts Run() {
    const Value* spec = object_.Find("spec");
    if (spec == nullptr) {
      Wrong("no spec");
      return std::move(out_);
    }
    CheckObjectName();
    const Value* templates = spec->Find("templates");
    if (templates == nullptr) return std::move(out_);  // a CronWorkflow
    for (const Value& made : templates->AsList()) {
      if (!by_name_.emplace(made.StringOr("name", ""), &made).second)
        Wrong("two templates " + made.StringOr("name", ""));
    }
    for (const Value& made : templates->AsList()) CheckTemplate(made);
    out_.templates = templates->AsList().size();
    out_.depth = DepthOf(spec->StringOr("entrypoint", ""));
    CheckCalls(*spec);
    CheckSize(*spec);
    return std::move(out_);
  }

 private:
  void Wrong(std::string what) { out_.wrong.push_back(std::move(what)); }
  void Limit(std::string_view what, std::size_t is, std::size_t most) {
    if (is > most) Wrong(fmt::format("{} {}, {} are allowed", is, what, most));
  }

  void CheckObjectName() {
    const Value& metadata = *object_.Find("metadata");
    std::string name = metadata.StringOr("name", "");
    std::size_t longest =
        object_.StringOr("kind", "") == "CronWorkflow" ? kLongestCronName : kLongestObjectName;
    if (name.empty()) {
      name = metadata.StringOr("generateName", "");
      if (name.ends_with('-')) name.pop_back();
      longest -= kGenerated + 1;
    }
    if (!IsName(name, longest)) Wrong("the object's name " + name);
  }

  void CheckTemplate(const Value& made) {
    const std::string name = made.StringOr("name", "");
    if (!IsName(name, kLongestTaskName)) Wrong("the template's name " + name);
    const Value* dag = made.Find("dag");
    if (dag == nullptr) return Wrong("a template that is no DAG: " + name);
    const Value::List& tasks = dag->Find("tasks")->AsList();
    out_.tasks += tasks.size();
    Limit("tasks in " + name, tasks.size(),
          std::min<std::size_t>(kMostTasks, options_.max_tasks_per_template));
    std::set<std::string> names;
    for (const Value& task : tasks) {
      if (!names.insert(task.StringOr("name", "")).second)
        Wrong("two tasks " + task.StringOr("name", ""));
    }
    for (const Value& task : tasks) CheckTask(task, names);
    CountChildIds(tasks);
    if (name == "end") return;  // one task, and its verdict is that
    const Value* fail_fast = dag->Find("failFast");
    if (fail_fast == nullptr || !fail_fast->is_bool() || fail_fast->AsBool())
      Wrong("failFast of " + name);
    std::vector<std::string> wanted;
    for (const Value& task : tasks) {
      if (task.Find("when") == nullptr) wanted.push_back(task.StringOr("name", ""));
    }
    if (WordsOf(dag->StringOr("target", "")) != wanted) Wrong("the target of " + name);
  }

  void CheckTask(const Value& task, const std::set<std::string>& names) {
    const std::string name = task.StringOr("name", "");
    if (!IsName(name, kLongestTaskName) || IsWordOfExpressions(name))
      Wrong("the task's name " + name);
    for (const std::string& named : NamesIn(task.StringOr("depends", ""))) {
      if (!names.contains(named)) Wrong(name + " depends on " + named);
    }
    if (task.Find("dependencies") != nullptr) Wrong(name + " has dependencies");
    if (const Value* when = task.Find("when"); when != nullptr && *when != Value("false"))
      Wrong(name + " has a condition");
    if (const std::string called = task.StringOr("template", ""); !called.empty()) {
      if (!by_name_.contains(called)) Wrong(name + " calls " + called);
      if (!calls_.insert(called).second) Wrong("two tasks call " + called);
    }
  }

  // k targets, and m that wait for them: k x m + k + 1.
  void CountChildIds(const Value::List& tasks) {
    std::map<std::string, std::size_t> dependents;
    for (const Value& task : tasks) {
      for (const std::string& named : NamesIn(task.StringOr("depends", ""))) ++dependents[named];
    }
    for (const Value& task : tasks) {
      const auto called = by_name_.find(task.StringOr("template", ""));
      if (called == by_name_.end()) continue;
      const Value* dag = called->second->Find("dag");
      const std::size_t sinks = WordsOf(dag->StringOr("target", "")).size();
      out_.child_ids =
          std::max(out_.child_ids, sinks * dependents[task.StringOr("name", "")] + sinks + 1);
    }
  }

  // The local engine has refused circles.
  std::size_t DepthOf(const std::string& name) const {
    std::size_t deepest = 0;
    const auto made = by_name_.find(name);
    if (made == by_name_.end()) return 0;
    for (const Value& task : made->second->Find("dag")->Find("tasks")->AsList()) {
      const std::string called = task.StringOr("template", "");
      if (!called.empty()) deepest = std::max(deepest, DepthOf(called));
    }
    return deepest + 1;
  }

  void CheckCalls(const Value& spec) {
    calls_.insert(spec.StringOr("entrypoint", ""));
    if (const std::string on_exit = spec.StringOr("onExit", ""); !on_exit.empty())
      calls_.insert(on_exit);
    for (const auto& [name, made] : by_name_) {
      if (!calls_.contains(name)) Wrong("nothing calls " + name);
    }
    for (const std::string& name : calls_) {
      if (!by_name_.contains(name)) Wrong("there is no template " + name);
    }
  }

  void CheckSize(const Value& spec) {
    const auto json = DumpJson(spec);
    if (!json) return Wrong(json.error().OneLine());
    // Go writes & < > as \u0026 and so on.
    const auto escaped = std::count_if(json->begin(), json->end(),
                                       [](char c) { return c == '&' || c == '<' || c == '>'; });
    out_.bytes = json->size() + 5 * static_cast<std::size_t>(escaped) + kBytesOfStatus * out_.tasks;
    Limit("bytes", out_.bytes, kMostBytes);
    Limit("templates", out_.templates, kMostTemplates);
    Limit("tasks", out_.tasks,
          std::min<std::size_t>(kMostTasksOfObject, options_.max_tasks_per_workflow));
    Limit("templates in each other", out_.depth, kDeepest);
  }

  const Value& object_;
  const EmitOptions& options_;
  std::map<std::string, const Value*> by_name_;
  std::set<std::string> calls_;
  ArgoObjectFacts out_;
};

}  // namespace

ArgoObjectFacts CheckArgoObject(const Value& object, const EmitOptions& options) {
  return Checker(object, options).Run();
}

}  // namespace holdfast::compiler
