#pragma once

#include <cstdint>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/resource.h"

namespace holdfast::plugins::noop {

// Bytes that look random, do not compress and can be made again from the resource alone: what noop
// writes as data and compares with what it reads.

// Writes `size` bytes of the pattern of `key` to `sink`.
Status WritePattern(const ResourceKey& key, std::uint64_t size, ByteSink& sink);

// Reads `source` to its end; kCorrupt when it is not the pattern of `key` of exactly `size` bytes.
Status CheckPattern(const ResourceKey& key, std::uint64_t size, ByteSource& source);

}  // namespace holdfast::plugins::noop
