#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast::cli {

// What an option says that is a duration ("26h"). kUsage, naming the option, for what is none.
Result<std::chrono::milliseconds> DurationOption(std::string_view option, const std::string& text);

}  // namespace holdfast::cli
