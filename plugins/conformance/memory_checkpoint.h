#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/schema.h"

namespace holdfast::plugins::conformance {

// A Checkpoint for trying out plugins, on any bank: strict about rights, without lease, claims and
// segments. What it holds is in the bank, so on a filesystem bank it survives the process: another
// object with the same ids goes on where a killed one stopped.
//
// What an activity writes is published by Commit (whoever runs the activity calls it when that has
// succeeded); Abandon drops it, as a failed or killed attempt would.
class MemoryCheckpoint : public Checkpoint {
 public:
  // A protect: the record is the checkpoint. `bank` is borrowed.
  MemoryCheckpoint(Bank& bank, const std::string& id)
      : MemoryCheckpoint(bank, Operation::kProtect, id, id) {}
  // Another operation on checkpoint `id`, with a record of its own.
  MemoryCheckpoint(Bank& bank, Operation operation, std::string id, std::string record_id);

  const std::string& id() const override { return id_; }
  const std::string& record_id() const override { return record_id_; }
  Operation operation() const override { return operation_; }
  std::uint64_t epoch() const override { return epoch_; }

  Result<std::unique_ptr<DataWriter>> CreateData(const Resource& resource,
                                                 std::string_view name) override;
  Status SaveInfo(const Resource& resource, Value info) override;
  Status SetPointInTime(const Resource& resource, WallTime time) override;
  Result<std::vector<DataInfo>> ListData(const Resource& resource) override;
  Result<std::unique_ptr<ByteSource>> OpenData(const Resource& resource,
                                               std::string_view name) override;
  Result<std::unique_ptr<ByteSource>> OpenSample(const Resource& resource, std::string_view name,
                                                 Percent share) override;
  Result<Value> SavedInfo(const Resource& resource) override;
  Result<Value> SavedInfoOfChild(const Resource& resource, const ResourceKey& child) override;
  Status DeleteData(const Resource& resource) override;
  Status Journal(const Resource& resource, const Value& entries) override;
  Result<Value> Journaled(const Resource& resource) override;
  Result<bool> AllSucceeded(const Resource& resource) override;
  Result<bool> AnyBelowBegan(const Resource& resource) override;
  Status SetNewResource(const Resource& resource, const ResourceKey& now) override;
  Result<std::optional<ResourceKey>> NewResource(const ResourceKey& old) override;
  Result<BankSection> Section(const Resource& resource) override;
  Result<BankSection> RecordSection(const Resource& resource) override;

  // --- what a test says and sees ---------------------------------------------------------------
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  void set_all_succeeded(bool value) { all_succeeded_ = value; }
  void set_any_below_began(bool value) { any_below_began_ = value; }
  // Which resources the activity is given; others are refused.
  void Give(std::set<ResourceKey> keys) { given_ = std::move(keys); }
  // The saved-info schema of the plugin at work; without one nothing may be saved.
  void set_saved_info_schema(std::optional<Schema> schema) { saved_schema_ = std::move(schema); }
  Status Commit();
  void Abandon();
  // Changes one byte of what is stored of a stream.
  Status Damage(const Resource& resource, std::string_view name);
  std::optional<WallTime> PointInTime(const Resource& resource);
  // How many objects of data are stored for the resource, published or not.
  std::size_t StoredObjects(const Resource& resource);

 private:
  class Writer;
  struct Pending {
    std::map<std::string, DataInfo> streams;
    std::optional<Value> saved;
    std::optional<WallTime> point_in_time;
  };

  Status CheckGiven(const Resource& resource) const;
  Status CheckOperation(bool protects) const;
  std::string CheckpointKey(std::string_view kind, const ResourceKey& key) const;
  std::string RecordKey(std::string_view kind, const ResourceKey& key) const;
  Result<Value> ReadJson(const std::string& key);
  Status ReplaceJson(const std::string& key, const Value& value);
  Result<std::vector<std::string>> KeysBelow(const std::string& prefix);

  Bank& bank_;
  Operation operation_;
  std::string id_;
  std::string record_id_;
  std::uint64_t epoch_ = 1;
  std::string attempt_;
  bool all_succeeded_ = true;
  bool any_below_began_ = true;
  std::optional<std::set<ResourceKey>> given_;
  std::optional<Schema> saved_schema_;
  std::set<std::string> started_;  // streams of this attempt
  std::map<ResourceKey, Pending> pending_;
};

}  // namespace holdfast::plugins::conformance
