#pragma once

#include <optional>
#include <string>

#include "compiler/plan/cron_line.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::cli {

// Checks one name of a time zone, whatever the text is: kInvalidInput without a place for one that does not exist, as its
// CronWorkflow would never run, and for what only this machine may have (localtime, right/Europe/Berlin). What exists is
// known where this machine has the time-zone database ($TZDIR, else /usr/share/zoneinfo); without it every other name
// may be one. Reads files, changes nothing.
Status CheckTimeZone(const std::string& timezone);

// The clocks of a time zone ("Europe/Berlin") from a week before a time to 50 years after it; nothing where this machine
// does not know the zone. Changes TZ while it runs: one thread.
std::optional<compiler::ZoneClocks> ClocksOf(const std::string& timezone, WallTime time);

}  // namespace holdfast::cli
