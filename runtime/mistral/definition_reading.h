#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/source_file.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::mistral {

// What a scalar without quotes is to Mistral, which reads YAML 1.1 as PyYAML does. kMerge is "<<", kDefault "=".
enum class PlainKind : std::uint8_t { kText, kNull, kBool, kInt, kFloat, kDate, kMerge, kDefault };
PlainKind KindOfPlain(std::string_view plain);

// A document as Mistral reads it: yes and off are truths, 010 is 8 and 1:30 is 90, 1e3 and 0o17 are texts; what stands
// under the key << is merged into its map, behind what that has itself. Keys are texts here, whatever they are there (IsTextKey).
struct MistralDocument {
  Value value;
  // What Mistral refuses wherever it stands: dates, "=" and "<<" without quotes, what cannot be merged. In `value` it is
  // a text.
  std::vector<Error> refused;
};
// Of a file whose lines are indexed, as those of a ParsedFile are. kInvalidInput where it has no document or a second one,
// or where Mistral's reader of YAML stops.
Result<MistralDocument> ReadMistralFile(const local::ParsedFile& file);

// False for the key of `value` where Mistral reads a number, a truth, a date or nothing: it takes no such key.
bool IsTextKey(const local::SourceFile& source, std::string_view key, const Value& value);

}  // namespace holdfast::mistral
