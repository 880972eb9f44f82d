#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
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
class RecordingBank final : public Bank {
 public:
  // Not owned; outlives this.
  explicit RecordingBank(Bank& inner) : inner_(inner) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override;
  Status Replace(const ObjectKey& key, std::string_view value) override;
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    return inner_.Get(key, sink, offset, length);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    return inner_.List(options);
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override { return inner_.Stat(key); }
  Status Delete(const ObjectKey& key) override;
  Result<Leftovers> SweepLeftovers(const std::string& prefix, std::chrono::seconds age,
                                   bool dry_run) override {
    return inner_.SweepLeftovers(prefix, age, dry_run);
  }
  ExclusiveStrength strength() const override { return inner_.strength(); }
  std::string Describe() const override { return inner_.Describe(); }

  // What was put below `prefix`, in order, and is there still as far as this bank knows; their keys without it. What a Put that
  // failed may have stored all the same is read back.
  Result<std::vector<RawObject>> Recorded(std::string_view prefix);

 private:
  Status Note(const ObjectKey& key, Status put, std::uint64_t size, std::string sha256);

  Bank& inner_;
  std::mutex mutex_;
  std::map<std::string, RawObject> objects_;  // by their keys in the bank
  std::set<std::string> unsure_;
};

}  // namespace holdfast::runtime
