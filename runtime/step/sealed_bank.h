#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/key_file.h"
#include "runtime/store/manifest.h"

namespace holdfast::runtime {

// Objects that are not encrypted are read as they are where they may be of before the provider had keys, and are kCorrupt
// where all were written with one: a flipped bit of what says that it is encrypted makes no data of it.
enum class PlainObjects { kRead, kRefuse };
// Of the raw objects of a manifest: without a key all were written plain, with one none was.
PlainObjects PlainIn(const ResourceManifest& manifest);

// A bank as plugins see it that put raw objects of their own there (Checkpoint::Section, RecordSection), where the
// provider has keys: each object is one encrypted segment (segment.h), bound to its key in the bank. An object is in memory as a whole, so at most 64 MiB
// of plain bytes (kInvalidInput). Sizes in a listing are those of what is stored; Stat says the plain one.
class SealedBank final : public ForwardingBank {
 public:
  // Neither is owned; both outlive this.
  SealedBank(Bank& inner, const KeyRing& keys, PlainObjects plain)
      : ForwardingBank(inner), keys_(keys), plain_(plain) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override;
  Status Replace(const ObjectKey& key, std::string_view value) override;
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override;
  Result<ObjectInfo> Stat(const ObjectKey& key) override;

 private:
  Result<std::string> Seal(const ObjectKey& key, std::string_view plain) const;
  // The plain size of one that is encrypted; nullopt: it is not, and may be read all the same.
  Result<std::optional<std::uint64_t>> SealedSize(const ObjectKey& key);

  const KeyRing& keys_;
  const PlainObjects plain_;
};

}  // namespace holdfast::runtime
