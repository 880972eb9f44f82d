#include "plugins/sdk/clock.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

class RealClock final : public Clock {
 public:
  WallTime Now() const override { return std::chrono::system_clock::now(); }
  SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
};

// The number in text[at, at + count), or -1 when one of the bytes is no digit.
int Digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

std::string FormatTime(WallTime time) {
  using namespace std::chrono;
  const auto ms = floor<milliseconds>(time);
  const auto day = floor<days>(ms);
  const year_month_day date(day);
  const auto rest = ms - day;
  const auto h = duration_cast<hours>(rest);
  const auto m = duration_cast<minutes>(rest - h);
  const auto s = duration_cast<seconds>(rest - h - m);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     h.count(), m.count(), s.count(), (rest - h - m - s).count());
}

Result<WallTime> ParseTime(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] {
    return InvalidInput("'" + Printable(text) + "' is no time")
        .Hint("write it as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00.250Z");
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return bad();
  }
  const int year_number = Digits(text, 0, 4);
  const int month_number = Digits(text, 5, 2);
  const int day_number = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  int ms = 0;
  if (text.size() == 24 && text[19] == '.') {
    ms = Digits(text, 20, 3);
  } else if (text.size() != 20) {
    return bad();
  }
  if (year_number < 1970 || year_number > 2261 || month_number < 0 || day_number < 0 || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || ms < 0) {
    return bad();
  }
  const year_month_day date{year{year_number}, month{static_cast<unsigned>(month_number)},
                            day{static_cast<unsigned>(day_number)}};
  if (!date.ok()) return bad();
  return WallTime(sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
                  milliseconds(ms));
}

}  // namespace holdfast
