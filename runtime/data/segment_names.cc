#include "runtime/data/segment_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint64_t kMinSegmentSize = std::uint64_t{1} << 20U;
constexpr unsigned kMaxParallel = 16;
constexpr int kMaxZstdLevel = 19;
// A stored segment is at most its plain bytes, a header, and what encryption adds.
constexpr std::uint64_t kMaxStoredSize = kMaxSegmentSize + 4096;
// What the encrypted SHA-256 of a stream takes at most, as text.
constexpr std::size_t kMaxSealedSha256 = 512;

std::string PlaceOfSha256(const BankSection& data, const StreamManifest& stream) {
  return fmt::format("{}/{}/{}#sha256#{}#{}", data.prefix(), stream.attempt, stream.name,
                     stream.size, stream.segments.size());
}

}  // namespace

std::string SegmentPlace(const BankSection& data, std::string_view key) {
  return fmt::format("{}/{}", data.prefix(), key);
}

Result<std::string> SealSha256(const BankSection& data, const StreamManifest& stream,
                               const EncryptionKey& key, std::string_view sha256) {
  SegmentEncoder encoder(SegmentAlgorithm::kNone, 0, &key, SegmentNonce::kOfContents);
  HOLDFAST_ASSIGN_OR_RETURN(const EncodedSegment segment,
                            encoder.Encode(sha256, PlaceOfSha256(data, stream)));
  return ToBase64(segment.bytes);
}

Result<std::string> PlainSha256(const BankSection& data, const StreamManifest& stream) {
  if (stream.key_id.empty()) return stream.sha256;
  const auto corrupt = [&stream] {
    return Corrupt(fmt::format("the manifest's stream '{}': its SHA-256 is not what was written",
                               Printable(stream.name)));
  };
  HOLDFAST_RETURN_IF_ERROR(FindKey(data.keys(), stream.key_id));
  const auto bytes = FromBase64(stream.sha256);
  if (!bytes) return corrupt();
  auto sha256 = SegmentDecoder(data.keys()).DecodeUnlisted(*bytes, PlaceOfSha256(data, stream));
  if (!sha256 && sha256.error().code() == ErrorCode::kUnavailable) return std::move(sha256).error();
  if (!sha256 || !IsSha256Hex(*sha256)) return corrupt();
  return std::move(*sha256);
}

std::string SegmentKey(std::string_view attempt, std::string_view name, std::uint64_t number) {
  return fmt::format("{}/{}.{}", attempt, name, number);
}

std::string SegmentKey(const StreamManifest& stream, std::size_t number) {
  return SegmentKey(stream.AttemptOf(number), stream.name, number);
}

std::optional<std::size_t> SegmentNumber(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  if (fmt::format("{}", number) != text) return {};
  return number;
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
  if (options.zstd_level < 0 || options.zstd_level > kMaxZstdLevel) {
    return InvalidInput(
        fmt::format("zstd level {}: 0 to {} are possible", options.zstd_level, kMaxZstdLevel));
  }
  return Ok();
}

Status CheckStreamManifest(const StreamManifest& stream) {
  const auto corrupt = [&](std::string_view what) {
    return Corrupt(fmt::format("the manifest's stream '{}': {}", Printable(stream.name), what));
  };
  if (!CheckStreamParts(stream.attempt, stream.name)) return corrupt("its name or attempt is none");
  const bool encrypted = !stream.key_id.empty();
  if (encrypted && !IsKeyId(stream.key_id)) return corrupt("its key is none");
  if (encrypted ? stream.sha256.empty() || stream.sha256.size() > kMaxSealedSha256
                : !IsSha256Hex(stream.sha256)) {
    return corrupt("it has no SHA-256");
  }
  for (const auto& [number, attempt] : stream.adopted) {
    if (number >= stream.segments.size() || !CheckStreamParts(attempt, stream.name))
      return corrupt("another attempt's segment is none of it");
  }
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < stream.segments.size(); ++i) {
    const SegmentInfo& segment = stream.segments[i];
    if (segment.plain_size == 0 || segment.plain_size > kMaxSegmentSize ||
        segment.stored_size < kSegmentHeaderSize || segment.stored_size > kMaxStoredSize) {
      return corrupt(fmt::format("impossible sizes of segment {}", i));
    }
    if (!IsSha256Hex(segment.stored_sha256) ||
        (encrypted ? !segment.plain_sha256.empty() : !IsSha256Hex(segment.plain_sha256))) {
      return corrupt(fmt::format("segment {} has no SHA-256", i));
    }
    if (segment.key_id != stream.key_id)
      return corrupt(fmt::format("segment {} is encrypted with another key", i));
    size += segment.plain_size;  // Far from 2^64: 64 MiB times what fits in memory.
  }
  if (size != stream.size) {
    return corrupt(fmt::format("its segments hold {} bytes, not {}", size, stream.size));
  }
  if (stream.segments.empty() && !encrypted && stream.sha256 != Sha256Hex("")) {
    return corrupt("an empty one with the SHA-256 of something");
  }
  return Ok();
}

}  // namespace holdfast::runtime
