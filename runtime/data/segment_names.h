#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"

namespace holdfast::runtime {

// The key of a segment below its resource's data section: <attempt>/<name>.<n>.
std::string SegmentKey(std::string_view attempt, std::string_view name, std::uint64_t number);

// kInvalidInput when one of the two is no single part of a key.
Status CheckStreamParts(std::string_view attempt, std::string_view name);

// kInvalidInput when an option is outside the range that its comment names.
Status CheckDataOptions(const DataOptions& options);

// kCorrupt, naming the stream, when the manifest contradicts itself or lists sizes or hashes that
// no writer gives.
Status CheckStreamManifest(const StreamManifest& stream);

}  // namespace holdfast::runtime
