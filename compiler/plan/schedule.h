#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// Checks that a text can be the name of a time zone: words of letters, digits, _, - and + between slashes.
// Whether there is such a zone only a database of them knows (runtime/cli/schedule_times.h).
Status CheckTimeZoneName(std::string_view name);

// Is it one of the names of UTC?
bool IsUtc(std::string_view zone);

// When a workflow runs by itself.
struct Schedule {
  std::string cron;
  std::string timezone;  // "Etc/UTC" where the plan names none: engines differ in theirs
  std::string concurrency = "forbid";  // or allow
  std::optional<std::chrono::milliseconds> starting_deadline;
  bool suspend = false;
  // For errors: where they stand in the plan's file; 0 where they do not.
  Position timezone_at = {};
  Position suspend_at = {};
};

// The schedule in a plan's value (CheckSchedule), as a record or a bundle kept it, too; nothing where it
// has none.
std::optional<Schedule> ScheduleOf(const Value& plan);

// Checks a plan's `schedule`: a cron line, or a map of cron, timezone, concurrency (forbid,
// allow), starting_deadline and suspend. The checked map; errors have places of `file`.
Result<Value> CheckSchedule(const Value& schedule, std::string_view file);

// Checks a plan's `retention`: how many checkpoints to keep, of the last ones and by hour, day,
// week, month, year, and `within` a duration; at least one of them more than 0. What they mean:
// runtime/retention/retention_policy.h.
Result<Value> CheckRetention(const Value& retention, std::string_view file);

}  // namespace holdfast::compiler
