#include "runtime/data/segment_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/object_key.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint64_t kMinSegmentSize = std::uint64_t{1} << 20U;
constexpr unsigned kMaxParallel = 16;
constexpr int kMaxZstdLevel = 19;
// A stored segment is at most its plain bytes, a header, and later what encryption adds.
constexpr std::uint64_t kMaxStoredSize = kMaxSegmentSize + 4096;

}  // namespace

std::string SegmentKey(std::string_view attempt, std::string_view name, std::uint64_t number) {
  return fmt::format("{}/{}.{}", attempt, name, number);
}

Status CheckStreamParts(std::string_view attempt, std::string_view name) {
  for (const std::string_view part : {attempt, name}) {
    if (part.find('/') == std::string_view::npos && ObjectKey::Parse(part)) continue;
    return InvalidInput(fmt::format("'{}' is no part of an object's key", Printable(part)));
  }
  return Ok();
}

Status CheckDataOptions(const DataOptions& options) {
  if (options.segment_size < kMinSegmentSize || options.segment_size > kMaxSegmentSize) {
    return InvalidInput(
        fmt::format("segments of {} bytes: 1 MiB to 64 MiB are possible", options.segment_size));
  }
  if (options.parallel < 1 || options.parallel > kMaxParallel) {
    return InvalidInput(fmt::format("{} segments in work at once: 1 to {} are possible",
                                    options.parallel, kMaxParallel));
  }
  if (options.zstd_level < 1 || options.zstd_level > kMaxZstdLevel) {
    return InvalidInput(
        fmt::format("zstd level {}: 1 to {} are possible", options.zstd_level, kMaxZstdLevel));
  }
  return Ok();
}

Status CheckStreamManifest(const StreamManifest& stream) {
  const auto corrupt = [&](std::string_view what) {
    return Corrupt(fmt::format("the manifest's stream '{}': {}", Printable(stream.name), what));
  };
  if (!CheckStreamParts(stream.attempt, stream.name)) return corrupt("its name or attempt is none");
  if (!IsSha256Hex(stream.sha256)) return corrupt("it has no SHA-256");
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < stream.segments.size(); ++i) {
    const SegmentInfo& segment = stream.segments[i];
    if (segment.plain_size == 0 || segment.plain_size > kMaxSegmentSize ||
        segment.stored_size < kSegmentHeaderSize || segment.stored_size > kMaxStoredSize) {
      return corrupt(fmt::format("impossible sizes of segment {}", i));
    }
    if (!IsSha256Hex(segment.plain_sha256) || !IsSha256Hex(segment.stored_sha256)) {
      return corrupt(fmt::format("segment {} has no SHA-256", i));
    }
    size += segment.plain_size;  // Far from 2^64: 64 MiB times what fits in memory.
  }
  if (size != stream.size) {
    return corrupt(fmt::format("its segments hold {} bytes, not {}", size, stream.size));
  }
  if (stream.segments.empty() && stream.sha256 != Sha256Hex("")) {
    return corrupt("an empty one with the SHA-256 of something");
  }
  return Ok();
}

}  // namespace holdfast::runtime
