#include "runtime/lint/mistral_expressions.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_jinja.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_shorthand.h"
#include "runtime/lint/mistral_yaql.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;

// What is wrong with a text, if anything is.
struct Fault {
  std::string message;
  Severity severity = Severity::kError;
};

bool HasPair(std::string_view text, std::string_view begin, std::string_view end) {
  return FindPair(text, begin, end).first != std::string_view::npos;
}

// Of a text without expressions, or of what is left of it beside them.
Fault FaultOfText(std::string_view text) {
  for (const auto& [begin, end] :
       {std::pair<std::string_view, std::string_view>{"<%", "%>"}, {"{{", "}}"}, {"{%", "%}"}}) {
    const std::size_t at = text.find(begin);
    if (at == std::string_view::npos) continue;
    if (text.find(end, at + 2) == std::string_view::npos)
      return {fmt::format("'{}' is not closed: Mistral takes it for text", begin),
              Severity::kWarning};
    return {"an expression stands on several lines: Mistral takes it for text", Severity::kWarning};
  }
  return {};
}

Fault FaultOf(std::string_view text) {
  if (text.find_first_of("<{") == std::string_view::npos) return {};
  const bool yaql = HasPair(text, "<%", "%>");
  const bool variables = HasPair(text, "{{", "}}");
  const bool jinja = variables || HasPair(text, "{%", "%}");
  if (yaql && jinja) return {"YAQL and Jinja stand in one text: Mistral refuses that", {}};
  if (jinja) {
    if (const std::string fault = JinjaFault(text); !fault.empty())
      return {fmt::format("Jinja that Mistral cannot read: {}", fault), {}};
    if (!variables)
      return {"Mistral evaluates no text that has {% %} and no {{ }}: the task would end there",
              {}};
    return {};
  }
  std::string rest;
  std::size_t done = 0;
  while (yaql) {
    const auto [begin, end] = FindPair(text, "<%", "%>", done);
    if (begin == std::string_view::npos) break;
    // As Mistral takes it out: with < and > of the expression itself, where it begins or ends with them.
    std::string_view inside = text.substr(begin, end - begin);
    const std::size_t first = inside.find_first_not_of("<%>");
    inside = first == std::string_view::npos
                 ? std::string_view()
                 : inside.substr(first, inside.find_last_not_of("<%>") + 1 - first);
    if (const std::string fault = YaqlFault(inside); !fault.empty())
      return {fmt::format("YAQL that Mistral cannot read: {}", fault), {}};
    rest += text.substr(done, begin - done);
    done = end;
  }
  rest += text.substr(done);
  return FaultOfText(rest);
}

// To YAQL a word is a text, which holds as a condition: <% False %>, too.
Fault FaultOfWord(std::string_view text) {
  const std::optional<Value> constant =
      text.starts_with("<%") ? ConstantIn(text) : std::optional<Value>();
  if (!constant || !constant->is_string()) return {};
  const std::string& word = constant->AsString();
  const std::string meant = Lowered(word == "None" ? "null" : word);
  const bool literal = meant == "true" || meant == "false" || meant == "null";
  // In quotes, it is meant as a text.
  if (!literal || meant == word || text.find_first_of("'\"") != std::string_view::npos) return {};
  return {fmt::format("to YAQL '{}' is a text, which holds as a condition: write {}", word, meant),
          Severity::kWarning};
}

// Where in a workflow a text stands.
enum class Place : std::uint8_t {
  kEvaluated,
  kOnFailure,  // when a task or the run has failed
  kNowhere,    // Mistral does not evaluate it
};

class Walk {
 public:
  explicit Walk(const SourceFile& source) : source_(source) {}

  Findings Workflow(const Value& workflow) {
    for (const auto& [key, value] : workflow.AsMap()) {
      if (key == "tasks") {
        if (value.is_map()) Tasks(value);
      } else if (key == "task-defaults") {
        if (value.is_map()) Task(value);
      } else if (key == "vars" || key == "output") {
        Everything(value, Place::kEvaluated);
      } else if (key == "output-on-error") {
        Everything(value, Place::kOnFailure);
      } else if (key == "input") {
        // It is the caller's: Mistral gives a default to the run as it is written.
        Everything(value, Place::kNowhere);
      }
    }
    return std::move(found_);
  }

 private:
  void Tasks(const Value& tasks) {
    for (const auto& [name, task] : tasks.AsMap()) {
      if (task.is_map()) Task(task);
    }
  }

  void Task(const Value& task) {
    for (const auto& [key, value] : task.AsMap()) {
      if (key == "description" || key == "tags" || key == "name" || key == "version" ||
          key == "type" || key == "join")
        continue;
      if (key.starts_with("on-")) {
        Clause(value);
      } else if (key == "with-items") {
        Items(value);
      } else if (key == "publish-on-error" && value.is_map()) {
        // The texts in it are read when it is created; what is in lists and maps, when the task has failed.
        for (const auto& [name, one] : value.AsMap())
          Everything(one, one.is_string() ? Place::kEvaluated : Place::kOnFailure);
      } else {
        Everything(value, Place::kEvaluated);
      }
    }
  }

  // The names of tasks are no expressions, whatever they look like; conditions and inputs of commands are.
  void Clause(const Value& value) {
    if (value.is_list()) {
      for (const Value& one : value.AsList()) Clause(one);
    } else if (value.is_map()) {
      for (const auto& [key, one] : value.AsMap()) {
        if (key == "next") {
          Clause(one);
        } else if (key == "publish" && one.is_map()) {
          for (const char* const scope : {"branch", "global", "atomic"}) {
            if (const Value* const values = one.Find(scope)) Everything(*values, Place::kEvaluated);
          }
        } else {
          Everything(one, Place::kEvaluated);
        }
      }
    } else if (value.is_string()) {
      for (const auto& [name, written] : CutShorthand(value.AsString()).inputs)
        Text(value, written, Place::kEvaluated);
    }
  }

  void Items(const Value& value) {
    if (value.is_list()) {
      for (const Value& one : value.AsList()) Items(one);
    } else if (value.is_string()) {
      Text(value, SourceOfItems(value.AsString()), Place::kEvaluated);
    }
  }

  void Everything(const Value& value, Place place) {
    if (value.is_list()) {
      for (const Value& one : value.AsList()) Everything(one, place);
    } else if (value.is_map()) {
      for (const auto& [key, one] : value.AsMap()) Everything(one, place);
    } else if (value.is_string()) {
      Text(value, value.AsString(), place);
    }
  }

  void Text(const Value& value, std::string_view text, Place place) {
    Fault fault = FaultOf(text);
    if (fault.message.empty() && place == Place::kNowhere && HasExpression(text))
      fault.message = "Mistral does not evaluate the default of an input: it is text";
    if (fault.message.empty()) fault = FaultOfWord(text);
    if (fault.message.empty()) return;
    if (place != Place::kEvaluated) fault.severity = Severity::kWarning;
    found_.push_back(
        {"expression", source_.At(value.position(), std::move(fault.message)), fault.severity});
  }

  const SourceFile& source_;
  Findings found_;
};

}  // namespace

bool IsExpression(std::string_view text) {
  while (IsBefore(text, text.size(), character::kBlank))
    text = text.substr(0, BeginBefore(text, text.size()));
  if (text.size() < 4 || text.find('\n') != std::string_view::npos) return false;
  return (text.starts_with("<%") && text.ends_with("%>")) ||
         (text.starts_with("{{") && text.ends_with("}}"));
}

Findings CheckExpressions(const SourceFile& source, const Value& workflow) {
  if (!workflow.is_map()) return {};
  return Walk(source).Workflow(workflow);
}

}  // namespace holdfast::lint
