#include "runtime/lint/mistral_cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/plan/calendar_names.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"

namespace holdfast::lint {
namespace {

using compiler::kDays;
using compiler::kLongestMonth;
using compiler::kMonths;

struct CronField {
  std::string_view name;
  int first;
  int last;
  std::size_t all;  // so many values are a star
};

constexpr std::array<CronField, 6> kFields{{{"minute", 0, 59, 60},
                                            {"hour", 0, 23, 24},
                                            {"day of month", 1, 31, 31},
                                            {"month", 1, 12, 12},
                                            {"day of week", 0, 7, 7},
                                            {"second", 0, 59, 60}}};
constexpr std::size_t kMonthDay = 2;
constexpr std::size_t kMonth = 3;
constexpr std::size_t kWeekDay = 4;
constexpr std::array<std::string_view, 7> kWords{"@midnight", "@hourly", "@daily",   "@weekly",
                                                 "@monthly",  "@yearly", "@annually"};

std::optional<int> NumberIn(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text[0] == '-')
    return std::nullopt;
  return number;
}

// One field as it is read: its values, or what stands for some of them.
class FieldReader {
 public:
  FieldReader(std::string_view text, std::size_t index, bool has_seconds)
      : text_(text), index_(index), field_(kFields[index]), has_seconds_(has_seconds) {}

  Status Run() {
    if (IsRandom(text_)) {
      is_open = true;
      return Ok();
    }
    for (const std::string_view part : Split(text_, ',')) HOLDFAST_RETURN_IF_ERROR(ReadPart(part));
    // It counts a star as one of them.
    const bool is_full = values.size() + (is_open ? 1 : 0) == field_.all;
    if (is_full) is_open = true;
    if (!numbered_.empty() && !is_full &&
        !std::includes(numbered_.begin(), numbered_.end(), values.begin(), values.end()))
      return InvalidInput(
                 fmt::format("'{}' has days of week with and without a number in the month",
                             Printable(text_)))
          .Hint("Mistral takes 'fri#2,mon#1', and no 'mon' beside them");
    return Ok();
  }

  std::set<int> values;
  bool is_open = false;       // a star, or any number
  bool has_last_day = false;  // l as a day of month
  // Of days of week with a number in the month: these. kLast: the last one.
  std::set<int> numbers;
  static constexpr int kLast = 6;

 private:
  Error Wrong(std::string_view part) const {
    return InvalidInput(
               fmt::format("'{}' is no {} of Mistral's cron", Printable(part), field_.name))
        .Hint(fmt::format(
            "it has numbers from {} to {}, '*', ranges (1-5), lists (1,3) and steps (*/2)",
            field_.first, field_.last));
  }

  // r, r(0-29), r/5, r(0-29)/5: the server draws a number.
  static bool IsRandom(std::string_view text) {
    if (!text.starts_with('r')) return false;
    text.remove_prefix(1);
    if (text.starts_with('(')) {
      const std::size_t end = text.find(')');
      const std::size_t dash = text.find('-');
      if (end == std::string_view::npos || dash > end || !NumberIn(text.substr(1, dash - 1)) ||
          !NumberIn(text.substr(dash + 1, end - dash - 1)))
        return false;
      text.remove_prefix(end + 1);
    }
    if (text.starts_with('/')) return NumberIn(text.substr(1)).value_or(0) > 0;
    return text.empty();
  }

  static bool IsWord(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
  }

  std::optional<int> ValueIn(std::string_view text) const {
    if (const auto number = NumberIn(text)) return number;
    if (index_ == kMonth) {
      const auto at = std::find(kMonths.begin(), kMonths.end(), text);
      if (at != kMonths.end()) return static_cast<int>(at - kMonths.begin()) + 1;
    }
    if (index_ == kWeekDay) {
      const auto at = std::find(kDays.begin(), kDays.end(), text);
      if (at != kDays.end()) return static_cast<int>(at - kDays.begin());
    }
    return std::nullopt;
  }

  // fri#2 is the second Friday of a month, l5 the last one.
  Status ReadPart(std::string_view part) {
    std::string_view range = part;
    bool is_numbered = false;
    if (index_ == kWeekDay) {
      const std::size_t hash = part.find('#');
      if (hash != std::string_view::npos && IsWord(part.substr(0, hash))) {
        // What comes after the number it passes over.
        std::string_view number = part.substr(hash + 1);
        number = number.substr(0, number.find_first_not_of("0123456789"));
        const int nth = NumberIn(number).value_or(0);
        if (nth < 1 || nth > 5) return Wrong(part);
        numbers.insert(nth);
        range = part.substr(0, hash);
        is_numbered = true;
      } else if (part.starts_with('l') && NumberIn(part.substr(1))) {
        numbers.insert(kLast);
        range = part.substr(1);
        is_numbered = true;
      }
    }
    if (range == "*") {
      is_open = true;
      return Ok();
    }
    if (index_ == kMonthDay && range == "l") {
      has_last_day = true;
      return Ok();
    }
    int step = 1;
    const std::size_t slash = range.find('/');
    if (slash != std::string_view::npos) {
      const auto number = NumberIn(range.substr(slash + 1));
      if (!number || *number == 0) return Wrong(part);
      step = *number;
      range = range.substr(0, slash);
    }
    if (range == "*") {
      for (int value = field_.first; value <= field_.last; value += step) Add(value, is_numbered);
      return Ok();
    }
    const std::size_t dash = range.find('-');
    const auto low = ValueIn(range.substr(0, dash));
    if (!low) return Wrong(part);
    int high = slash == std::string_view::npos ? *low : field_.last;
    if (dash != std::string_view::npos) {
      const std::string_view end = range.substr(dash + 1);
      const auto value =
          index_ == kMonthDay && end == "l" ? std::optional<int>(field_.last) : ValueIn(end);
      if (!value) return Wrong(part);
      high = *value;
      // -sun
      if (index_ == kWeekDay && high == 0 && *low > 0) high = field_.last;
    }
    if (*low > high || high > field_.last) return Wrong(part);
    for (int value = *low; value <= high; value += step) {
      // Where seconds are given it takes a day of month 0 for 1.
      const bool shifts = has_seconds_ && index_ == kMonthDay && value == 0;
      if (value < field_.first && !shifts) return Wrong(part);
      Add(shifts ? 1 : value, is_numbered);
    }
    return Ok();
  }

  void Add(int value, bool is_numbered) {
    if (index_ == kWeekDay && value == 7 && !has_seconds_) value = 0;
    values.insert(value);
    if (is_numbered) numbered_.insert(value);
  }

  std::string_view text_;
  std::size_t index_;
  const CronField& field_;
  bool has_seconds_;
  std::set<int> numbered_;  // those of `values` with a number
};

// Does one of the days ever come in a month? Beside a day of week with a number it has to be that one, too: the 15th is no
// second Friday.
bool HasDay(const FieldReader& days, const std::set<int>& numbers, int month) {
  const int last = kLongestMonth[static_cast<std::size_t>(month - 1)];
  if (days.is_open) return true;
  for (int day = 1; day <= last; ++day) {
    const int shortest = month == 2 ? 28 : last;
    if (!days.values.contains(day) && !(days.has_last_day && day >= shortest)) continue;
    const int week = (day + 6) / 7;
    const bool is_last = day + 7 > shortest;
    if (numbers.empty() || numbers.contains(week) ||
        (is_last && numbers.contains(FieldReader::kLast)))
      return true;
  }
  return false;
}

std::vector<std::string> WordsOf(std::string_view line) {
  std::vector<std::string> words(1);
  for (std::size_t at = 0; at < line.size();) {
    const Character one = CharacterAt(line, at);
    if ((one.classes & character::kBlank) == 0) {
      words.back() += line.substr(at, one.length);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
    at += one.length;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

Status CheckCroniterLine(std::string_view line) {
  const std::string lower = Lowered(line);
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return Ok();
  const std::vector<std::string> words = WordsOf(lower);
  if (words.size() != 5 && words.size() != kFields.size()) {
    return InvalidInput(fmt::format("a cron line has five fields, this one has {}", words.size()))
        .Hint(
            "minute, hour, day of month, month, day of week: '30 2 * * *' is every night at 02:30");
  }
  std::vector<FieldReader> fields;
  for (std::size_t i = 0; i < words.size(); ++i) {
    fields.emplace_back(words[i], i, words.size() == kFields.size());
    HOLDFAST_RETURN_IF_ERROR(fields.back().Run());
  }
  const FieldReader& months = fields[kMonth];
  const FieldReader& week_days = fields[kWeekDay];
  // Where seconds are given it does not take 7 for Sunday, and waits for it for ever.
  const bool has_seconds = words.size() == kFields.size();
  if (has_seconds && !week_days.is_open && week_days.numbers.empty() &&
      week_days.values == std::set<int>{7})
    return InvalidInput("this day of week never comes").Hint("Sunday is 0");
  for (int month = 1; month <= 12; ++month) {
    if ((months.is_open || months.values.contains(month)) &&
        HasDay(fields[kMonthDay], week_days.numbers, month))
      return Ok();
  }
  return InvalidInput("this day of month never comes")
      .Hint(
          week_days.is_open
              ? "none of its months has such a day"
              : "none of its months has such a day, and Mistral then starts nothing on the day of "
                "week either");
}

}  // namespace holdfast::lint
