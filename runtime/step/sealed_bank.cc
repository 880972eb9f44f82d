#include "runtime/step/sealed_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plugins/sdk/segment.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint64_t kSmallestSegment = kEncryptedHeaderSize + EncryptionKey::kTagSize;

}  // namespace

PlainObjects PlainIn(const ResourceManifest& manifest) {
  return manifest.key_id.empty() ? PlainObjects::kRead : PlainObjects::kRefuse;
}

Result<std::string> SealedBank::Seal(const ObjectKey& key, std::string_view plain) const {
  HOLDFAST_ASSIGN_OR_RETURN(const EncryptionKey* const with, keys_.Current());
  SegmentEncoder encoder(SegmentAlgorithm::kZstd, 3, with);
  HOLDFAST_ASSIGN_OR_RETURN(EncodedSegment segment, encoder.Encode(plain, key.str()));
  return std::move(segment.bytes);
}

Result<std::optional<std::uint64_t>> SealedBank::SealedSize(const ObjectKey& key) {
  StringSink head(kSmallestSegment);
  HOLDFAST_RETURN_IF_ERROR(inner_.Get(key, head, 0, kSmallestSegment));
  const auto size = PlainSizeOfEncrypted(head.Take());
  if (size || plain_ == PlainObjects::kRead) return size;
  return Corrupt(fmt::format("the object {} is not encrypted any more, and was when it was written",
                             key.str()));
}

Status SealedBank::Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) {
  if (size > kMaxSegmentSize) {
    return InvalidInput(
               fmt::format("the object {} has {} bytes; where the provider has keys at most "
                           "{} can be put at once",
                           key.str(), size, kMaxSegmentSize))
        .Hint("write it as a stream (Checkpoint::CreateData)");
  }
  std::string plain(size, '\0');
  std::size_t at = 0;
  while (at < plain.size()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::size_t got,
        source.Read(std::as_writable_bytes(std::span(plain.data() + at, plain.size() - at))));
    if (got == 0) return InvalidInput(fmt::format("the source of {} ends early", key.str()));
    at += got;
  }
  std::byte more{};
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t rest, source.Read(std::span(&more, 1)));
  if (rest != 0) return InvalidInput(fmt::format("the source of {} goes on", key.str()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stored, Seal(key, plain));
  MemorySource sealed(stored);
  return inner_.Put(key, sealed, stored.size());
}

Status SealedBank::CreateExclusive(const ObjectKey& key, std::string_view value,
                                   Settling settling) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stored, Seal(key, value));
  return inner_.CreateExclusive(key, stored, settling);
}

Status SealedBank::Replace(const ObjectKey& key, std::string_view value) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stored, Seal(key, value));
  return inner_.Replace(key, stored);
}

Status SealedBank::Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
                       std::uint64_t length) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto size, SealedSize(key));
  if (!size) return inner_.Get(key, sink, offset, length);
  StringSink all(kMaxSegmentSize + 4096);
  HOLDFAST_RETURN_IF_ERROR(inner_.Get(key, all));
  const auto plain = SegmentDecoder(&keys_).DecodeUnlisted(all.Take(), key.str());
  if (!plain) return Error(plain.error()).While(fmt::format("the object {}", key.str()));
  if (offset > plain->size()) {
    return InvalidInput(
        fmt::format("{} has {} bytes, none from {} on", key.str(), plain->size(), offset));
  }
  const std::string_view wanted = std::string_view(*plain).substr(offset, length);
  return sink.Write(AsBytes(wanted));
}

Result<ObjectInfo> SealedBank::Stat(const ObjectKey& key) {
  HOLDFAST_ASSIGN_OR_RETURN(ObjectInfo info, inner_.Stat(key));
  HOLDFAST_ASSIGN_OR_RETURN(const auto size, SealedSize(key));
  info.size = size.value_or(info.size);
  return info;
}

}  // namespace holdfast::runtime
