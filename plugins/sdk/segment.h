#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace holdfast {

// A segment is a piece of a stream as it lies in a bank: a header and a payload, whole in memory.
//
//   segment       = magic version algorithm key-length key-id plain-length payload
//   magic         = 89 48 46 53 45 47 0D 0A      ; "\x89HFSEG\r\n": not text, and a transfer that
//                                                ; changes line ends is seen
//   version       = u16                          ; of this format: 1
//   algorithm     = u8                           ; 0 none, 1 zstd (one frame)
//   key-length    = u8                           ; bytes of key-id, at most 64
//   key-id        = key-length bytes             ; of the key that encrypts the payload; none = plain
//   plain-length  = u64                          ; bytes before compression, at most 64 MiB
//   payload       = the rest                     ; none: exactly plain-length bytes
//
// Numbers are little-endian. There is no checksum inside: the manifest lists length and SHA-256 of
// each segment, stored and plain (SegmentInfo), and with it every flipped bit is kCorrupt. Another
// version, algorithm or a key is refused (kInvalidInput: a newer build wrote it), not guessed.
// Later builds read what this one writes: tests/fixtures has a segment of every version.
inline constexpr std::uint16_t kSegmentVersion = 1;
inline constexpr std::uint64_t kMaxSegmentSize = std::uint64_t{64} << 20U;
inline constexpr std::uint64_t kDefaultSegmentSize = std::uint64_t{8} << 20U;

enum class SegmentAlgorithm : std::uint8_t { kNone = 0, kZstd = 1 };

// What a manifest says about one segment. Hashes are SHA-256 in lower-case hex.
struct SegmentInfo {
  std::uint64_t plain_size = 0;
  std::string plain_sha256;
  std::uint64_t stored_size = 0;
  std::string stored_sha256;
  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

struct EncodedSegment {
  std::string bytes;
  SegmentInfo info;
};

// Makes segments. Keeps what the compressor needs between two of them: one encoder per thread.
class SegmentEncoder {
 public:
  // `level` is zstd's, 1 to 19; it means nothing for kNone.
  explicit SegmentEncoder(SegmentAlgorithm algorithm = SegmentAlgorithm::kZstd, int level = 3);
  SegmentEncoder(SegmentEncoder&&) noexcept;
  SegmentEncoder& operator=(SegmentEncoder&&) noexcept;
  ~SegmentEncoder();

  // kInvalidInput when `plain` is larger than kMaxSegmentSize. What does not get smaller is stored
  // with algorithm none.
  Result<EncodedSegment> Encode(std::string_view plain);
  // The same into `segment`, whose memory is used again: what a stream of many segments needs to
  // stay within its buffers. After an error it holds nothing of use.
  Status EncodeInto(std::string_view plain, EncodedSegment& segment);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  SegmentAlgorithm algorithm_;
  int level_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

// Reads segments. One decoder per thread.
class SegmentDecoder {
 public:
  SegmentDecoder();
  SegmentDecoder(SegmentDecoder&&) noexcept;
  SegmentDecoder& operator=(SegmentDecoder&&) noexcept;
  ~SegmentDecoder();

  // The plain bytes. Everything is checked against `info`, the stored bytes before anything else
  // looks at them: kCorrupt instead of wrong bytes.
  Result<std::string> Decode(std::string_view stored, const SegmentInfo& info);
  // The same into `plain`, whose memory is used again. After an error it holds nothing of use.
  Status DecodeInto(std::string_view stored, const SegmentInfo& info, std::string& plain);
  // The plain bytes of a segment of which no manifest is left: header and compression are checked,
  // but flipped bits may stay unseen. For rescue only.
  Result<std::string> DecodeUnlisted(std::string_view stored);

 private:
  Status DecodeUnlistedInto(std::string_view stored, std::string& plain);

  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

// The bytes that a header without key takes.
inline constexpr std::size_t kSegmentHeaderSize = 20;

}  // namespace holdfast
