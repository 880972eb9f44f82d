#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/conformance/memory_checkpoint.h"

namespace holdfast::plugins::conformance {

// Stands between a plugin and its checkpoint for one activity: counts the calls, breaks off at one
// of them, and writes down what a plugin must not do. One thread; as the plugin's streams.
class WatchedCheckpoint final : public Checkpoint {
 public:
  // `inner` is borrowed. From the `fail_from`-th call on (1 = the first; 0 = never) every one
  // fails as if the bank had gone: kUnavailable, and nothing is done.
  WatchedCheckpoint(MemoryCheckpoint& inner, std::uint64_t fail_from)
      : inner_(inner), fail_from_(fail_from) {}

  const std::string& id() const override { return inner_.id(); }
  const std::string& record_id() const override { return inner_.record_id(); }
  Operation operation() const override { return inner_.operation(); }
  std::uint64_t epoch() const override { return inner_.epoch(); }

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

  std::uint64_t calls() const { return calls_; }
  // Whether a call was broken off.
  bool broke() const { return fail_from_ != 0 && calls_ >= fail_from_; }
  // Streams that were begun and never finished.
  std::vector<std::string> UnfinishedStreams() const;
  bool created_data() const { return !streams_.empty(); }
  // One sentence for each forbidden thing, "it called SaveInfo, which was refused: ...".
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  class Writer;
  class Source;
  struct Stream {
    std::string name;
    bool finished = false;
  };

  Status Count();
  // Keeps what was refused for a reason that a right plugin never gives.
  void Judge(std::string_view call, const Error& error);
  template <class R>
  R Watch(std::string_view call, R result) {
    if (!result) Judge(call, result.error());
    return result;
  }

  MemoryCheckpoint& inner_;
  std::uint64_t fail_from_;
  std::uint64_t calls_ = 0;
  std::vector<Stream> streams_;
  std::vector<std::string> faults_;
};

}  // namespace holdfast::plugins::conformance
