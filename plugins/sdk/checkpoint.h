#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/schema.h"

namespace holdfast {

// One named stream of a resource's data in a checkpoint.
struct DataInfo {
  std::string name;
  std::uint64_t size = 0;  // plain bytes
  std::string
      sha256;  // hex, of the plain bytes; in delete empty where it is encrypted and its key is not there
};

// Writes one stream: cut into segments, compressed, where the provider has keys encrypted, checked. Without Finish nothing counts.
class DataWriter : public ByteSink {
 public:
  // Waits until every segment is durable. Afterwards the stream is part of this attempt.
  virtual Result<DataInfo> Finish() = 0;
};

// A checkpoint as a plugin sees it during one activity: the section of its own resource, a
// writable one in the record of the run, and nothing of others but what is named here. Methods
// that take a resource refuse (kDenied) one that is not given to this activity.
// Where the provider has keys everything that a plugin hands over is encrypted in the bank: data, saved info,
// journal entries, raw objects, the texts of its errors and warnings; names of streams, and of the raw objects, are not.
// Not thread-safe, but a DataWriter or source may be used on another thread.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  virtual const std::string& id() const = 0;         // of the checkpoint
  virtual const std::string& record_id() const = 0;  // of what this run works on; protect: the same
  virtual Operation operation() const = 0;
  virtual std::uint64_t epoch() const = 0;

  // --- protect: data and saved info -------------------------------------------------------------
  // Starts the stream `name` ([a-z0-9-]{1,64}); the data of a resource is written by its pre,
  // pre_finish or parallel (by post only where it has none of these), each stream once.
  virtual Result<std::unique_ptr<DataWriter>> CreateData(const Resource& resource,
                                                         std::string_view name) = 0;
  // What the plugin wants to know again at restore: checked against its saved-info schema. A
  // later call replaces an earlier one.
  virtual Status SaveInfo(const Resource& resource, Value info) = 0;
  // The moment that the data of this resource is of; shown to users. Default: when parallel began.
  virtual Status SetPointInTime(const Resource& resource, WallTime time) = 0;

  // --- restore, delete, verify: read back -------------------------------------------------------
  virtual Result<std::vector<DataInfo>> ListData(const Resource& resource) = 0;
  // Reads a stream; every byte is checked: kCorrupt instead of wrong bytes.
  virtual Result<std::unique_ptr<ByteSource>> OpenData(const Resource& resource,
                                                       std::string_view name) = 0;
  // verify: like OpenData, but only a share of the stream's segments: their bytes one after the
  // other, at least one segment of a stream that has any. Which ones depends on the record, the
  // resource and the stream alone: an attempt that comes again reads the same, another verify
  // others. What was opened so is on record as a sample.
  virtual Result<std::unique_ptr<ByteSource>> OpenSample(const Resource& resource,
                                                         std::string_view name, Percent share) = 0;
  // Checked against the plugin's schema before it is handed out.
  virtual Result<Value> SavedInfo(const Resource& resource) = 0;
  virtual Result<Value> SavedInfoOfChild(const Resource& resource, const ResourceKey& child) = 0;
  // delete: removes the resource's data from the bank (all attempts). Again: success.
  virtual Status DeleteData(const Resource& resource) = 0;

  // --- journal: what must survive a crash between two steps or polls ----------------------------
  // Adds `entries` (a map) to what is journaled for this resource in this record and epoch,
  // durable when it returns: an intent before something is started that outlives the process, its
  // id after. Later activities of the resource, in other processes, and clean-ups read it.
  virtual Status Journal(const Resource& resource, const Value& entries) = 0;
  // Everything journaled so far for this resource in this epoch, later entries over earlier ones;
  // an empty map when there is nothing.
  virtual Result<Value> Journaled(const Resource& resource) = 0;
  // For post and pre_finish: did every activity that they come after succeed?
  virtual Result<bool> AllSucceeded(const Resource& resource) = 0;
  // For post: did an activity of a resource below this one begin, in any epoch of the record? If
  // not, nothing below it was touched.
  virtual Result<bool> AnyBelowBegan(const Resource& resource) = 0;

  // --- restore: what became of a resource -------------------------------------------------------
  // Every restore plugin says it, also when the id stays the same.
  virtual Status SetNewResource(const Resource& resource, const ResourceKey& now) = 0;
  // Of any resource of the record; nullopt while it has not been restored.
  virtual Result<std::optional<ResourceKey>> NewResource(const ResourceKey& old) = 0;

  // --- raw objects, where a stream does not fit -------------------------------------------------
  // Where the provider has keys an object is at most 64 MiB, and sizes in listings are those of what is stored.
  // Sections live as long as this checkpoint.
  // The resource's own section of the checkpoint: writable in protect, read-only in restore and
  // verify, deletable in delete. Below the attempt in protect.
  virtual Result<BankSection> Section(const Resource& resource) = 0;
  // A writable section of the resource in the record of this run.
  virtual Result<BankSection> RecordSection(const Resource& resource) = 0;
};

}  // namespace holdfast
