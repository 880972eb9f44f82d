#include "compiler/plan/cron_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "compiler/plan/calendar_names.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

struct CronField {
  std::string_view name;
  int first;
  int last;
};

constexpr std::array<CronField, 5> kCronFields{{{"minute", 0, 59},
                                                {"hour", 0, 23},
                                                {"day of month", 1, 31},
                                                {"month", 1, 12},
                                                {"day of week", 0, 7}}};
constexpr int kSaturday = 6;
struct Macro {
  std::string_view name;
  std::string_view line;
};
constexpr std::array<Macro, 7> kMacros{{{"@hourly", "0 * * * *"},
                                        {"@daily", "0 0 * * *"},
                                        {"@midnight", "0 0 * * *"},
                                        {"@weekly", "0 0 * * 0"},
                                        {"@monthly", "0 0 1 * *"},
                                        {"@yearly", "0 0 1 1 *"},
                                        {"@annually", "0 0 1 1 *"}}};

std::optional<int> NumberIn(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::optional<int> ValueIn(std::string_view text, std::size_t field) {
  const std::string lower = Lowered(text);
  if (field == 3) {
    const auto at = std::find(kMonths.begin(), kMonths.end(), lower);
    if (at != kMonths.end()) return static_cast<int>(at - kMonths.begin()) + 1;
  }
  if (field == 4) {
    const auto at = std::find(kDays.begin(), kDays.end(), lower);
    if (at != kDays.end()) return static_cast<int>(at - kDays.begin());
  }
  return NumberIn(text);
}

struct FieldValues {
  std::vector<int> values;  // in the order in which they stand there
  // Those of them that stand there by themselves, not in a range or a step.
  std::vector<int> named;
  // It has a `*`. One with a step is none, but of a step of 1, as Argo's scheduler has it.
  bool star = false;
};

// The values that a field allows; an error says what is wrong with it.
Result<FieldValues> ReadField(std::string_view text, std::size_t index) {
  const CronField& field = kCronFields[index];
  const auto wrong = [&](std::string_view part) {
    return InvalidInput(fmt::format("'{}' is no {} of a cron line", Printable(part), field.name))
        .Hint(fmt::format(
            "it has numbers from {} to {}, '*', ranges (1-5), lists (1,3) and steps (*/2)",
            field.first, field.last));
  };
  FieldValues out;
  for (const std::string_view part : Split(text, ',')) {
    std::string_view range = part;
    int step = 1;
    const std::size_t slash = part.find('/');
    if (slash != std::string_view::npos) {
      const auto number = NumberIn(part.substr(slash + 1));
      if (!number || *number < 1 || *number > field.last) return wrong(part);
      step = *number;
      range = part.substr(0, slash);
    }
    int first = field.first;
    int last = field.last;
    if (range == "*") {
      out.star = out.star || step == 1;
    } else {
      const std::size_t dash = range.find('-');
      const auto low = ValueIn(range.substr(0, dash), index);
      if (!low) return wrong(part);
      first = *low;
      if (dash != std::string_view::npos) {
        const auto high = ValueIn(range.substr(dash + 1), index);
        if (!high) return wrong(part);
        last = *high;
      } else if (slash == std::string_view::npos) {
        last = first;
        out.named.push_back(first);
      } else if (index == 4) {
        last = kSaturday;  // 5/1 is Friday and Saturday: only who names the 7 means it
      }
    }
    if (first < field.first || last > field.last || first > last) return wrong(part);
    for (int value = first; value <= last; value += step) out.values.push_back(value);
  }
  return out;
}

std::vector<std::string_view> FieldsOf(std::string_view line) {
  std::vector<std::string_view> fields;
  for (const std::string_view part : Split(line, ' ')) {
    if (!part.empty()) fields.push_back(part);
  }
  return fields;
}

using CronValues = std::array<FieldValues, kCronFields.size()>;
Result<CronValues> ReadFields(const std::vector<std::string_view>& fields) {
  CronValues values;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(values[i], ReadField(fields[i], i));
  }
  return values;
}

// Each once, in order.
void Arrange(std::vector<int>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Of a day of week: Sunday is 0.
std::vector<int> WeekDays(std::vector<int> days) {
  for (int& day : days) day %= 7;
  Arrange(days);
  return days;
}

// The five fields that a word such as @daily stands for; any other line as it is.
std::string_view SpeltOut(std::string_view line) {
  const auto macro = std::find_if(kMacros.begin(), kMacros.end(),
                                  [line](const Macro& known) { return known.name == line; });
  return macro == kMacros.end() ? line : macro->line;
}

// A line that has been checked, ready to be asked.
class CronLine {
 public:
  explicit CronLine(std::string_view line) {
    const auto fields = FieldsOf(SpeltOut(line));
    HOLDFAST_CHECK(fields.size() == kCronFields.size());
    auto values = ReadFields(fields);
    HOLDFAST_CHECK(values.has_value());
    values_ = std::move(*values);
    for (FieldValues& field : values_) Arrange(field.values);
    values_[4].values = WeekDays(std::move(values_[4].values));
  }

  const std::vector<int>& minutes() const { return values_[0].values; }
  const std::vector<int>& named_hours() const { return values_[1].named; }
  const std::vector<int>& month_days() const { return values_[2].values; }
  bool has_any_month_day() const { return values_[2].star || month_days().size() == 31; }

  bool HasMinute(int minute) const { return Has(0, minute); }
  bool HasHour(int hour) const { return Has(1, hour); }
  bool HasMonth(int month) const { return Has(3, month); }
  // In a month that it has.
  bool HasDay(std::chrono::sys_days day) const {
    const std::chrono::year_month_day date(day);
    const bool month_day = Has(2, static_cast<int>(unsigned{date.day()}));
    const bool week_day = Has(4, static_cast<int>(std::chrono::weekday(day).c_encoding()));
    if (values_[2].star || values_[4].star) return month_day && week_day;
    return month_day || week_day;
  }

 private:
  bool Has(std::size_t field, int value) const {
    return std::binary_search(values_[field].values.begin(), values_[field].values.end(), value);
  }

  CronValues values_;
};

std::chrono::seconds AheadAt(const ZoneClocks& clocks, std::chrono::sys_seconds time) {
  auto next = std::upper_bound(
      clocks.begin(), clocks.end(), time,
      [](std::chrono::sys_seconds at, const ClockSetting& setting) { return at < setting.at; });
  if (next != clocks.begin()) --next;
  return next->ahead;
}

// What clocks show, as if it were UTC.
using ShownTime = std::chrono::sys_seconds;

CivilTime CivilOf(ShownTime shown) {
  namespace chrono = std::chrono;
  const chrono::sys_days day = chrono::floor<chrono::days>(shown);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(shown - day);
  return {int{date.year()}, static_cast<int>(unsigned{date.month()}),
          static_cast<int>(unsigned{date.day()}), static_cast<int>(time.hours().count()),
          static_cast<int>(time.minutes().count())};
}

// Finds when Argo's scheduler starts a line next, in its way: from the time after now it goes on by months, then by days,
// by hours and by minutes, and begins again at the month whenever a smaller hand has come round. That is not the same as
// to look at every minute: on a day whose midnight is left out, it comes to a wrong day or passes the whole day (Cairo).
class RunSearch {
 public:
  RunSearch(const CronLine& line, const ZoneClocks& clocks) : line_(line), clocks_(clocks) {}

  std::optional<std::chrono::sys_seconds> After(std::chrono::sys_seconds now) {
    constexpr int kYears = 5;  // then it gives up, and never starts the line again
    at_ = now + std::chrono::seconds(1);
    moved_ = false;
    const int last_year = Year() + kYears;
    while (Year() <= last_year) {
      if (GoToMonth() && GoToDay() && GoToHour() && GoToMinute()) return at_;
    }
    return std::nullopt;
  }

 private:
  // Each goes on to what the line has, and is false where it has come round on the way.
  bool GoToMonth() {
    while (!line_.HasMonth(Shown().month)) {
      const CivilTime from = Shown();
      if (Moves()) SetTo(std::chrono::sys_days(Month(from, 0)));
      SetTo(std::chrono::sys_days(Month(Shown(), 1)) + std::chrono::days(Shown().day - 1) +
            Clock());
      if (Shown().month == 1) return false;
    }
    return true;
  }

  bool GoToDay() {
    while (!line_.HasDay(Day())) {
      if (Moves()) SetTo(Day());
      SetTo(Day() + std::chrono::days(1) + Clock());
      if (const int hour = Shown().hour; hour > 12) {
        at_ += std::chrono::hours(24 - hour);
      } else {
        at_ -= std::chrono::hours(hour);
      }
      if (Shown().day == 1) return false;
    }
    return true;
  }

  bool GoToHour() {
    while (!line_.HasHour(Shown().hour)) {
      if (Moves()) SetTo(Day() + std::chrono::hours(Shown().hour));
      at_ += std::chrono::hours(1);
      if (Shown().hour == 0) return false;
    }
    return true;
  }

  bool GoToMinute() {
    while (!line_.HasMinute(Shown().minute)) {
      if (Moves()) at_ = std::chrono::floor<std::chrono::minutes>(at_);
      at_ += std::chrono::minutes(1);
      if (Shown().minute == 0) return false;
    }
    const std::chrono::sys_seconds whole = std::chrono::ceil<std::chrono::minutes>(at_);
    if (whole == at_) return true;
    moved_ = true;
    at_ = whole;
    return false;
  }

  // The first of all moves: what is smaller than it goes back to its start before.
  bool Moves() { return !std::exchange(moved_, true); }

  ShownTime ShownSeconds() const { return at_ + AheadAt(clocks_, at_); }
  CivilTime Shown() const { return CivilOf(ShownSeconds()); }
  int Year() const { return Shown().year; }
  std::chrono::sys_days Day() const {
    return std::chrono::floor<std::chrono::days>(ShownSeconds());
  }
  std::chrono::seconds Clock() const { return ShownSeconds() - Day(); }
  static std::chrono::year_month_day Month(const CivilTime& time, int later) {
    return (std::chrono::year(time.year) / time.month + std::chrono::months(later)) / 1;
  }

  // To when the clocks show this. Where they never do or twice, to what Go's time.Date takes for it, that scheduler's language.
  void SetTo(ShownTime shown) {
    const std::chrono::seconds near = AheadAt(clocks_, shown);
    at_ = shown - AheadAt(clocks_, shown - near);
  }

  const CronLine& line_;      // Not owned; outlives this.
  const ZoneClocks& clocks_;  // Not owned; outlives this.
  std::chrono::sys_seconds at_;
  bool moved_ = false;
};

// Does one of these months ever have one of these days?
bool EverComes(const std::vector<int>& months, const std::vector<int>& days) {
  return std::any_of(months.begin(), months.end(), [&days](int month) {
    return std::any_of(days.begin(), days.end(), [month](int day) {
      return day <= kLongestMonth[static_cast<std::size_t>(month - 1)];
    });
  });
}

std::string ListOf(const std::vector<int>& values) {
  std::string out;
  for (const int value : values) {
    if (!out.empty()) out += ',';
    out += std::to_string(value);
  }
  return out;
}

std::string Joined(const std::vector<std::string_view>& fields) {
  std::string out(fields[0]);
  for (std::size_t i = 1; i < fields.size(); ++i) out += " " + std::string(fields[i]);
  return out;
}

}  // namespace

Status CheckCronLine(std::string_view line) {
  if (line.starts_with('@')) {
    std::vector<std::string> names;
    names.reserve(kMacros.size());
    for (const Macro& macro : kMacros) names.emplace_back(macro.name);
    if (std::find(names.begin(), names.end(), line) != names.end()) return Ok();
    const std::string near = Nearest(line, names);
    return InvalidInput(fmt::format("'{}' is no schedule", Printable(line)))
        .Hint(near.empty() ? "there are " + Join(names, ", ") : "did you mean '" + near + "'?");
  }
  const std::vector<std::string_view> fields = FieldsOf(line);
  if (fields.size() != kCronFields.size()) {
    return InvalidInput(fmt::format("a cron line has five fields, this one has {}", fields.size()))
        .Hint(
            "minute, hour, day of month, month, day of week: '30 2 * * *' is every night at 02:30");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const CronValues values, ReadFields(fields));
  // Cron takes either day where both are given; the day of month alone decides only without the other.
  if (values[4].star && !EverComes(values[3].values, values[2].values))
    return InvalidInput("this day never comes").Hint("none of its months has such a day");
  return Ok();
}

std::string WithSundayAsZero(std::string_view line) {
  std::vector<std::string_view> fields = FieldsOf(line);
  if (fields.size() != kCronFields.size()) return std::string(line);
  std::string week_days;
  const auto read = ReadField(fields[4], 4);
  HOLDFAST_CHECK(read.has_value());
  if (read->star) {
    // Not a list of all days: beside a day of month that is another day on which it runs, and a star is none.
    fields[4] = "*";
  } else if (std::find(read->values.begin(), read->values.end(), 7) != read->values.end()) {
    week_days = ListOf(WeekDays(read->values));
    fields[4] = week_days;
  }
  return Joined(fields);
}

std::string ForCroniter(std::string_view line) {
  std::vector<std::string_view> fields = FieldsOf(line);
  if (fields.size() != kCronFields.size()) return std::string(line);
  auto read = ReadFields(fields);
  HOLDFAST_CHECK(read.has_value());
  CronValues& values = *read;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (values[i].star) fields[i] = "*";
  }
  std::vector<int>& month_days = values[2].values;
  Arrange(month_days);
  const std::vector<int>& named = values[4].values;
  const bool has_seven = std::find(named.begin(), named.end(), 7) != named.end();
  const std::vector<int> week_days = WeekDays(named);
  std::string list;
  if (!values[2].star && !values[4].star) {
    if (month_days.size() == 31 || week_days.size() == 7) {
      fields[2] = fields[4] = "*";
      return Joined(fields);
    }
    if (!EverComes(values[3].values, month_days)) fields[2] = "*";
  }
  const bool has_step = fields[4].find('/') != std::string_view::npos;
  if (!values[4].star && (has_step || has_seven)) {
    list = ListOf(week_days);
    fields[4] = list;
  }
  return Joined(fields);
}

std::vector<int> MissedInMarch(std::string_view line) {
  const CronLine cron(line);
  std::vector<int> missed;
  if (cron.has_any_month_day() || !cron.HasMonth(2) || !cron.HasMonth(3)) return missed;
  const std::vector<int>& days = cron.month_days();
  for (const int length : {28, 29}) {
    const auto next = std::upper_bound(days.begin(), days.end(), length);
    if (next == days.end()) continue;
    for (const int day : days) {
      if (day < *next - length && std::find(missed.begin(), missed.end(), day) == missed.end())
        missed.push_back(day);
    }
  }
  return missed;
}

std::string CivilTime::str() const {
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", year, month, day, hour, minute);
}

std::vector<CivilTime> NextTimes(std::string_view line, const ZoneClocks& clocks,
                                 std::chrono::sys_seconds now, std::size_t count) {
  const CronLine cron(line);
  RunSearch search(cron, clocks);
  std::vector<CivilTime> out;
  for (auto run = search.After(now); run && out.size() < count; run = search.After(*run))
    out.push_back(CivilOf(*run + AheadAt(clocks, *run)));
  return out;
}

std::vector<OddTime> OddTimes(std::string_view line, const ZoneClocks& clocks,
                              std::chrono::sys_seconds now) {
  namespace chrono = std::chrono;
  constexpr chrono::days kAhead(366);
  constexpr chrono::days kAround(3);  // more than a day on each side, in any zone
  const CronLine cron(line);
  RunSearch search(cron, clocks);
  std::vector<OddTime> out;
  for (std::size_t i = 1; i < clocks.size(); ++i) {
    const chrono::sys_seconds change = clocks[i].at;
    if (change <= now || change > now + kAhead) continue;
    std::map<CivilTime, std::size_t> runs;
    for (auto run = search.After(change - kAround); run && *run < change + kAround;
         run = search.After(*run)) {
      ++runs[CivilOf(*run + AheadAt(clocks, *run))];
    }
    const auto [earlier, later] = std::minmax(clocks[i - 1].ahead, clocks[i].ahead);
    const chrono::sys_days last = chrono::floor<chrono::days>(change + later - chrono::seconds(1));
    for (chrono::sys_days day = chrono::floor<chrono::days>(change + earlier); day <= last;
         day += chrono::days(1)) {
      if (!cron.HasMonth(CivilOf(day).month) || !cron.HasDay(day)) continue;
      for (const int hour : cron.named_hours()) {
        for (const int minute : cron.minutes()) {
          const CivilTime time = CivilOf(day + chrono::hours(hour) + chrono::minutes(minute));
          const auto found = runs.find(time);
          const std::size_t count = found == runs.end() ? 0 : found->second;
          if (count == 1) continue;
          out.push_back({time, count});
          break;  // one of an hour says it
        }
      }
    }
  }
  return out;
}

std::string WithoutOddTimes(std::string_view line, const ZoneClocks& clocks,
                            std::chrono::sys_seconds now) {
  std::set<int> odd;
  for (const OddTime& time : OddTimes(line, clocks, now)) odd.insert(time.time.hour);
  const CronLine cron(line);
  const std::vector<std::string_view> fields = FieldsOf(SpeltOut(line));
  for (const int shift : {1, -1, 2, -2, 3, -3}) {
    std::vector<std::string> hours;
    bool possible = true;
    for (const std::string_view part : Split(fields[1], ',')) {
      const auto hour = NumberIn(part);
      if (!hour || !odd.contains(*hour)) {
        hours.emplace_back(part);
        continue;
      }
      const int other = *hour + shift;
      possible = possible && other >= 0 && other <= 23 && !cron.HasHour(other);
      hours.push_back(std::to_string(other));
    }
    if (!possible) continue;
    std::string shifted =
        fmt::format("{} {} {} {} {}", fields[0], Join(hours, ","), fields[2], fields[3], fields[4]);
    if (OddTimes(shifted, clocks, now).empty()) return shifted;
  }
  return {};
}

}  // namespace holdfast::compiler
