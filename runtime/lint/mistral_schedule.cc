#include "runtime/lint/mistral_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_cron.h"

namespace holdfast::lint {
namespace {

// Of CronTrigger in mistral/api/controllers/v2/resources.py.
constexpr std::array<std::string_view, 9> kFields{
    "name",    "workflow_name",        "workflow_id",          "workflow_input", "workflow_params",
    "pattern", "remaining_executions", "first_execution_time", "scope"};
// It takes these, too, and passes over them.
constexpr std::array<std::string_view, 4> kOfTheServer{"next_execution_time", "created_at",
                                                       "updated_at", "id"};
constexpr std::array<std::string_view, 5> kTexts{"name", "workflow_name", "workflow_id", "pattern",
                                                 "first_execution_time"};
constexpr std::array<std::string_view, 2> kMaps{"workflow_input", "workflow_params"};

bool IsOneOf(std::string_view name, const auto& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// As Python's strptime reads %Y-%m-%d %H:%M.
bool IsMinute(std::string_view text) {
  std::array<int, 5> numbers{};
  constexpr std::string_view kBetween = "-- :";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t longest = i == 0 ? 4 : 2;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + std::min(text.size(), longest), numbers[i]);
    if (error != std::errc() || text.starts_with("-")) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i + 1 == numbers.size()) break;
    if (text.empty() || text.front() != kBetween[i]) return false;
    text.remove_prefix(1);
  }
  const auto [year, month, day, hour, minute] = numbers;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  return text.empty() && date.ok() && hour <= 23 && minute <= 59;
}

// A map, or a text with one in JSON.
bool IsMap(const Value& value) {
  if (!value.is_string()) return value.is_map();
  const auto read = ParseJson(value.AsString(), "");
  return read.has_value() && read->is_map();
}

class TriggerLint {
 public:
  TriggerLint(const local::SourceFile& source, const Value& trigger)
      : source_(source), trigger_(trigger) {}

  Findings Run() {
    CheckFields();
    if (!Has("name")) Missing("name", "a cron trigger has a 'name'");
    if (!Has("workflow_name") && !Has("workflow_id"))
      Missing("workflow_name", "a cron trigger says what it starts: it has a 'workflow_name'");
    if (!Has("pattern") && !Has("first_execution_time"))
      Missing("pattern",
              "a cron trigger says when: it has a 'pattern', or a 'first_execution_time'");
    if (const Value* const pattern = trigger_.Find("pattern");
        pattern != nullptr && pattern->is_string()) {
      if (const Status good = CheckCroniterLine(pattern->AsString()); !good)
        Add("schedule", *pattern, fmt::format("'pattern': {}", good.error().message()),
            good.error().hint(), pattern->AsString().size());
    }
    if (const Value* const first = trigger_.Find("first_execution_time");
        first != nullptr && first->is_string() && !IsMinute(first->AsString()))
      Add("field", *first, "'first_execution_time' is a minute in UTC", "such as 2030-01-31 02:30");
    CheckCount();
    if (const Value* const scope = trigger_.Find("scope"); scope != nullptr && !scope->is_null() &&
                                                           *scope != Value("private") &&
                                                           *scope != Value("public"))
      Add("field", *scope, "'scope' is private or public");
    return std::move(found_);
  }

 private:
  bool Has(std::string_view key) const {
    const Value* const value = trigger_.Find(key);
    return value != nullptr && !value->is_null() && *value != Value("");
  }

  void Add(std::string trap, const Value& value, std::string message, std::string hint = "",
           std::size_t width = 1) {
    found_.push_back(
        {std::move(trap),
         source_.At(value.position(), std::move(message), width).Hint(std::move(hint))});
  }
  void Missing(std::string_view key, std::string message) {
    Add("field", trigger_, std::move(message),
        fmt::format("'holdfast compile --engine mistral --kind template' writes its '{}'", key));
  }

  void CheckFields() {
    const std::vector<std::string> known(kFields.begin(), kFields.end());
    for (const auto& [key, value] : trigger_.AsMap()) {
      if (value.is_null() && IsOneOf(key, kFields)) continue;
      if (IsOneOf(key, kOfTheServer)) {
        found_.push_back(
            {"field",
             source_.AtKey(value, key, fmt::format("'{}' is the server's to say", Printable(key)))
                 .Hint("leave it out: it stands in what Mistral answers"),
             Severity::kWarning});
      } else if (!IsOneOf(key, kFields)) {
        const std::string near = Nearest(key, known);
        found_.push_back({"field", source_
                                       .AtKey(value, key,
                                              fmt::format("a cron trigger of Mistral has no '{}'",
                                                          Printable(key)))
                                       .Hint(near.empty() ? "" : "did you mean '" + near + "'?")});
      } else if (IsOneOf(key, kTexts) && !value.is_string()) {
        Add("field", value, fmt::format("'{}' is a text, not {}", key, NameOf(value.kind())),
            "put it in quotes");
      } else if (IsOneOf(key, kMaps) && !IsMap(value)) {
        Add("field", value, fmt::format("'{}' is a map, not {}", key, NameOf(value.kind())));
      }
    }
  }

  void CheckCount() {
    const Value* const count = trigger_.Find("remaining_executions");
    if (count == nullptr || count->is_null()) return;
    std::int64_t number = count->is_int() ? count->AsInt() : 0;
    if (count->is_string()) {
      const std::string& text = count->AsString();
      std::from_chars(text.data(), text.data() + text.size(), number);
    }
    if (number < 1) {
      Add("field", *count, "'remaining_executions' is a number from 1 on");
    } else if (number > 1 && !Has("pattern")) {
      Add("field", *count, "more than one run needs a 'pattern'");
    }
  }

  const local::SourceFile& source_;
  const Value& trigger_;
  Findings found_;
};

}  // namespace

bool IsCronTrigger(const Value& document) {
  if (!document.is_map() || document.Find("version") != nullptr) return false;
  for (const char* const key : {"workflow_name", "workflow_id", "pattern"}) {
    const Value* const value = document.Find(key);
    if (value != nullptr && !value->is_map()) return true;
  }
  return false;
}

Findings FindTriggerFaults(const local::SourceFile& source, const Value& document) {
  return TriggerLint(source, document).Run();
}

}  // namespace holdfast::lint
