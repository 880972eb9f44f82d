#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// Reads one element of `spec.templates`. Calls of other templates are not resolved yet
// (template_index is 0); everything else is checked, with file and line.
Result<Template> ReadTemplate(const SourceFile& source, const Value& value);

// A whole number of seconds of at least 1, as an integer or a text.
Result<std::chrono::seconds> ReadSeconds(const SourceFile& source, const Value& value,
                                         std::string_view what);
Result<std::int64_t> ReadInteger(const SourceFile& source, const Value& value,
                                 std::string_view what, std::int64_t least);

// "90" (seconds), "250ms", "10s", "1m30s", "2h".
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace holdfast::local
