#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/plan/schedule.h"
#include "plugins/sdk/clock.h"

namespace holdfast::cli {

// What the clocks of a time zone ("Europe/Berlin") show at a time; nothing where this machine does not know
// the zone. Changes TZ while it runs: one thread.
std::optional<compiler::CivilTime> CivilTimeIn(const std::string& timezone, WallTime time);

}  // namespace holdfast::cli
