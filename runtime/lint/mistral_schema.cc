#include "runtime/lint/mistral_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_expressions.h"
#include "runtime/lint/mistral_shorthand.h"
#include "runtime/local/expression.h"
#include "runtime/mistral/definition_reading.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;
using mistral::IsTextKey;

// Of seconds: what is behind the year 9999 is no time to Python.
constexpr double kLongestTime = 251e9;

// What may stand in a field; more than one may. Mistral itself writes name, version and type of a task.
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
  kItems = 1U << 14U,      // "name in ...", or a list of these
  kNumber = 1U << 15U,     // not negative
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
    Field{"name", kAnything},       Field{"version", kAnything},
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
constexpr std::array kTaskFields{Field{"type", kAnything},
                                 Field{"action", kText},
                                 Field{"workflow", kText},
                                 Field{"input", kMap | kText},
                                 Field{"with-items", kItems},
                                 Field{"publish", kMap},
                                 Field{"publish-on-error", kMap},
                                 Field{"target", kText},
                                 Field{"keep-result", kTruth | kExpression},
                                 Field{"join", kJoin},
                                 Field{"name", kAnything},
                                 Field{"version", kAnything},
                                 Field{"description", kText},
                                 Field{"tags", kList}};

// What may stand in task-defaults and in a `publish` of links, too.
constexpr std::array kAbout{Field{"name", kText}, Field{"version", kText | kNumber},
                            Field{"description", kText}, Field{"tags", kList}};

const Field* Find(std::span<const Field> fields, std::string_view name) {
  const auto at =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return at == fields.end() ? nullptr : &*at;
}

std::string DescribeForms(unsigned forms) {
  constexpr std::array<std::pair<Form, std::string_view>, 15> kNames{{
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
      {kNumber, "a number that is not negative"},
      {kItems, "'name in [a, b]' with JSON, or 'name in <% ... %>', or a list of these"},
  }};
  std::vector<std::string> names;
  for (const auto& [form, name] : kNames) {
    if ((forms & form) != 0) names.emplace_back(name);
  }
  return Join(names, ", or ");
}

// True for [a, b] without two that are equal.
bool IsDistinct(const Value& list) {
  const Value::List& all = list.AsList();
  std::vector<std::string_view> texts;
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (all[at].is_string()) {
      texts.push_back(all[at].AsString());
    } else if (std::find(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at), all[at]) !=
               all.begin() + static_cast<std::ptrdiff_t>(at)) {
      return false;
    }
  }
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
}

bool IsText(const Value& value) { return value.is_string() && !value.AsString().empty(); }

// 2.0 is one, too, for JSON schemas.
bool IsCount(const Value& value) {
  if (value.is_double())
    return value.AsDouble() >= 0 && std::floor(value.AsDouble()) == value.AsDouble();
  return value.is_int() && value.AsInt() >= 0;
}

bool IsDistinctTexts(const Value& value) {
  return value.is_list() && !value.AsList().empty() &&
         std::all_of(value.AsList().begin(), value.AsList().end(), &IsText) && IsDistinct(value);
}

std::string_view WithoutBlanks(std::string_view text) {
  return text.substr(EndOf(text, 0, character::kBlank));
}

// What follows is passed over, and so is the blank in front of "in" and behind it.
bool FitsItem(std::string_view text) { return !SourceOfItems(text).empty(); }

bool FitsItems(const Value& value) {
  if (value.is_string()) return FitsItem(value.AsString());
  return IsDistinctTexts(value) &&
         std::all_of(value.AsList().begin(), value.AsList().end(),
                     [](const Value& one) { return FitsItem(one.AsString()); });
}

// The forms of a link's text, of which Mistral wants exactly one: a word without blanks; `fail msg=...`; `fail(msg=...)`.
int FormsOfLink(std::string_view text) {
  bool word = !text.empty();
  for (std::size_t at = 0; at < text.size(); at += CharacterAt(text, at).length)
    word = word && !IsAt(text, at, character::kBlank);
  const std::size_t name = WordEnd(text, 0);
  const auto argument = [&](char before) {
    if (name == 0 || name >= text.size() || text[name] != before) return false;
    const std::size_t key = WordEnd(text, name + 1);
    return key > name + 1 && key < text.size() && text[key] == '=' &&
           text.find('\n') == std::string_view::npos;
  };
  return (word ? 1 : 0) + (argument(' ') ? 1 : 0) + (argument('(') && text.ends_with(')') ? 1 : 0);
}

class Checker {
 public:
  explicit Checker(const SourceFile& source) : source_(source) {}

  Findings Run(std::string_view name, const Value& workflow) {
    if (!workflow.is_map() || workflow.AsMap().empty()) {
      found_.push_back({"field", source_.AtKey(workflow, name,
                                               "a workflow is a map of fields that is not empty")});
      return std::move(found_);
    }
    // Mistral passes over a field of a workflow that it does not know.
    for (const auto& [key, value] : workflow.AsMap()) {
      if (!IsTextKey(source_, key, value))
        Add(value, key,
            fmt::format("'{}' is no text to Mistral, and a field's name is one", Printable(key)),
            "");
      if (const Field* const field = Find(kWorkflowFields, key)) One(*field, value);
    }
    const Value* const tasks = workflow.Find("tasks");
    if (tasks == nullptr) Add(workflow, name, "a workflow has 'tasks'", "");
    const bool reverse = workflow.StringOr("type", "") == "reverse";
    if (const Value* const defaults = workflow.Find("task-defaults");
        defaults != nullptr && defaults->is_map())
      Fields("task-defaults", kPolicies, kAbout, *defaults);
    if (tasks == nullptr || !tasks->is_map()) return std::move(found_);
    for (const auto& [task, fields] : tasks->AsMap()) {
      // Mistral takes it for its own, when it has looked at its form.
      if (task != "version") {
        Task(task, fields, reverse);
      } else if (!fields.is_map() || fields.AsMap().empty()) {
        Add(fields, task, "a task is a map of fields that is not empty", "");
      }
    }
    return std::move(found_);
  }

 private:
  void Add(const Value& value, std::string_view key, std::string message, std::string hint,
           Severity severity = Severity::kError) {
    found_.push_back(
        {"field", source_.AtKey(value, key, std::move(message)).Hint(std::move(hint)), severity});
  }

  void Task(const std::string& name, const Value& task, bool reverse) {
    if (!IsTextKey(source_, name, task))
      Add(task, name,
          fmt::format("'{}' is no text to Mistral, and a task's name is one", Printable(name)),
          fmt::format("write \"{}\"", Printable(name)));
    if (name.empty()) Add(task, name, "a task has a name", "");
    // Mistral itself adds fields to a task, so that of such a name the empty map passes.
    const bool plain = WordEnd(name, 0) == name.size();
    if (!task.is_map() || (task.AsMap().empty() && plain))
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
    if (!Fits(field.forms, value))
      return Add(value, field.name,
                 fmt::format("'{}' is {}", field.name, DescribeForms(field.forms)), "");
    if ((field.forms & kLinks) != 0) MapsOfLinks(field.name, value);
    const bool policy = Find(kPolicies, field.name) != nullptr && field.name != "safe-rerun";
    if (policy && (field.forms & kExpression) != 0) Policy(field, value);
    if ((field.forms & kRetry) != 0 && value.is_map()) {
      for (const char* const key : {"count", "delay"})
        Policy({key, kCount | kExpression}, *value.Find(key));
    }
    if ((field.forms & kItems) != 0) Items(value);
  }

  void Policy(const Field& field, const Value& value) {
    Whole(field.name, value);
    const std::optional<Value> constant = ConstantOf(value);
    if (!constant) return;
    const bool fits = (field.forms & kCount) != 0    ? IsCount(*constant)
                      : field.name == "pause-before" ? constant->is_bool()
                                                     : true;
    if (!fits)
      return Add(value, field.name,
                 fmt::format("'{}' is {} when it runs, and the run breaks over it", field.name,
                             local::TextOf(*constant)),
                 "");
    const bool time = field.name == "timeout" || field.name.starts_with("wait-");
    if ((!time && field.name != "delay") || constant->AsDouble() <= kLongestTime) return;
    Add(value, field.name,
        fmt::format("'{}' ends behind the year 9999, and the run breaks over it", field.name), "",
        time ? Severity::kError : Severity::kWarning);
  }

  // What is no list, and nothing that is like one.
  void Items(const Value& value) {
    if (value.is_list()) {
      for (const Value& one : value.AsList()) Items(one);
      Lengths(value);
      return;
    }
    const std::optional<Value> constant = ConstantIn(SourceOfItems(value.AsString()));
    if (constant && !constant->is_string())
      Add(value, "with-items",
          fmt::format("{} is no list of items, and the run breaks over it",
                      local::TextOf(*constant)),
          "");
  }

  // Of several lists Mistral takes one item each at a time.
  void Lengths(const Value& lists) {
    std::optional<std::size_t> all;
    for (const Value& one : lists.AsList()) {
      const std::string_view list =
          one.is_string() ? SourceOfItems(one.AsString()) : std::string_view();
      if (!list.starts_with('[') || HasExpression(list)) continue;
      const auto items = ParseJson(list, "");
      if (!items || !items->is_list()) continue;
      const std::size_t count = items->AsList().size();
      if (all && *all != count)
        return Add(
            lists, "with-items",
            fmt::format("lists of {} and of {} items, and the run breaks over it", *all, count),
            "lists of one length, or a task for each");
      all = count;
    }
  }

  // Mistral gives a policy the value of an expression only where nothing stands beside it, no blank either; else a text.
  void Whole(std::string_view name, const Value& value) {
    if (!value.is_string() || ExpressionLength(value.AsString()) == value.AsString().size()) return;
    Add(value, name,
        fmt::format(
            "'{}' has more than one expression, or a blank beside it: to Mistral it is a text",
            name),
        "one expression, and nothing else");
  }

  // Mistral takes these, and not as they read.
  void MapsOfLinks(std::string_view name, const Value& value) {
    if (!value.is_map()) return;
    const Value* const next = value.Find("next");
    if (next == nullptr && value.Find("publish") == nullptr) {
      Add(value, name, "Mistral drops a link that is a map and stands in no list",
          fmt::format("{}: [{{{}: ...}}]", name, Printable(value.AsMap().begin()->first)),
          Severity::kWarning);
    } else if (next != nullptr && next->is_map()) {
      Add(*next, "next", "Mistral drops the condition of a link that stands in no list",
          fmt::format("next: [{{{}: ...}}]", Printable(next->AsMap().begin()->first)),
          Severity::kWarning);
    }
  }

  bool Fits(unsigned forms, const Value& value) {
    const auto may = [forms](Form form) { return (forms & form) != 0; };
    if (may(kAnything)) return true;
    if (may(kText) && IsText(value)) return true;
    if (may(kMap) && FitsMap(value)) return true;
    if (may(kList) && IsDistinctTexts(value)) return true;
    if (may(kCount) && IsCount(value)) return true;
    if (may(kNumber) && (value.is_int() || value.is_double()) && value.AsDouble() >= 0) return true;
    if (may(kTruth) && value.is_bool()) return true;
    if (may(kExpression) && value.is_string() && IsExpression(value.AsString())) return true;
    if (may(kInputs)) return FitsInputs(value);
    if (may(kLinks)) return FitsLinks(value);
    if (may(kRetry)) return FitsRetry(value);
    if (may(kItems)) return FitsItems(value);
    if (may(kJoin))
      return IsCount(value) ||
             (value.is_string() && (value.AsString() == "all" || value.AsString() == "one"));
    if (may(kType))
      return value.is_string() && (value.AsString() == "direct" || value.AsString() == "reverse");
    return (may(kDefaults) || may(kTasks)) && value.is_map() && !value.AsMap().empty();
  }

  // Mistral looks at the keys, too, and breaks over one that is no text.
  bool FitsMap(const Value& value) {
    return value.is_map() && !value.AsMap().empty() &&
           std::all_of(value.AsMap().begin(), value.AsMap().end(), [this](const auto& one) {
             return IsTextKey(source_, one.first, one.second);
           });
  }

  bool FitsInputs(const Value& value) {
    return value.is_list() && !value.AsList().empty() && IsDistinct(value) &&
           std::all_of(value.AsList().begin(), value.AsList().end(), [this](const Value& one) {
             return IsText(one) || (FitsMap(one) && one.AsMap().size() == 1);
           });
  }

  bool FitsLink(const Value& value) {
    if (value.is_string()) return FormsOfLink(value.AsString()) == 1;
    if (!FitsMap(value) || value.AsMap().size() != 1) return false;
    const auto& [to, condition] = *value.AsMap().begin();
    return FormsOfLink(to) == 0 || (condition.is_string() && IsExpression(condition.AsString()));
  }

  bool FitsListOfLinks(const Value& value) {
    return value.is_list() && !value.AsList().empty() && IsDistinct(value) &&
           std::all_of(value.AsList().begin(), value.AsList().end(),
                       [this](const Value& one) { return FitsLink(one); });
  }

  bool FitsLinks(const Value& value) {
    const Value* const next = value.Find("next");
    const Value* const publish = value.Find("publish");
    if (next == nullptr && publish == nullptr) return FitsListOfLinks(value) || FitsLink(value);
    for (const auto& [key, inside] : value.AsMap()) {
      if (key != "next" && key != "publish") return false;
    }
    return (next == nullptr || FitsListOfLinks(*next) || FitsLink(*next)) &&
           (publish == nullptr || FitsPublish(*publish));
  }

  bool FitsPublish(const Value& value) {
    if (!FitsMap(value)) return false;
    bool any = false;
    for (const auto& [key, inside] : value.AsMap()) {
      const bool scope = key == "branch" || key == "global" || key == "atomic";
      const Field* const about = Find(kAbout, key);
      if (scope ? !FitsMap(inside) : about == nullptr || !Fits(about->forms, inside)) return false;
      any = any || scope;
    }
    return any;
  }

  bool FitsRetry(const Value& value) {
    if (value.is_string()) {
      // "count=2 delay=0"
      Value map(Value::Map{});
      const MistralShorthand call = CutShorthand(value.AsString());
      for (const auto& [name, written] : call.inputs) map.Set(name, InputOfShorthand(written));
      return call.cut && FitsRetry(map);
    }
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

}  // namespace

bool IsNothing(const Value& policy) {
  return (policy.is_bool() || policy.is_int() || policy.is_double()) && !Holds(policy);
}

std::string_view SourceOfItems(std::string_view text) {
  text = WithoutBlanks(text);
  std::size_t name = 0;
  while (name < text.size() && (text[name] == '-' || IsAt(text, name, character::kWord)))
    name += CharacterAt(text, name).length;
  if (name == 0) return {};
  std::string_view rest = WithoutBlanks(text.substr(name));
  if (rest.starts_with("in")) {
    rest = WithoutBlanks(rest.substr(2));
  } else if (name < 3 || !text.substr(0, name).ends_with("in")) {
    return {};
  }
  if (!rest.starts_with('[')) return rest.substr(0, ExpressionLength(rest));
  const std::string_view line = rest.substr(0, rest.find('\n'));
  const std::size_t end = line.rfind(']');
  if (end == std::string_view::npos || end <= 1) return {};
  const std::string_view list = line.substr(0, end + 1);
  return ParseJson(list, "") ? list : std::string_view();
}

bool MayHaveNoItems(const Value& items) {
  if (items.is_list())
    return std::any_of(items.AsList().begin(), items.AsList().end(), &MayHaveNoItems);
  return !items.is_string() || items.AsString().find('[') == std::string::npos ||
         HasExpression(items.AsString());
}

std::vector<MistralLink> LinksOf(const Value& clause) {
  const auto one = [](std::string_view text, const Value& value, const Value* condition) {
    return MistralLink{std::string(CutShorthand(text).word), &value, condition};
  };
  if (clause.is_string()) return {one(clause.AsString(), clause, nullptr)};
  std::vector<MistralLink> links;
  if (clause.is_list()) {
    for (const Value& link : clause.AsList()) {
      if (link.is_string()) links.push_back(one(link.AsString(), link, nullptr));
      if (!link.is_map()) continue;
      for (const auto& [to, condition] : link.AsMap())
        links.push_back(one(to, condition, &condition));
    }
    return links;
  }
  const Value* const next = clause.Find("next");
  if (next == nullptr) return links;
  if (!next->is_map()) return LinksOf(*next);
  for (const auto& [to, condition] : next->AsMap()) links.push_back(one(to, condition, nullptr));
  return links;
}

Findings CheckMistralWorkflow(const SourceFile& source, std::string_view name,
                              const Value& workflow) {
  return Checker(source).Run(name, workflow);
}

}  // namespace holdfast::lint
