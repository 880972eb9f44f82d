#include "plugins/sdk/segment.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {
namespace {

constexpr std::string_view kMagic = "\x89HFSEG\r\n";
constexpr std::size_t kMaxKeyId = 64;

void AppendNumber(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>((number >> (8 * i)) & 0xFFU);
}

// Takes `count` bytes off the front of `rest`; the caller has checked that they are there.
std::string_view TakeBytes(std::string_view& rest, std::size_t count) {
  const std::string_view taken = rest.substr(0, count);
  rest.remove_prefix(count);
  return taken;
}

std::uint64_t TakeNumber(std::string_view& rest, std::size_t bytes) {
  std::uint64_t number = 0;
  const std::string_view taken = TakeBytes(rest, bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
  }
  return number;
}

// Starts `out` anew with a header; keeps its memory.
void StartWithHeader(std::string& out, SegmentAlgorithm algorithm, std::uint64_t plain_size) {
  out.assign(kMagic);
  AppendNumber(out, kSegmentVersion, 2);
  AppendNumber(out, static_cast<std::uint64_t>(algorithm), 1);
  AppendNumber(out, 0, 1);  // no key
  AppendNumber(out, plain_size, 8);
}

Error Newer(std::string what) {
  return InvalidInput("segment: " + std::move(what))
      .Hint("a newer build wrote it: read it with that one");
}

}  // namespace

SegmentEncoder::SegmentEncoder(SegmentAlgorithm algorithm, int level)
    : algorithm_(algorithm), level_(level) {
  if (algorithm_ != SegmentAlgorithm::kZstd) return;
  context_.reset(ZSTD_createCCtx());
  HOLDFAST_CHECK(context_ != nullptr);
}
SegmentEncoder::SegmentEncoder(SegmentEncoder&&) noexcept = default;
SegmentEncoder& SegmentEncoder::operator=(SegmentEncoder&&) noexcept = default;
SegmentEncoder::~SegmentEncoder() = default;

void SegmentEncoder::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

Result<EncodedSegment> SegmentEncoder::Encode(std::string_view plain) {
  EncodedSegment segment;
  HOLDFAST_RETURN_IF_ERROR(EncodeInto(plain, segment));
  return segment;
}

Status SegmentEncoder::EncodeInto(std::string_view plain, EncodedSegment& segment) {
  if (plain.size() > kMaxSegmentSize) {
    return InvalidInput(
        fmt::format("a segment holds at most {} bytes, not {}", kMaxSegmentSize, plain.size()));
  }
  bool compressed = false;
  if (algorithm_ == SegmentAlgorithm::kZstd && !plain.empty()) {
    StartWithHeader(segment.bytes, SegmentAlgorithm::kZstd, plain.size());
    const std::size_t header = segment.bytes.size();
    segment.bytes.resize(header + ZSTD_compressBound(plain.size()));
    const std::size_t size =
        ZSTD_compressCCtx(context_.get(), segment.bytes.data() + header,
                          segment.bytes.size() - header, plain.data(), plain.size(), level_);
    if (ZSTD_isError(size) != 0U) {
      return Internal(fmt::format("compressing a segment: {}", ZSTD_getErrorName(size)));
    }
    compressed = size < plain.size();
    segment.bytes.resize(header + size);
  }
  if (!compressed) {
    StartWithHeader(segment.bytes, SegmentAlgorithm::kNone, plain.size());
    segment.bytes.append(plain);
  }
  segment.info = {plain.size(), Sha256Hex(plain), segment.bytes.size(), Sha256Hex(segment.bytes)};
  return Ok();
}

SegmentDecoder::SegmentDecoder() = default;
SegmentDecoder::SegmentDecoder(SegmentDecoder&&) noexcept = default;
SegmentDecoder& SegmentDecoder::operator=(SegmentDecoder&&) noexcept = default;
SegmentDecoder::~SegmentDecoder() = default;

void SegmentDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Result<std::string> SegmentDecoder::Decode(std::string_view stored, const SegmentInfo& info) {
  std::string plain;
  HOLDFAST_RETURN_IF_ERROR(DecodeInto(stored, info, plain));
  return plain;
}

Status SegmentDecoder::DecodeInto(std::string_view stored, const SegmentInfo& info,
                                  std::string& plain) {
  if (stored.size() != info.stored_size) {
    return Corrupt(fmt::format("segment: {} bytes are stored, the manifest says {}", stored.size(),
                               info.stored_size));
  }
  if (Sha256Hex(stored) != info.stored_sha256) {
    return Corrupt("segment: the stored bytes are not those that were written (SHA-256)");
  }
  HOLDFAST_RETURN_IF_ERROR(DecodeUnlistedInto(stored, plain));
  if (plain.size() != info.plain_size || Sha256Hex(plain) != info.plain_sha256) {
    return Corrupt("segment: the plain bytes are not those that the manifest lists (SHA-256)");
  }
  return Ok();
}

Result<std::string> SegmentDecoder::DecodeUnlisted(std::string_view stored) {
  std::string plain;
  HOLDFAST_RETURN_IF_ERROR(DecodeUnlistedInto(stored, plain));
  return plain;
}

Status SegmentDecoder::DecodeUnlistedInto(std::string_view stored, std::string& plain) {
  if (stored.size() < kSegmentHeaderSize) {
    return Corrupt(fmt::format("segment: {} bytes are too few for a header", stored.size()));
  }
  std::string_view rest = stored;
  if (TakeBytes(rest, kMagic.size()) != kMagic) return Corrupt("segment: no magic at its start");
  if (const auto version = TakeNumber(rest, 2); version != kSegmentVersion) {
    return Newer(fmt::format("format version {}; this build reads {}", version, kSegmentVersion));
  }
  const auto algorithm = TakeNumber(rest, 1);
  const auto key_length = TakeNumber(rest, 1);
  if (key_length > kMaxKeyId) return Corrupt("segment: a key id that is too long");
  if (key_length != 0) return Newer("encrypted");
  const auto plain_size = TakeNumber(rest, 8);
  if (plain_size > kMaxSegmentSize) {
    return Corrupt(fmt::format("segment: a plain length of {} bytes", plain_size));
  }
  if (algorithm == static_cast<std::uint64_t>(SegmentAlgorithm::kNone)) {
    if (rest.size() != plain_size) {
      return Corrupt(
          fmt::format("segment: {} bytes of payload instead of {}", rest.size(), plain_size));
    }
    plain.assign(rest);
    return Ok();
  }
  if (algorithm != static_cast<std::uint64_t>(SegmentAlgorithm::kZstd)) {
    return Newer(fmt::format("algorithm {}", algorithm));
  }
  // Exactly one frame that says itself how long it is: nothing may hide behind or between.
  if (ZSTD_findFrameCompressedSize(rest.data(), rest.size()) != rest.size() ||
      ZSTD_getFrameContentSize(rest.data(), rest.size()) != plain_size) {
    return Corrupt("segment: the payload is not the zstd frame that the header describes");
  }
  if (context_ == nullptr) {
    context_.reset(ZSTD_createDCtx());
    HOLDFAST_CHECK(context_ != nullptr);
  }
  plain.resize(plain_size);
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), plain.data(), plain.size(), rest.data(), rest.size());
  if (ZSTD_isError(size) != 0U) {
    return Corrupt(fmt::format("segment: {}", ZSTD_getErrorName(size)));
  }
  if (size != plain_size) return Corrupt("segment: it ends before its plain length");
  return Ok();
}

}  // namespace holdfast
