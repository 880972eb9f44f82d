#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// Checks a cron line: minute, hour, day of month, month, day of week (0 to 7, 0 and 7 = Sunday),
// each *, numbers or names (jan, mon), ranges, lists and steps; or @hourly, @daily, @midnight,
// @weekly, @monthly, @yearly, @annually. kInvalidInput says which field is wrong, and refuses days
// that never come (30 February).
Status CheckCronLine(std::string_view line);

// Checks a plan's `schedule`: a cron line, or a map of cron, timezone, concurrency (forbid, replace,
// allow), starting_deadline and suspend. The checked map; errors have places of `file`.
Result<Value> CheckSchedule(const Value& schedule, std::string_view file);

// Checks a plan's `retention`: how many checkpoints to keep, of the last ones and by hour, day,
// week, month, year, and `within` a duration; at least one of them.
Result<Value> CheckRetention(const Value& retention, std::string_view file);

}  // namespace holdfast::compiler
