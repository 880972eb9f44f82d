#include "runtime/cli/duration_option.h"

#include <fmt/format.h>

#include "plugins/sdk/schema.h"

namespace holdfast::cli {

Result<std::chrono::milliseconds> DurationOption(std::string_view option, const std::string& text) {
  const auto duration = ParseDuration(text);
  if (duration) return *duration;
  return Error(ErrorCode::kUsage, fmt::format("{}: {}", option, duration.error().message()))
      .Hint(duration.error().hint());
}

}  // namespace holdfast::cli
