#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::runtime {

// Which epoch each resource of a record is in (design: semantics, run, record, epoch, attempt).
// In the first run every epoch is 1 and there is no table; a resume writes one, cut like the
// bundle's shards, so that a step of a large run reads kilobytes: epochs/<table>/shard-<n>.
class EpochTable {
 public:
  // `table` is the lease's `epochs`; empty: every epoch is 1. Borrows the bundle.
  EpochTable(BankSection record, StoredBundle& bundle, std::string table)
      : record_(std::move(record)), bundle_(bundle), table_(std::move(table)) {}

  // Reads another table from now on.
  void Use(std::string table) {
    table_ = std::move(table);
    shards_.clear();
  }
  // The epoch of a resource that `step` acts on.
  Result<std::uint64_t> Of(std::string_view step, const ResourceKey& resource);

 private:
  BankSection record_;
  StoredBundle& bundle_;
  std::string table_;
  std::map<std::size_t, std::map<ResourceKey, std::uint64_t>> shards_;
};

// One shard of the table `table`: the epochs that it names; nullopt: there is no such shard.
Result<std::optional<std::map<ResourceKey, std::uint64_t>>> ReadEpochShard(
    const BankSection& record, const std::string& table, std::size_t shard);

// Writes the table `table`: the epoch of every resource (1 where it is not named).
Status WriteEpochTable(const BankSection& record, StoredBundle& bundle, const std::string& table,
                       const std::map<ResourceKey, std::uint64_t>& epochs);

}  // namespace holdfast::runtime
