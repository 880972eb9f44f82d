#pragma once

#include <map>
#include <mutex>
#include <string>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/clock.h"

namespace holdfast {

// A bank in the memory of this process, for tests and rehearsals: as strict as any real one, and
// nothing of it survives the process. Thread-safe.
class MemoryBank final : public Bank {
 public:
  // `clock` says when an object was written; it outlives the bank.
  explicit MemoryBank(const Clock& clock = SystemClock()) : clock_(clock) {}
  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override;
  Status Replace(const ObjectKey& key, std::string_view value) override;
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset = 0,
             std::uint64_t length = kWhole) override;
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override;
  Result<ObjectInfo> Stat(const ObjectKey& key) override;
  Status Delete(const ObjectKey& key) override;
  ExclusiveStrength strength() const override { return ExclusiveStrength::kAtomic; }
  std::string Describe() const override { return "memory bank"; }

 private:
  struct Object {
    std::string bytes;
    WallTime written;
  };
  // The two below need mutex_ to be held.
  Status RefuseContinuation(const ObjectKey& key) const;
  Status Create(const ObjectKey& key, std::string bytes);

  const Clock& clock_;  // not owned; outlives this
  std::mutex mutex_;
  std::map<ObjectKey, Object> objects_;  // guarded by mutex_
};

}  // namespace holdfast
