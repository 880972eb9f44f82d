#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

// Time comes in from outside, so that tests need not wait. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime Steady() const = 0;
};

// The machine's clocks.
const Clock& SystemClock();

// RFC 3339 in UTC with milliseconds, "2026-11-24T01:48:00.123Z", and back (kInvalidInput):
// the years 1970 to 2261, so that every difference of two is a number of nanoseconds, too.
std::string FormatTime(WallTime time);
Result<WallTime> ParseTime(std::string_view text);

}  // namespace holdfast
