#include "runtime/store/newest_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/store/epoch_table.h"
#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// More than anybody resumes a run; each may have to be asked for.
constexpr std::uint64_t kMostEpochs = 10'000;

}  // namespace

Result<NewestManifests> NewestManifests::Open(const Record& checkpoint) {
  NewestManifests opened(checkpoint.section());
  const auto lease = CurrentLease(checkpoint.tenant(), checkpoint.id());
  if (!lease && !IsDamage(lease.error())) return lease.error();
  if (!lease) return opened;
  if (!*lease) {
    opened.lost_lease_ = LeaseKey(checkpoint.id(), 1);
    return opened;
  }
  HOLDFAST_RETURN_IF_ERROR(opened.FindLostLease(checkpoint, **lease));
  if (!opened.lost_lease_.empty()) return opened;
  const auto state = checkpoint.State();
  if (!state && !IsDamage(state.error())) return state.error();
  opened.available_ = state && *state && (*state)->state == RecordState::kAvailable;
  if ((*lease)->epochs.empty()) {
    opened.latest_ = 1;
    return opened;
  }
  Status read = opened.ReadEpochs(checkpoint, (*lease)->epochs, (*lease)->token);
  if (!read && !IsDamage(read.error())) return std::move(read).error();
  if (read) opened.lost_epochs_.clear();
  return opened;
}

// The newest one by its key is the newest before a gap; and where the last ones are gone, an epoch table may still say
// that there was a later one.
Status NewestManifests::FindLostLease(const Record& checkpoint, const Lease& newest) {
  // Of a key that goes on with a number; 0: it does not.
  const auto number_in = [](std::string_view key, std::size_t prefix) {
    key.remove_prefix(prefix);
    return NumberOfPart(key.substr(0, key.find('/'))).value_or(0);
  };
  const std::string leases = LeasePrefix(checkpoint.id());
  HOLDFAST_ASSIGN_OR_RETURN(const auto listed, checkpoint.tenant().ListAll(leases));
  if (!listed.empty() && number_in(listed.back(), leases.size()) > newest.token) {
    lost_lease_ = LeaseKey(checkpoint.id(), newest.token + 1);
    return Ok();
  }
  const std::string tables = "epochs/";
  HOLDFAST_ASSIGN_OR_RETURN(const auto shards, checkpoint_.ListAll(tables));
  const std::uint64_t latest = shards.empty() ? 0 : number_in(shards.back(), tables.size());
  // Or one that was killed before its lease named it: then there is only more to look at.
  if (latest > number_in(newest.epochs, 0)) lost_lease_ = LeaseKey(checkpoint.id(), latest);
  return Ok();
}

Status NewestManifests::ReadEpochs(const Record& checkpoint, const std::string& table,
                                   std::uint64_t token) {
  std::uint64_t latest = 1;
  std::uint64_t most = token;  // there is one for each
  std::size_t shard = 0;
  for (;; ++shard) {
    lost_epochs_ = EpochShardKey(table, shard);
    HOLDFAST_ASSIGN_OR_RETURN(const auto epochs, ReadEpochShard(checkpoint_, table, shard));
    if (!epochs) break;
    for (const auto& [resource, epoch] : *epochs) {
      if (epoch > most) {
        // A copy has the epochs of its original, and tokens of its own.
        HOLDFAST_ASSIGN_OR_RETURN(const auto head, checkpoint.Head());
        if (head && head->copied) most = std::max(most, kMostEpochs);
      }
      if (epoch > most)
        return Corrupt(fmt::format("the object {} has epochs that never were", lost_epochs_));
      latest = std::max(latest, epoch);
      epochs_.insert_or_assign(resource, epoch);
    }
  }
  // One that was lost ends the table too early, if others are listed behind it.
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto keys, checkpoint_.ListAll(lost_epochs_.substr(0, lost_epochs_.rfind('/') + 1)));
  if (shard == 0 || keys.size() > shard)
    return Corrupt("the object " + lost_epochs_ + " is missing");
  latest_ = latest;
  return Ok();
}

Result<std::vector<std::uint64_t>> NewestManifests::ListedEpochs(
    const ResourceKey& resource) const {
  const std::string prefix = ResourcePrefix(resource) + "/";
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, checkpoint_.ListAll(prefix));
  std::vector<std::uint64_t> epochs;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    if (const auto epoch = EpochOfManifestKey(*key)) epochs.push_back(*epoch);
  }
  return epochs;
}

Status NewestManifests::Find(const ResourceKey& resource, std::uint64_t listed,
                             const Probe& is_there) const {
  const auto known = epochs_.find(resource);
  const std::uint64_t epoch = known == epochs_.end() ? 1 : known->second;
  if (latest_ != 0) {
    if (listed > epoch) {
      // Leases that were lost begin anew, and say less than there is.
      HOLDFAST_ASSIGN_OR_RETURN(const bool found, is_there(listed));
      if (found) return Ok();
    }
    for (std::uint64_t at = epoch; at > 0; --at) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool found, is_there(at));
      if (found) return Ok();
    }
    return Ok();
  }
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<std::uint64_t> epochs, ListedEpochs(resource));
  epochs.insert(epochs.end(), {epoch, listed, 1});
  std::sort(epochs.begin(), epochs.end(), std::greater<>());
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  std::erase(epochs, 0);
  // What follows the newest that is known may not be listed yet.
  std::uint64_t newest = epochs.front();
  for (;; ++newest) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool more,
                              checkpoint_.Exists(ManifestKey(resource, newest + 1)));
    if (!more) break;
  }
  if (newest != epochs.front()) epochs.insert(epochs.begin(), newest);
  for (const std::uint64_t at : epochs) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool found, is_there(at));
    if (found) return Ok();
  }
  return Ok();
}

Result<std::optional<ResourceManifest>> NewestManifests::Of(const ResourceKey& resource,
                                                            std::uint64_t listed) const {
  std::optional<ResourceManifest> manifest;
  std::uint64_t newest = 0;  // that was looked at
  HOLDFAST_RETURN_IF_ERROR(Find(resource, listed, [&](std::uint64_t epoch) -> Result<bool> {
    newest = std::max(newest, epoch);
    HOLDFAST_ASSIGN_OR_RETURN(manifest, ReadManifest(checkpoint_, resource, epoch));
    return manifest.has_value();
  }));
  if (available_ && manifest && manifest->epoch < newest) {
    return Corrupt(fmt::format("the object {}/{} is missing; what epoch {} says is of another time",
                               checkpoint_.prefix(), ManifestKey(resource, newest),
                               manifest->epoch));
  }
  return manifest;
}

Result<std::string> NewestManifests::KeyOf(const ResourceKey& resource) const {
  std::uint64_t newest = 0;
  std::uint64_t counts = 0;
  HOLDFAST_RETURN_IF_ERROR(Find(resource, 0, [&](std::uint64_t epoch) -> Result<bool> {
    newest = std::max(newest, epoch);
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, checkpoint_.Exists(ManifestKey(resource, epoch)));
    if (there) counts = epoch;
    return there;
  }));
  if (available_ || counts == 0) counts = std::max<std::uint64_t>(newest, 1);
  return ManifestKey(resource, counts);
}

Result<std::optional<ResourceManifest>> NewestManifest(const Record& checkpoint,
                                                       const ResourceKey& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const NewestManifests manifests, NewestManifests::Open(checkpoint));
  return manifests.Of(resource);
}

}  // namespace holdfast::runtime
