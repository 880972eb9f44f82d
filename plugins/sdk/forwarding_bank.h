#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/bank.h"

namespace holdfast {

// A bank that is another one in all that a subclass does not say otherwise. PutUnique is the subclass's own Put, and a
// bank behind one holds to no MD5 that was made of other bytes (holds_to_md5), as the defaults of Bank have it. As thread-safe as
// the other one.
class ForwardingBank : public Bank {
 public:
  // Not owned; outlives this.
  explicit ForwardingBank(Bank& inner) : inner_(inner) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return inner_.Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    return inner_.CreateExclusive(key, value, settling);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    return inner_.Replace(key, value);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    return inner_.Get(key, sink, offset, length);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    return inner_.List(options);
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override { return inner_.Stat(key); }
  Status Delete(const ObjectKey& key) override { return inner_.Delete(key); }
  Result<Leftovers> SweepLeftovers(const std::string& prefix, std::chrono::seconds age,
                                   bool dry_run) override {
    return inner_.SweepLeftovers(prefix, age, dry_run);
  }
  ExclusiveStrength strength() const override { return inner_.strength(); }
  std::string Describe() const override { return inner_.Describe(); }
  std::string Place() const override { return inner_.Place(); }

 protected:
  Bank& inner_;
};

}  // namespace holdfast
