#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "runtime/store/lease.h"
#include "runtime/store/manifest.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// The manifests of a checkpoint that count: of each resource that of the newest epoch that has one. Whether one is
// there is asked by its key, and which epochs there may be is known by the lease and its epoch table: a listing may
// lag, so it only ever adds an epoch to those. Where a lease was lost they say less than there is, and a listing has
// the say. A value type over a borrowed bank; one may be used from several threads.
class NewestManifests {
 public:
  // Reads the lease of the checkpoint and its epoch table; where those are damaged or gone, less is known, and
  // that is no error. The checkpoint's bundle is not needed.
  static Result<NewestManifests> Open(const Record& checkpoint);

  // nullopt when there is none at all; kCorrupt where an available checkpoint has one of an older epoch alone, which would
  // mix two points in time. `listed`: an epoch of which a listing of the caller's shows the manifest; 0: none.
  Result<std::optional<ResourceManifest>> Of(const ResourceKey& resource,
                                             std::uint64_t listed = 0) const;
  // The key of the manifest that counts, or would if there were any.
  Result<std::string> KeyOf(const ResourceKey& resource) const;
  // What shows that the newest lease is not the newest that there was; empty: nothing does.
  const std::string& lost_lease() const { return lost_lease_; }
  // The object of the newest lease's epoch table that is missing or damaged; empty: none is, or it has no table.
  const std::string& lost_epochs() const { return lost_epochs_; }
  // No manifest is of a later epoch, whosever it is; 0: that is not known.
  std::uint64_t latest() const { return latest_; }

 private:
  using Probe = std::function<Result<bool>(std::uint64_t epoch)>;

  explicit NewestManifests(BankSection checkpoint) : checkpoint_(std::move(checkpoint)) {}
  Status FindLostLease(const Record& checkpoint, const Lease& newest);
  Status ReadEpochs(const Record& checkpoint, const std::string& table, std::uint64_t token);
  Result<std::vector<std::uint64_t>> ListedEpochs(const ResourceKey& resource) const;
  // Calls `is_there` from the newest epoch on that may have a manifest, until one has.
  Status Find(const ResourceKey& resource, std::uint64_t listed, const Probe& is_there) const;

  BankSection checkpoint_;
  std::map<ResourceKey, std::uint64_t> epochs_;  // of those in another one than the first
  std::uint64_t latest_ = 0;
  bool available_ = false;
  std::string lost_lease_;
  std::string lost_epochs_;
};

// Of one resource alone.
Result<std::optional<ResourceManifest>> NewestManifest(const Record& checkpoint,
                                                       const ResourceKey& resource);

}  // namespace holdfast::runtime
