#pragma once

#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// Reads YAML (1.2 core schema as yaml-cpp has it) into values that know their line and column.
// The one place that sees yaml-cpp; its exceptions stop here.
//
// Refused with file, line, column and the line's text: bad syntax, a key given twice, a key that
// is no scalar, a character at which some readers end a line and others do not (a lone carriage return, U+0085, U+2028,
// U+2029), an alias or anchor (ours need none, and copies could grow without limit), invalid
// UTF-8, nesting deeper than 100. Plain scalars are resolved by the core schema: null, true and
// false, integers (decimal, 0x, 0o), numbers; everything else, and every quoted scalar, is a string.
// `file` names the source in errors. An empty document is null.
Result<Value> ParseYaml(std::string_view text, std::string_view file);

// All documents of a stream (`---`); empty ones are left out.
Result<std::vector<Value>> ParseYamlStream(std::string_view text, std::string_view file);

}  // namespace holdfast
