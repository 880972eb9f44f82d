#pragma once

#include <string_view>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// What a scalar without quotes is to Mistral, which reads YAML 1.1 as PyYAML does.
enum class PlainKind : std::uint8_t { kText, kNull, kBool, kInt, kFloat, kDate };
PlainKind KindOfPlain(std::string_view plain);

// A document as Mistral reads it: yes and off are truths, 010 is 8 and 1:30 is 90, 1e3 and 0o17 are texts.
// What a key is, too, is said by IsTextKey: keys of maps here are texts, whatever they are there. Dates, which Mistral
// nowhere takes, stay texts and are found: trap `field`. The lines of `source` are indexed.
struct MistralDocument {
  Value value;
  Findings dates;
};
MistralDocument ReadAsMistral(const local::SourceFile& source, const Value& document);

// False for the key of `value` where Mistral reads a number, a truth, a date or nothing: it takes no such key.
bool IsTextKey(const local::SourceFile& source, std::string_view key, const Value& value);

}  // namespace holdfast::lint
