#include "runtime/store/epoch_table.h"

#include <fmt/format.h>

#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {
constexpr int kFormat = 1;
}  // namespace

Result<std::optional<std::map<ResourceKey, std::uint64_t>>> ReadEpochShard(
    const BankSection& record, const std::string& table, std::size_t shard) {
  const std::string key = EpochShardKey(table, shard);
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, ReadObject(record, key, kFormat));
  std::optional<std::map<ResourceKey, std::uint64_t>> epochs;
  if (!object) return epochs;
  epochs.emplace();
  const Value* list = object->Find("resources");
  if (list == nullptr || !list->is_list())
    return Corrupt("the object " + key + " lacks 'resources'");
  for (const Value& value : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(ResourceKey named, ResourceKeyFromValue(value, key));
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, NumberMember(value, "epoch", key));
    epochs->emplace(std::move(named), epoch);
  }
  return epochs;
}

Result<std::uint64_t> EpochTable::Of(std::string_view step, const ResourceKey& resource) {
  if (table_.empty()) return std::uint64_t{1};
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t shard, bundle_.ShardIndexOf(step));
  auto known = shards_.find(shard);
  if (known == shards_.end()) {
    HOLDFAST_ASSIGN_OR_RETURN(auto epochs, ReadEpochShard(record_, table_, shard));
    if (!epochs) {
      return NotFound(
          fmt::format("there is no object {}/{}", record_.prefix(), EpochShardKey(table_, shard)));
    }
    known = shards_.emplace(shard, std::move(*epochs)).first;
  }
  const auto found = known->second.find(resource);
  return found == known->second.end() ? std::uint64_t{1} : found->second;
}

Status WriteEpochTable(const BankSection& record, StoredBundle& bundle, const std::string& table,
                       const std::map<ResourceKey, std::uint64_t>& epochs) {
  for (std::size_t shard = 0; shard < bundle.shard_count(); ++shard) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const contents, bundle.Shard(shard));
    Value::List list;
    for (const BundleResource& resource : contents->resources) {
      const auto found = epochs.find(resource.resource.key);
      if (found == epochs.end() || found->second == 1) continue;
      list.push_back(ResourceKeyToValue(resource.resource.key).Set("epoch", found->second));
    }
    HOLDFAST_RETURN_IF_ERROR(PutSameObject(record, EpochShardKey(table, shard),
                                           Value().Set("resources", std::move(list)), kFormat));
  }
  return Ok();
}

}  // namespace holdfast::runtime
