#pragma once

#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast::lint {

// Does Mistral's scheduler take a line of cron, and does it ever start anything by it? Its reader is croniter (1.3, Python):
// five fields, or six with the second last; lists, ranges, steps and names; l as a day of month, fri#2 and l5 as days of
// week, r as any number; @daily and the like. kInvalidInput with the reason.
Status CheckCroniterLine(std::string_view line);

}  // namespace holdfast::lint
