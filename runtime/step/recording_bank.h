#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/sha256.h"
#include "runtime/store/manifest.h"

namespace holdfast::runtime {

// A source whose bytes are hashed as they are read. Neither owned nor read ahead.
class HashedSource final : public ByteSource {
 public:
  explicit HashedSource(ByteSource& source) : source_(source) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override;
  std::uint64_t size() const { return size_; }
  std::string FinishHex() { return hash_.FinishHex(); }

 private:
  ByteSource& source_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

// A bank that remembers what is put into it: so the manifest can say which raw objects there have to be, and what they
// hold, without a listing. Thread-safe.
class RecordingBank final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override;
  Status Replace(const ObjectKey& key, std::string_view value) override;
  Status Delete(const ObjectKey& key) override;

  // What was put below `prefix`, in order, and is there still as far as this bank knows; their keys without it. What a Put that
  // failed may have stored all the same is read back.
  Result<std::vector<RawObject>> Recorded(std::string_view prefix);

 private:
  Status Note(const ObjectKey& key, Status put, std::uint64_t size, std::string sha256);

  std::mutex mutex_;
  std::map<std::string, RawObject> objects_;  // by their keys in the bank
  std::set<std::string> unsure_;
};

}  // namespace holdfast::runtime
