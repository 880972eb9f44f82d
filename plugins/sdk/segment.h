#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/encryption_key.h"
#include "plugins/sdk/key_file.h"
#include "plugins/sdk/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace holdfast {

// A segment is a piece of a stream as it lies in a bank: a header and a payload, whole in memory.
//
//   segment       = magic version algorithm key-length key-id plain-length nonce payload
//   magic         = 89 48 46 53 45 47 0D 0A      ; "\x89HFSEG\r\n": not text, and a transfer that
//                                                ; changes line ends is seen
//   version       = u16                          ; of this format: 1 plain, 2 encrypted
//   algorithm     = u8                           ; 0 none, 1 zstd (one frame)
//   key-length    = u8                           ; bytes of key-id: version 1: 0; version 2: 8
//   key-id        = key-length bytes             ; of the key that encrypts the payload
//   plain-length  = u64                          ; bytes before compression, at most 64 MiB
//   nonce         = 24 bytes                     ; version 2 only
//   payload       = the rest                     ; none: exactly plain-length bytes; version 2: what would
//                                                ; be that, encrypted, and 16 bytes of its tag
//
// Numbers are little-endian. Another version or algorithm is refused (kInvalidInput: a newer build wrote
// it), not guessed. Later builds read what this one writes: tests/fixtures has a segment of every version.
//
// What keeps the bytes what they were:
//   version 1     no checksum is inside: the manifest lists length and SHA-256 of each segment, stored and
//                 plain (SegmentInfo), and with it every flipped bit is kCorrupt. Against chance, not against
//                 somebody who can write segments and manifest.
//   version 2     besides, compressed and then encrypted with XChaCha20-Poly1305: the tag covers the
//                 payload, the whole header, and the place, a text that is not stored: the whole key of
//                 the object in its bank. So another segment, also of the same stream, does not open in
//                 its place, whatever a manifest says, without the key nobody makes one that opens, and
//                 every changed bit is kCorrupt. That the number of segments is right is what the stream's
//                 SHA-256 says, which is encrypted, too (data_stream.h). The manifest lists no SHA-256 of
//                 plain bytes: with it one could tell whether they are those that one guesses.
inline constexpr std::uint16_t kSegmentVersion = 1;
inline constexpr std::uint16_t kEncryptedSegmentVersion = 2;
// The bytes that a header without key takes.
inline constexpr std::size_t kSegmentHeaderSize = 20;
inline constexpr std::uint64_t kMaxSegmentSize = std::uint64_t{64} << 20U;
inline constexpr std::uint64_t kDefaultSegmentSize = std::uint64_t{8} << 20U;

enum class SegmentAlgorithm : std::uint8_t { kNone = 0, kZstd = 1 };

// What a manifest says about one segment. Hashes are SHA-256 in lower-case hex.
struct SegmentInfo {
  std::uint64_t plain_size = 0;
  std::string plain_sha256;  // of an encrypted one empty
  std::uint64_t stored_size = 0;
  std::string stored_sha256;
  std::string key_id = {};  // of the key that encrypts it; empty: none does
  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

struct EncodedSegment {
  std::string bytes;
  SegmentInfo info;
};

// How the nonce of an encrypted segment is made.
enum class SegmentNonce {
  kRandom,
  // From what is encrypted and its place: equal bytes in the same place are stored as equal bytes, so
  // that who writes them again, as an attempt that comes again does, finds its own (PutSame).
  kOfContents,
};

// Makes segments. Keeps what the compressor needs between two of them: one encoder per thread.
class SegmentEncoder {
 public:
  // `level` is zstd's, 1 to 19; it means nothing for kNone. With a `key` (not owned; outlives this) every
  // segment is encrypted.
  explicit SegmentEncoder(SegmentAlgorithm algorithm = SegmentAlgorithm::kZstd, int level = 3,
                          const EncryptionKey* key = nullptr,
                          SegmentNonce nonce = SegmentNonce::kRandom);
  SegmentEncoder(SegmentEncoder&&) noexcept;
  SegmentEncoder& operator=(SegmentEncoder&&) noexcept;
  ~SegmentEncoder();

  // kInvalidInput when `plain` is larger than kMaxSegmentSize. What does not get smaller is stored
  // with algorithm none. An encrypted one opens in `place` only.
  Result<EncodedSegment> Encode(std::string_view plain, std::string_view place = {});
  // The same into `segment`, whose memory is used again: what a stream of many segments needs to
  // stay within its buffers. It is encrypted there, too. After an error it holds nothing of use.
  Status EncodeInto(std::string_view plain, std::string_view place, EncodedSegment& segment);
  // Of kNone without key: makes a segment of plain bytes where they lie, behind kSegmentHeaderSize bytes of room for the header.
  // So nothing is copied. Errors as Encode.
  Result<SegmentInfo> EncodeHere(std::string& room_and_plain);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  // Appends the nonce to the header and encrypts what follows.
  void Encrypt(std::string_view place, std::string& bytes) const;

  SegmentAlgorithm algorithm_;
  int level_;
  const EncryptionKey* key_;  // Not owned; may be nullptr.
  SegmentNonce nonce_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

// Reads segments. One decoder per thread.
class SegmentDecoder {
 public:
  // `keys` (not owned; outlives this): what opens encrypted segments; nullptr: there are none. The error of
  // a key that is missing is kDenied and names its id.
  explicit SegmentDecoder(const KeyRing* keys = nullptr);
  SegmentDecoder(SegmentDecoder&&) noexcept;
  SegmentDecoder& operator=(SegmentDecoder&&) noexcept;
  ~SegmentDecoder();

  // The plain bytes. Everything is checked against `info`, the stored bytes before anything else
  // looks at them: kCorrupt instead of wrong bytes. So is a segment that is not encrypted with
  // the key that `info` names, or for another `place`.
  Result<std::string> Decode(std::string_view stored, const SegmentInfo& info,
                             std::string_view place = {});
  // The same into `plain`, whose memory is used again. `stored` is decrypted where it is, and afterwards
  // no segment any more. After an error `plain` holds nothing of use.
  Status DecodeInto(std::string& stored, const SegmentInfo& info, std::string_view place,
                    std::string& plain);
  // The plain bytes of a segment of which no manifest is left. Header and compression are checked, but flipped
  // bits of one that is not encrypted may stay unseen: for rescue, and for what has a checksum around it.
  Result<std::string> DecodeUnlisted(std::string_view stored, std::string_view place = {});

 private:
  Status DecodeUnlistedInto(std::string& stored, std::string_view place, std::string& plain);
  Status Decompress(std::string_view payload, std::uint64_t plain_size, std::string& plain);

  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  const KeyRing* keys_;  // Not owned; may be nullptr.
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

// The plain length of an encrypted segment, by its header; nullopt for what is none. `stored`: at least its first
// kEncryptedHeaderSize + EncryptionKey::kTagSize bytes, which every one has.
std::optional<std::uint64_t> PlainSizeOfEncrypted(std::string_view stored);

// The bytes that the header of an encrypted one takes, with key id and nonce; its tag is 16 bytes more, at the end.
inline constexpr std::size_t kEncryptedHeaderSize = 52;

}  // namespace holdfast
