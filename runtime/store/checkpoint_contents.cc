#include "runtime/store/checkpoint_contents.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>
#include <vector>

#include "plugins/sdk/key_file.h"
#include "plugins/sdk/text.h"
#include "runtime/data/each.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/record.h"
#include "runtime/store/stat_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

class Contents {
 public:
  Contents(const BankSection& tenant, const Record& checkpoint)
      : tenant_(tenant), checkpoint_(checkpoint) {}

  // kCorrupt or kNotFound: the first thing that is not there.
  Status Check(unsigned parallel) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, checkpoint_.Head());
    if (!head) return NoHead(checkpoint_);
    HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle, StoredBundle::Open(tenant_, head->bundle));
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle.AllResources());
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint_));
    std::vector<ResourceKey> keys;
    for (const auto& [key, resource] : resources) {
      if (resource->HasSteps()) keys.push_back(key);
    }
    return ForEach(keys.size(), parallel, [&](std::size_t i) -> Status {
      Status there = CheckOne(manifests, keys[i]);
      if (there) return there;
      return std::move(there).error().While(Printable(keys[i].str()));
    });
  }

  const std::string& missing_key() const { return missing_key_; }

 private:
  Status CheckOne(const NewestManifests& manifests, const ResourceKey& resource) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, manifests.Of(resource));
    if (manifest) {
      FindKeys(*manifest);
      return StatManifest(checkpoint_.section(), *manifest);
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::string key, manifests.KeyOf(resource));
    return Corrupt(fmt::format("the object {}/{} is missing", checkpoint_.section().prefix(), key));
  }

  void FindKeys(const ResourceManifest& manifest) {
    for (const std::string& id : manifest.KeyIds()) {
      const auto key = FindKey(tenant_.keys(), id);
      if (key) continue;
      const std::lock_guard lock(mutex_);
      missing_key_ =
          fmt::format("{}: {}", Printable(manifest.resource.str()), key.error().OneLine());
    }
  }

  const BankSection& tenant_;
  const Record& checkpoint_;
  std::mutex mutex_;
  std::string missing_key_;
};

}  // namespace

Result<std::string> CheckContents(const BankSection& tenant, RecordSummary& summary,
                                  unsigned parallel) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint,
                            Record::Open(tenant, RecordKind::kCheckpoint, summary.id));
  Contents contents(tenant, checkpoint);
  const Status there = contents.Check(parallel);
  if (there) return contents.missing_key();
  const Error& error = there.error();
  if (!IsDamage(error) && error.code() != ErrorCode::kNotFound) return error;
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  const RecordState now = states.empty() ? RecordState::kDeleted : states.back().state;
  if (now == summary.state)
    SetDamage(summary, error);
  else
    summary.state = now;
  return std::string();
}

}  // namespace holdfast::runtime
