#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/plan/schedule.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::cli {

// kInvalidInput for a time zone that does not exist: its CronWorkflow would never run. Only where this machine has
// the time-zone database ($TZDIR, else /usr/share/zoneinfo); without it every name may be one.
Status CheckTimeZone(const std::string& timezone);

// What the clocks of a time zone ("Europe/Berlin") show at a time; nothing where this machine does not know
// the zone. Changes TZ while it runs: one thread.
std::optional<compiler::CivilTime> CivilTimeIn(const std::string& timezone, WallTime time);

}  // namespace holdfast::cli
