#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// Reads one JSON text (RFC 8259). Refused with file, line and column: anything after the text,
// a key given twice, invalid UTF-8, nesting deeper than 100, a number that is no finite 64-bit
// one. `file` names the source in errors.
Result<Value> ParseJson(std::string_view text, std::string_view file);

// Writes JSON: keys sorted, no white space, the same bytes for the same value. Bytes that are not
// UTF-8 are kInvalidInput (they would be lost), never replaced.
Result<std::string> DumpJson(const Value& value);
// The same with two spaces of indentation and a final newline, for files that people read.
Result<std::string> DumpJsonPretty(const Value& value);

}  // namespace holdfast
