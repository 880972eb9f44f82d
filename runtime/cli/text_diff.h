#pragma once

#include <string>
#include <string_view>

namespace holdfast::cli {

// What would have to change in `from` to make it `to`, by line, in the unified format with three lines
// of context, under the heads "--- from_name" and "+++ to_name"; empty when they are the same.
std::string UnifiedDiff(std::string_view from_name, std::string_view from, std::string_view to_name,
                        std::string_view to);

}  // namespace holdfast::cli
