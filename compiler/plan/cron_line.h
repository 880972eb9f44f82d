#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// Checks one cron line, and nothing else of a plan: minute, hour, day of month, month, day of week (0 to
// 7, 0 and 7 = Sunday), each *, numbers or names (jan, mon), ranges, lists and steps (5/10: from 5 on); or
// @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. Whatever the text is: kInvalidInput
// without a place says which field is wrong, and refuses days that never come (30 February).
// What it means is what Argo's scheduler (github.com/robfig/cron v3) makes of it; what that takes beyond it
// (`?`, @every, CRON_TZ=) is refused, and a day of week 7, which that refuses, is taken.
Status CheckCronLine(std::string_view line);

// The same line for a scheduler that knows Sunday as 0 alone (Argo's, github.com/robfig/cron): a day of
// week with a 7 becomes a list, one with a star a star. `line` has been checked.
std::string WithSundayAsZero(std::string_view line);

// A line for Mistral's scheduler (Python's croniter, in UTC) that starts when Argo's would: that one takes a list or a
// range of all days for a star, steps on to Sunday once more (5/1 is Friday to Sunday there), and starts nothing at all
// where the day of month never comes, though a day of week does. `line` has been checked.
std::string ForCroniter(std::string_view line);

// The first days of March on which croniter (1.3) starts nothing though the line has them: where the line has a later day
// that February does not have (30, 31), it comes from there too far into March. No other line would help. Checked.
std::vector<int> MissedInMarch(std::string_view line);

// A minute on the clock of some time zone.
struct CivilTime {
  int year = 0;
  int month = 1;  // 1 to 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const CivilTime&, const CivilTime&) = default;
  // "2026-11-30 02:30"
  std::string str() const;
};

// From `at` on the clocks of a time zone are `ahead` of UTC.
struct ClockSetting {
  std::chrono::sys_seconds at;
  std::chrono::seconds ahead{};
};
// All of a zone, by `at`. The first stands for what was before, too; there is one.
using ZoneClocks = std::vector<ClockSetting>;

// When Argo's scheduler next starts a cron line (it has been checked) after `now`, `count` times, by the clocks of a zone.
// Where both days are given, either of them; a day with a star (*/1, too, but not */2) is not given. A time that a change
// of the clocks leaves out is not in it, one that they show twice is in it twice. Fewer where none comes in five years.
std::vector<CivilTime> NextTimes(std::string_view line, const ZoneClocks& clocks,
                                 std::chrono::sys_seconds now, std::size_t count);

// A time of a cron line that a change of the clocks takes away or doubles.
struct OddTime {
  CivilTime time;
  std::size_t runs = 0;  // 0, or 2
};

// Those in the year after `now`, the first of each hour, as they come. Only of hours that the line names by themselves
// ("2", "1,2"): one run less of "*", "1-5" or "*/2" is soon made up for. The line has been checked.
std::vector<OddTime> OddTimes(std::string_view line, const ZoneClocks& clocks,
                              std::chrono::sys_seconds now);
// A line like this one that has none, of other hours nearby; empty where there is no such.
std::string WithoutOddTimes(std::string_view line, const ZoneClocks& clocks,
                            std::chrono::sys_seconds now);

}  // namespace holdfast::compiler
