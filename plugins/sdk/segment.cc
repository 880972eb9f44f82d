#include "plugins/sdk/segment.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/sha256_pair.h"

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

std::string BytesOfKeyId(std::string_view id) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < id.size(); i += 2) {
    const auto digit = [&id](std::size_t at) {
      return id[at] <= '9' ? id[at] - '0' : id[at] - 'a' + 10;
    };
    bytes += static_cast<char>(16 * digit(i) + digit(i + 1));
  }
  return bytes;
}

// Starts `out` anew with a header, up to the nonce; keeps its memory.
void StartWithHeader(std::string& out, SegmentAlgorithm algorithm, const EncryptionKey* key,
                     std::uint64_t plain_size) {
  out.assign(kMagic);
  AppendNumber(out, key == nullptr ? kSegmentVersion : kEncryptedSegmentVersion, 2);
  AppendNumber(out, static_cast<std::uint64_t>(algorithm), 1);
  AppendNumber(out, key == nullptr ? 0 : EncryptionKey::kIdSize, 1);
  if (key != nullptr) out += BytesOfKeyId(key->id());
  AppendNumber(out, plain_size, 8);
  // Filled in once it is known what it may follow from.
  if (key != nullptr) out.append(EncryptionKey::kNonceSize, '\0');
}

// What a segment's tag covers besides the payload. No two pairs are the same: a header has one length.
std::string BoundTo(std::string_view header, std::string_view place) {
  std::string bound(header);
  bound += place;
  return bound;
}

struct Header {
  std::uint64_t version = 0;
  std::uint64_t algorithm = 0;
  std::string key_id;  // hex
  std::uint64_t plain_size = 0;
  std::size_t size = 0;
};

Error Newer(std::string what) {
  return InvalidInput("segment: " + std::move(what))
      .Hint("a newer build wrote it: read it with that one");
}

Result<Header> ParseHeader(std::string_view stored) {
  if (stored.size() < kSegmentHeaderSize) {
    return Corrupt(fmt::format("segment: {} bytes are too few for a header", stored.size()));
  }
  std::string_view rest = stored;
  Header header;
  if (TakeBytes(rest, kMagic.size()) != kMagic) return Corrupt("segment: no magic at its start");
  header.version = TakeNumber(rest, 2);
  if (header.version != kSegmentVersion && header.version != kEncryptedSegmentVersion) {
    return Newer(fmt::format("format version {}; this build reads {} and {}", header.version,
                             kSegmentVersion, kEncryptedSegmentVersion));
  }
  header.algorithm = TakeNumber(rest, 1);
  const auto key_length = TakeNumber(rest, 1);
  if (key_length > kMaxKeyId) return Corrupt("segment: a key id that is too long");
  header.size = kSegmentHeaderSize;
  if (header.version == kSegmentVersion) {
    if (key_length != 0) return Newer("encrypted in another way");
  } else {
    if (key_length != EncryptionKey::kIdSize)
      return Corrupt(fmt::format("segment: a key id of {} bytes", key_length));
    header.size = kEncryptedHeaderSize;
    if (stored.size() < header.size + EncryptionKey::kTagSize) {
      return Corrupt(
          fmt::format("segment: {} bytes are too few for an encrypted one", stored.size()));
    }
    const std::string_view id = TakeBytes(rest, key_length);
    header.key_id = Hex(std::as_bytes(std::span(id.data(), id.size())));
  }
  header.plain_size = TakeNumber(rest, 8);
  if (header.plain_size > kMaxSegmentSize) {
    return Corrupt(fmt::format("segment: a plain length of {} bytes", header.plain_size));
  }
  return header;
}

Status CheckPlainSize(std::string_view plain) {
  if (plain.size() <= kMaxSegmentSize) return Ok();
  return InvalidInput(
      fmt::format("a segment holds at most {} bytes, not {}", kMaxSegmentSize, plain.size()));
}

// The payload of a segment that is neither compressed nor encrypted, which is its plain bytes. Of bytes that are not checked yet:
// nullopt also where nothing is right.
std::optional<std::string_view> StoredAsItIs(std::string_view stored) {
  const auto header = ParseHeader(stored);
  if (!header || header->version != kSegmentVersion ||
      header->algorithm != static_cast<std::uint64_t>(SegmentAlgorithm::kNone)) {
    return std::nullopt;
  }
  return stored.substr(header->size);
}

// kCorrupt unless the header names this key; empty: none.
Status CheckKeyId(std::string_view stored, std::string_view wanted) {
  HOLDFAST_ASSIGN_OR_RETURN(const Header header, ParseHeader(stored));
  if (std::string_view(header.key_id) == wanted) return Ok();
  const auto name = [](std::string_view id) {
    return id.empty() ? std::string("no key") : "key " + std::string(id);
  };
  return Corrupt(fmt::format("segment: it is encrypted with {}, the manifest says {}",
                             name(header.key_id), name(wanted)));
}

}  // namespace

SegmentEncoder::SegmentEncoder(SegmentAlgorithm algorithm, int level, const EncryptionKey* key,
                               SegmentNonce nonce)
    : algorithm_(algorithm), level_(level), key_(key), nonce_(nonce) {
  if (algorithm_ != SegmentAlgorithm::kZstd) return;
  context_.reset(ZSTD_createCCtx());
  HOLDFAST_CHECK(context_ != nullptr);
}
SegmentEncoder::SegmentEncoder(SegmentEncoder&&) noexcept = default;
SegmentEncoder& SegmentEncoder::operator=(SegmentEncoder&&) noexcept = default;
SegmentEncoder::~SegmentEncoder() = default;

void SegmentEncoder::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

Result<EncodedSegment> SegmentEncoder::Encode(std::string_view plain, std::string_view place) {
  EncodedSegment segment;
  HOLDFAST_RETURN_IF_ERROR(EncodeInto(plain, place, segment));
  return segment;
}

Status SegmentEncoder::EncodeInto(std::string_view plain, std::string_view place,
                                  EncodedSegment& segment) {
  HOLDFAST_RETURN_IF_ERROR(CheckPlainSize(plain));
  const std::size_t tag = key_ == nullptr ? 0 : EncryptionKey::kTagSize;
  bool compressed = false;
  if (algorithm_ == SegmentAlgorithm::kZstd && !plain.empty()) {
    StartWithHeader(segment.bytes, SegmentAlgorithm::kZstd, key_, plain.size());
    const std::size_t header = segment.bytes.size();
    const std::size_t bound = ZSTD_compressBound(plain.size());
    segment.bytes.reserve(header + bound + tag);
    segment.bytes.resize(header + bound);
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
    StartWithHeader(segment.bytes, SegmentAlgorithm::kNone, key_, plain.size());
    segment.bytes.reserve(segment.bytes.size() + plain.size() + tag);
    segment.bytes.append(plain);
  }
  segment.info = SegmentInfo();
  segment.info.plain_size = plain.size();
  if (key_ == nullptr) {
    std::tie(segment.info.plain_sha256, segment.info.stored_sha256) =
        Sha256HexOfBoth(plain, segment.bytes);
  } else {
    Encrypt(place, segment.bytes);
    segment.info.key_id = key_->id();
    segment.info.stored_sha256 = Sha256Hex(segment.bytes);
  }
  segment.info.stored_size = segment.bytes.size();
  return Ok();
}

Result<SegmentInfo> SegmentEncoder::EncodeHere(std::string& room_and_plain) {
  HOLDFAST_CHECK(algorithm_ == SegmentAlgorithm::kNone && key_ == nullptr);
  HOLDFAST_CHECK(room_and_plain.size() >= kSegmentHeaderSize);
  const std::string_view plain = std::string_view(room_and_plain).substr(kSegmentHeaderSize);
  HOLDFAST_RETURN_IF_ERROR(CheckPlainSize(plain));
  std::string header;
  StartWithHeader(header, SegmentAlgorithm::kNone, nullptr, plain.size());
  HOLDFAST_CHECK(header.size() == kSegmentHeaderSize);
  std::copy(header.begin(), header.end(), room_and_plain.begin());
  SegmentInfo info;
  info.plain_size = plain.size();
  info.stored_size = room_and_plain.size();
  std::tie(info.plain_sha256, info.stored_sha256) = Sha256HexOfBoth(plain, room_and_plain);
  return info;
}

void SegmentEncoder::Encrypt(std::string_view place, std::string& bytes) const {
  constexpr std::size_t kNonceAt = kEncryptedHeaderSize - EncryptionKey::kNonceSize;
  const std::string_view all = bytes;
  const EncryptionKey::Nonce nonce = nonce_ == SegmentNonce::kRandom
                                         ? EncryptionKey::RandomNonce()
                                         : key_->NonceOf(all.substr(kEncryptedHeaderSize),
                                                         BoundTo(all.substr(0, kNonceAt), place));
  std::copy(nonce.begin(), nonce.end(), bytes.begin() + kNonceAt);
  const std::string bound = BoundTo(all.substr(0, kEncryptedHeaderSize), place);
  key_->Seal(bytes, kEncryptedHeaderSize, nonce, bound);
}

SegmentDecoder::SegmentDecoder(const KeyRing* keys) : keys_(keys) {}
SegmentDecoder::SegmentDecoder(SegmentDecoder&&) noexcept = default;
SegmentDecoder& SegmentDecoder::operator=(SegmentDecoder&&) noexcept = default;
SegmentDecoder::~SegmentDecoder() = default;

void SegmentDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Result<std::string> SegmentDecoder::Decode(std::string_view stored, const SegmentInfo& info,
                                           std::string_view place) {
  std::string copy(stored);
  std::string plain;
  HOLDFAST_RETURN_IF_ERROR(DecodeInto(copy, info, place, plain));
  return plain;
}

Status SegmentDecoder::DecodeInto(std::string& stored, const SegmentInfo& info,
                                  std::string_view place, std::string& plain) {
  if (stored.size() != info.stored_size) {
    return Corrupt(fmt::format("segment: {} bytes are stored, the manifest says {}", stored.size(),
                               info.stored_size));
  }
  // Of what is stored as it is, the plain bytes are there already: both are hashed in one go.
  std::string stored_sha256;
  std::string plain_sha256;
  if (const auto payload = StoredAsItIs(stored))
    std::tie(stored_sha256, plain_sha256) = Sha256HexOfBoth(stored, *payload);
  else
    stored_sha256 = Sha256Hex(stored);
  if (stored_sha256 != info.stored_sha256) {
    return Corrupt("segment: the stored bytes are not those that were written (SHA-256)");
  }
  // Before a key is asked for, so that the manifest decides whether one is needed, and which.
  HOLDFAST_RETURN_IF_ERROR(CheckKeyId(stored, info.key_id));
  HOLDFAST_RETURN_IF_ERROR(DecodeUnlistedInto(stored, place, plain));
  if (info.key_id.empty() && plain_sha256.empty()) plain_sha256 = Sha256Hex(plain);
  if (plain.size() != info.plain_size ||
      (info.key_id.empty() && plain_sha256 != info.plain_sha256)) {
    return Corrupt("segment: the plain bytes are not those that the manifest lists (SHA-256)");
  }
  return Ok();
}

Result<std::string> SegmentDecoder::DecodeUnlisted(std::string_view stored,
                                                   std::string_view place) {
  std::string copy(stored);
  std::string plain;
  HOLDFAST_RETURN_IF_ERROR(DecodeUnlistedInto(copy, place, plain));
  return plain;
}

Status SegmentDecoder::DecodeUnlistedInto(std::string& stored, std::string_view place,
                                          std::string& plain) {
  HOLDFAST_ASSIGN_OR_RETURN(const Header header, ParseHeader(stored));
  std::string_view payload = std::string_view(stored).substr(header.size);
  if (!header.key_id.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const EncryptionKey* const key, FindKey(keys_, header.key_id));
    EncryptionKey::Nonce nonce{};
    std::copy_n(stored.begin() + kEncryptedHeaderSize - EncryptionKey::kNonceSize, nonce.size(),
                nonce.begin());
    const std::string bound = BoundTo(std::string_view(stored).substr(0, header.size), place);
    if (!key->Open(stored.data() + header.size, payload.size(), nonce, bound)) {
      return Corrupt(
          fmt::format("segment: it does not open with key {}: it is not what was "
                      "written, or not in the place that it was written to",
                      header.key_id));
    }
    payload.remove_suffix(EncryptionKey::kTagSize);
  }
  if (header.algorithm == static_cast<std::uint64_t>(SegmentAlgorithm::kNone)) {
    if (payload.size() != header.plain_size) {
      return Corrupt(fmt::format("segment: {} bytes of payload instead of {}", payload.size(),
                                 header.plain_size));
    }
    plain.assign(payload);
    return Ok();
  }
  if (header.algorithm != static_cast<std::uint64_t>(SegmentAlgorithm::kZstd)) {
    return Newer(fmt::format("algorithm {}", header.algorithm));
  }
  return Decompress(payload, header.plain_size, plain);
}

Status SegmentDecoder::Decompress(std::string_view payload, std::uint64_t plain_size,
                                  std::string& plain) {
  // Exactly one frame that says itself how long it is: nothing may hide behind or between.
  if (ZSTD_findFrameCompressedSize(payload.data(), payload.size()) != payload.size() ||
      ZSTD_getFrameContentSize(payload.data(), payload.size()) != plain_size) {
    return Corrupt("segment: the payload is not the zstd frame that the header describes");
  }
  if (context_ == nullptr) {
    context_.reset(ZSTD_createDCtx());
    HOLDFAST_CHECK(context_ != nullptr);
  }
  plain.resize(plain_size);
  const std::size_t size = ZSTD_decompressDCtx(context_.get(), plain.data(), plain.size(),
                                               payload.data(), payload.size());
  if (ZSTD_isError(size) != 0U) {
    return Corrupt(fmt::format("segment: {}", ZSTD_getErrorName(size)));
  }
  if (size != plain_size) return Corrupt("segment: it ends before its plain length");
  return Ok();
}

std::optional<std::uint64_t> PlainSizeOfEncrypted(std::string_view stored) {
  const auto header = ParseHeader(stored);
  if (!header || header->key_id.empty()) return std::nullopt;
  return header->plain_size;
}

}  // namespace holdfast
