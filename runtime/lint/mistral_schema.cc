#include "runtime/lint/mistral_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;

// What may stand in a field; more than one may.
enum Form : unsigned {
  kText = 1U << 0U,        // not empty
  kMap = 1U << 1U,         // not empty
  kList = 1U << 2U,        // of texts, each once, not empty
  kCount = 1U << 3U,       // a whole number, not negative
  kTruth = 1U << 4U,       //
  kExpression = 1U << 5U,  // one expression and nothing else
  kAnything = 1U << 6U,    //
  kInputs = 1U << 7U,      // a list of names, and of maps of a name and its default
  kLinks = 1U << 8U,       //
  kRetry = 1U << 9U,       //
  kJoin = 1U << 10U,       // all, one, or a count
  kType = 1U << 11U,       // direct, reverse
  kDefaults = 1U << 12U,   //
  kTasks = 1U << 13U,      //
};

struct Field {
  std::string_view name;
  unsigned forms;
};

constexpr std::array kWorkflowFields{
    Field{"type", kType},           Field{"task-defaults", kDefaults},
    Field{"input", kInputs},        Field{"output", kMap},
    Field{"output-on-error", kMap}, Field{"vars", kMap},
    Field{"tags", kList},           Field{"description", kAnything},
    Field{"name", kText},           Field{"version", kAnything},
    Field{"tasks", kTasks}};
constexpr std::array kPolicies{Field{"retry", kRetry},
                               Field{"wait-before", kCount | kExpression},
                               Field{"wait-after", kCount | kExpression},
                               Field{"timeout", kCount | kExpression},
                               Field{"pause-before", kTruth | kExpression},
                               Field{"concurrency", kCount | kExpression},
                               Field{"fail-on", kTruth | kExpression},
                               Field{"safe-rerun", kTruth | kExpression},
                               Field{"on-complete", kLinks},
                               Field{"on-success", kLinks},
                               Field{"on-error", kLinks},
                               Field{"requires", kText | kList}};
constexpr std::array kTaskFields{Field{"type", kType},
                                 Field{"action", kText},
                                 Field{"workflow", kText},
                                 Field{"input", kMap | kText},
                                 Field{"with-items", kText | kList},
                                 Field{"publish", kMap},
                                 Field{"publish-on-error", kMap},
                                 Field{"target", kText},
                                 Field{"keep-result", kTruth | kExpression},
                                 Field{"join", kJoin},
                                 Field{"name", kText},
                                 Field{"version", kAnything},
                                 Field{"description", kAnything},
                                 Field{"tags", kList}};

const Field* Find(std::span<const Field> fields, std::string_view name) {
  const auto at =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return at == fields.end() ? nullptr : &*at;
}

std::string DescribeForms(unsigned forms) {
  constexpr std::array<std::pair<Form, std::string_view>, 13> kNames{{
      {kText, "a text"},
      {kMap, "a map that is not empty"},
      {kList, "a list of different texts"},
      {kCount, "a number that is not negative"},
      {kTruth, "true or false"},
      {kExpression, "one expression"},
      {kInputs, "a list of names, or of a name with its default"},
      {kLinks, "a task or a list of tasks"},
      {kRetry, "a map with count and delay"},
      {kJoin, "all, one, or a number"},
      {kType, "direct or reverse"},
      {kDefaults, "a map of policies and links"},
      {kTasks, "a map of tasks that is not empty"},
  }};
  std::vector<std::string> names;
  for (const auto& [form, name] : kNames) {
    if ((forms & form) != 0) names.emplace_back(name);
  }
  return Join(names, ", or ");
}

bool IsDistinctTexts(const Value& value) {
  if (!value.is_list() || value.AsList().empty()) return false;
  std::vector<std::string> texts;
  for (const Value& one : value.AsList()) {
    if (!one.is_string() || one.AsString().empty()) return false;
    texts.push_back(one.AsString());
  }
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
}

class Checker {
 public:
  explicit Checker(const SourceFile& source) : source_(source) {}

  Findings Run(std::string_view name, const Value& workflow) {
    if (!workflow.is_map()) {
      found_.push_back({"field", source_.AtKey(workflow, name, "a workflow is a map of fields")});
      return std::move(found_);
    }
    // Mistral passes over a field of a workflow that it does not know.
    for (const auto& [key, value] : workflow.AsMap()) {
      if (const Field* const field = Find(kWorkflowFields, key)) One(*field, value);
    }
    const Value* const tasks = workflow.Find("tasks");
    if (tasks == nullptr) Add(workflow, name, "a workflow has 'tasks'", "");
    const bool reverse = workflow.StringOr("type", "") == "reverse";
    if (const Value* const defaults = workflow.Find("task-defaults");
        defaults != nullptr && defaults->is_map())
      Fields("task-defaults", kPolicies, {}, *defaults);
    if (tasks == nullptr || !tasks->is_map()) return std::move(found_);
    for (const auto& [task, fields] : tasks->AsMap()) {
      if (task == "version") continue;  // Mistral takes it for its own
      Task(task, fields, reverse);
    }
    return std::move(found_);
  }

 private:
  void Add(const Value& value, std::string_view key, std::string message, std::string hint) {
    found_.push_back(
        {"field", source_.AtKey(value, key, std::move(message)).Hint(std::move(hint))});
  }

  void Task(const std::string& name, const Value& task, bool reverse) {
    if (!task.is_map() || task.AsMap().empty())
      return Add(task, name, "a task is a map of fields that is not empty", "");
    Fields("a task", kTaskFields, kPolicies, task);
    if (task.Find("action") != nullptr && task.Find("workflow") != nullptr)
      Add(*task.Find("workflow"), "workflow", "a task has either 'action' or 'workflow'", "");
    for (const char* const key : {"join", "on-complete", "on-success", "on-error"}) {
      if (const Value* const found = task.Find(key); reverse && found != nullptr)
        Add(*found, key, fmt::format("a task of a reverse workflow has no '{}'", key), "");
    }
    if (const Value* const found = task.Find("requires"); !reverse && found != nullptr)
      Add(*found, "requires", "'requires' is of reverse workflows alone",
          "a direct workflow has on-complete, on-success, on-error and join");
  }

  void Fields(std::string_view object, std::span<const Field> fields, std::span<const Field> more,
              const Value& map) {
    for (const auto& [key, value] : map.AsMap()) {
      const Field* field = Find(fields, key);
      if (field == nullptr) field = Find(more, key);
      if (field != nullptr) {
        One(*field, value);
        continue;
      }
      std::vector<std::string> names;
      for (const auto& list : {fields, more}) {
        for (const Field& known : list) names.emplace_back(known.name);
      }
      const std::string near = Nearest(key, names);
      Add(value, key, fmt::format("{} has no field '{}'", object, Printable(key)),
          near.empty() ? "it has " + Join(names, ", ") : fmt::format("did you mean '{}'?", near));
    }
  }

  void One(const Field& field, const Value& value) {
    if (Fits(field.forms, value)) return;
    Add(value, field.name, fmt::format("'{}' is {}", field.name, DescribeForms(field.forms)), "");
  }

  bool Fits(unsigned forms, const Value& value) {
    const auto may = [forms](Form form) { return (forms & form) != 0; };
    if (may(kAnything)) return true;
    if (may(kText) && value.is_string() && !value.AsString().empty()) return true;
    if (may(kMap) && value.is_map() && !value.AsMap().empty()) return true;
    if (may(kList) && IsDistinctTexts(value)) return true;
    if (may(kCount) && value.is_int() && value.AsInt() >= 0) return true;
    if (may(kTruth) && value.is_bool()) return true;
    if (may(kExpression) && value.is_string() && IsExpression(value.AsString())) return true;
    if (may(kInputs)) return FitsInputs(value);
    if (may(kLinks)) return FitsLinks(value);
    if (may(kRetry)) return FitsRetry(value);
    if (may(kJoin))
      return (value.is_int() && value.AsInt() >= 0) ||
             (value.is_string() && (value.AsString() == "all" || value.AsString() == "one"));
    if (may(kType))
      return value.is_string() && (value.AsString() == "direct" || value.AsString() == "reverse");
    return (may(kDefaults) || may(kTasks)) && value.is_map() && !value.AsMap().empty();
  }

  static bool FitsInputs(const Value& value) {
    if (!value.is_list() || value.AsList().empty()) return false;
    return std::all_of(value.AsList().begin(), value.AsList().end(), [](const Value& one) {
      return (one.is_string() && !one.AsString().empty()) ||
             (one.is_map() && one.AsMap().size() == 1);
    });
  }

  static bool FitsLink(const Value& value) {
    if (value.is_string()) return IsLink(value.AsString());
    if (!value.is_map() || value.AsMap().size() != 1) return false;
    const auto& [to, condition] = *value.AsMap().begin();
    return IsLink(to) && condition.is_string() && IsExpression(condition.AsString());
  }

  // A word; or a command with one argument: `fail msg="..."`, `fail(msg=...)`.
  static bool IsLink(std::string_view text) {
    if (text.empty()) return false;
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    if (std::none_of(text.begin(), text.end(), blank)) return true;
    return text.find('=') != std::string_view::npos;
  }

  static bool FitsLinks(const Value& value) {
    if (value.is_list()) {
      return !value.AsList().empty() &&
             std::all_of(value.AsList().begin(), value.AsList().end(), &FitsLink);
    }
    if (value.is_map() && (value.Find("next") != nullptr || value.Find("publish") != nullptr)) {
      for (const auto& [key, inside] : value.AsMap()) {
        if (key == "publish" && inside.is_map()) continue;
        if (key != "next" || inside.is_null() ||
            (inside.is_map() && inside.Find("next") != nullptr))
          return false;
        if (!FitsLinks(inside)) return false;
      }
      return true;
    }
    return FitsLink(value);
  }

  bool FitsRetry(const Value& value) {
    if (value.is_string()) return !value.AsString().empty();
    if (!value.is_map()) return false;
    for (const auto& [key, inside] : value.AsMap()) {
      const bool number = key == "count" || key == "delay";
      if (!number && key != "break-on" && key != "continue-on") return false;
      if (!Fits(number ? kCount | kExpression : unsigned{kExpression}, inside)) return false;
    }
    return value.Find("count") != nullptr && value.Find("delay") != nullptr;
  }

  const SourceFile& source_;
  Findings found_;
};

// Where an expression begins in a text, of either language.
struct Opening {
  std::string_view begin;
  std::string_view end;
  bool jinja;
};
constexpr std::array kOpenings{Opening{"<%", "%>", false}, Opening{"{{", "}}", true},
                               Opening{"{%", "%}", true}};

// Names, and texts for people, are no expressions.
bool IsNames(std::string_view key) {
  return key.starts_with("on-") || key == "description" || key == "tags" || key == "name";
}

// What is wrong with the expressions of one text; empty: nothing.
std::string FaultOf(std::string_view text) {
  bool yaql = false;
  bool jinja = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto opening = std::find_if(kOpenings.begin(), kOpenings.end(), [&](const Opening& one) {
      return text.substr(at).starts_with(one.begin);
    });
    if (opening == kOpenings.end()) {
      ++at;
      continue;
    }
    const std::size_t end = text.find(opening->end, at + opening->begin.size());
    if (end == std::string_view::npos)
      return fmt::format("'{}' is not closed: Mistral takes it for text", opening->begin);
    const std::string_view inside =
        text.substr(at + opening->begin.size(), end - at - opening->begin.size());
    if (inside.find('\n') != std::string_view::npos)
      return "an expression stands on several lines: Mistral takes it for text";
    if (Trim(inside).empty()) return "an expression is empty";
    (opening->jinja ? jinja : yaql) = true;
    at = end + opening->end.size();
  }
  if (yaql && jinja) return "YAQL and Jinja stand in one text: Mistral refuses that";
  return {};
}

}  // namespace

bool IsExpression(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t'))
    text.remove_suffix(1);
  return (text.starts_with("<%") && text.ends_with("%>") && text.size() >= 4) ||
         (text.starts_with("{{") && text.ends_with("}}") && text.size() >= 4) ||
         (text.starts_with("{%") && text.ends_with("%}") && text.size() >= 4);
}

std::vector<MistralLink> LinksOf(const Value& clause) {
  if (clause.is_string()) return {{clause.AsString(), &clause, false}};
  std::vector<MistralLink> links;
  if (clause.is_list()) {
    for (const Value& one : clause.AsList()) {
      for (MistralLink& link : LinksOf(one)) links.push_back(std::move(link));
    }
    return links;
  }
  if (!clause.is_map()) return links;
  const Value* const next = clause.Find("next");
  if (next != nullptr) return LinksOf(*next);
  if (clause.Find("publish") != nullptr) return links;
  for (const auto& [to, condition] : clause.AsMap()) links.push_back({to, &condition, true});
  return links;
}

Findings CheckMistralWorkflow(const SourceFile& source, std::string_view name,
                              const Value& workflow) {
  return Checker(source).Run(name, workflow);
}

Findings CheckExpressions(const SourceFile& source, const Value& value) {
  Findings found;
  std::vector<const Value*> open{&value};
  while (!open.empty()) {
    const Value& here = *open.back();
    open.pop_back();
    if (here.is_list()) {
      for (const Value& one : here.AsList()) open.push_back(&one);
    } else if (here.is_map()) {
      for (const auto& [key, one] : here.AsMap()) {
        if (!IsNames(key)) open.push_back(&one);
      }
    } else if (here.is_string()) {
      if (const std::string fault = FaultOf(here.AsString()); !fault.empty())
        found.push_back({"expression", source.At(here.position(), fault)});
    }
  }
  return found;
}

}  // namespace holdfast::lint
