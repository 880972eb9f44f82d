#include "compiler/plan/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "compiler/plan/cron_line.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

// What cannot be said by a type: the form of a schedule's map.
struct ScheduleForm {
  std::string cron;
  std::string timezone;
  std::string concurrency = "forbid";
  std::optional<std::chrono::milliseconds> starting_deadline;
  bool suspend = false;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("cron", &ScheduleForm::cron, "when it runs: minute hour day-of-month month day-of-week")
        .Required();
    fields("timezone", &ScheduleForm::timezone,
           "the time zone of the cron line, such as Europe/Berlin");
    fields("concurrency", &ScheduleForm::concurrency,
           "what happens while the run before is still going on")
        .OneOf({"forbid", "allow"});
    fields("starting_deadline", &ScheduleForm::starting_deadline, "how late a run may still start")
        .Range(1000, 30LL * 86'400'000);
    fields("suspend", &ScheduleForm::suspend, "true: do not run by itself");
  }
};

struct RetentionForm {
  std::optional<std::int64_t> last;
  std::optional<std::int64_t> hourly;
  std::optional<std::int64_t> daily;
  std::optional<std::int64_t> weekly;
  std::optional<std::int64_t> monthly;
  std::optional<std::int64_t> yearly;
  std::optional<std::chrono::milliseconds> within;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("last", &RetentionForm::last, "how many of the newest checkpoints to keep")
        .Range(0, 100'000);
    fields("hourly", &RetentionForm::hourly, "for how many hours to keep the newest of each")
        .Range(0, 100'000);
    fields("daily", &RetentionForm::daily, "for how many days to keep the newest of each")
        .Range(0, 100'000);
    fields("weekly", &RetentionForm::weekly, "for how many weeks to keep the newest of each")
        .Range(0, 100'000);
    fields("monthly", &RetentionForm::monthly, "for how many months to keep the newest of each")
        .Range(0, 100'000);
    fields("yearly", &RetentionForm::yearly, "for how many years to keep the newest of each")
        .Range(0, 100'000);
    fields("within", &RetentionForm::within,
           "keep every one that is at most so much older than the newest")
        .Range(1000, 36'500LL * 86'400'000);
  }
};

bool IsTimeZoneName(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const std::string_view part : Split(text, '/')) {
    if (part.empty()) return false;
    for (const char c : part) {
      const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
      if (!allowed) return false;
    }
  }
  return true;
}

Error Placed(Error error, const Value& value, std::string_view file, std::size_t width) {
  return std::move(error).At({std::string(file),
                              value.position().line,
                              value.position().column,
                              {},
                              static_cast<std::uint32_t>(std::max<std::size_t>(width, 1))});
}

}  // namespace

Status CheckTimeZoneName(std::string_view name) {
  if (IsTimeZoneName(name)) return Ok();
  return InvalidInput(fmt::format("'{}' is no name of a time zone", Printable(name)))
      .Hint("such as Europe/Berlin or Etc/UTC");
}

bool IsUtc(std::string_view zone) {
  constexpr std::array<std::string_view, 8> kNames{"UTC",       "Etc/UTC",   "GMT",     "Etc/GMT",
                                                   "Etc/GMT+0", "Etc/GMT-0", "Etc/UCT", "Zulu"};
  return std::find(kNames.begin(), kNames.end(), zone) != kNames.end();
}

Result<Value> CheckSchedule(const Value& schedule, std::string_view file) {
  Value map = schedule;
  if (schedule.is_string()) {
    Value line = schedule;
    map = Value().Set("cron", std::move(line));
    map.set_position(schedule.position());
  } else if (!schedule.is_map()) {
    return Placed(InvalidInput(fmt::format("'schedule' is a cron line or a map, not {}",
                                           NameOf(schedule.kind())))
                      .Hint("such as 'schedule: \"0 2 * * *\"'"),
                  schedule, file, 1);
  }
  // Argo has it, and people bring it from there: it terminates the run before, whose onExit then does not
  // run, and the next one meets the lease that nobody gave back.
  if (const Value* policy = map.Find("concurrency");
      policy != nullptr && policy->is_string() && policy->AsString() == "replace") {
    return Placed(
        InvalidInput(
            "concurrency 'replace' would leave applications at rest: a run that is replaced "
            "is terminated, and makes no clean-up")
            .Hint("'forbid' leaves out a run that comes while the one before is still going on"),
        *policy, file, policy->AsString().size());
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      Value checked, CheckAgainstSchema(SchemaOf<ScheduleForm>(), map, file, "schedule settings"));
  const Value& cron = *map.Find("cron");
  if (Status good = CheckCronLine(cron.AsString()); !good) {
    return Placed(std::move(good).error(), cron, file, cron.AsString().size());
  }
  if (const Value* zone = map.Find("timezone"); zone != nullptr && !zone->is_null()) {
    if (Status good = CheckTimeZoneName(zone->AsString()); !good)
      return Placed(std::move(good).error(), *zone, file, zone->AsString().size());
  }
  return checked;
}

std::optional<Schedule> ScheduleOf(const Value& plan) {
  const Value* const schedule = plan.Find("schedule");
  if (schedule == nullptr || !schedule->is_map()) return std::nullopt;
  Schedule out;
  out.cron = schedule->StringOr("cron", "");
  out.timezone = schedule->StringOr("timezone", "");
  if (out.timezone.empty()) out.timezone = "Etc/UTC";
  out.concurrency = schedule->StringOr("concurrency", "forbid");
  out.suspend = schedule->BoolOr("suspend", false);
  if (const std::int64_t deadline = schedule->IntOr("starting_deadline", 0); deadline > 0)
    out.starting_deadline = std::chrono::milliseconds(deadline);
  if (const Value* const timezone = schedule->Find("timezone"); timezone != nullptr)
    out.timezone_at = timezone->position();
  if (const Value* const suspend = schedule->Find("suspend"); suspend != nullptr)
    out.suspend_at = suspend->position();
  return out;
}

Result<Value> CheckRetention(const Value& retention, std::string_view file) {
  HOLDFAST_ASSIGN_OR_RETURN(Value checked, CheckAgainstSchema(SchemaOf<RetentionForm>(), retention,
                                                              file, "retention settings"));
  // Rules that keep nothing would be a way to delete everything.
  const auto keeps = [](const auto& rule) {
    return rule.second.is_int() && rule.second.AsInt() > 0;
  };
  if (!checked.is_map() || std::none_of(checked.AsMap().begin(), checked.AsMap().end(), keeps)) {
    return Placed(
        InvalidInput("'retention' says of nothing how many to keep")
            .Hint("give at least one of last, hourly, daily, weekly, monthly, yearly, within; 0 "
                  "is as good as none"),
        retention, file, 1);
  }
  return checked;
}

}  // namespace holdfast::compiler
