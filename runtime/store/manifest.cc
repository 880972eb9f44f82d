#include "runtime/store/manifest.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"
#include "runtime/store/hashing_sink.h"
#include "runtime/store/layout.h"
#include "runtime/store/sealed_member.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {
const Formats kManifestFormats{1, kSealedFormat};
const Formats kSavedFormats{1, kSealedFormat};
constexpr int kNewResourceFormat = 1;

Value Whose(const ResourceManifest& manifest) {
  return ResourceKeyToValue(manifest.resource).Set("epoch", manifest.epoch);
}

// What encrypted saved info is bound to: the same in each of the objects that may hold it.
std::string PlaceOfSaved(const std::string& epoch_prefix) { return epoch_prefix + "/saved"; }

// kCorrupt when an object says that it is of another resource, or of another epoch of it, than the
// one below whose key it lies.
Status CheckWhose(const Value& object, const ResourceKey& resource, std::uint64_t epoch,
                  const std::string& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceKey named, ResourceKeyFromValue(object, key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t of, NumberMember(object, "epoch", key));
  if (named == resource && of == epoch) return Ok();
  return Corrupt(
      fmt::format("the object {} is of {}, epoch {}, not of {}, epoch {}: it was copied or moved "
                  "there",
                  key, Printable(named.str()), of, Printable(resource.str()), epoch));
}

}  // namespace

std::uint64_t ResourceManifest::bytes() const {
  std::uint64_t sum = 0;
  for (const StreamManifest& stream : streams) sum += stream.size;
  return sum;
}

std::set<std::string> ResourceManifest::KeyIds() const {
  std::set<std::string> ids;
  if (!key_id.empty()) ids.insert(key_id);
  for (const StreamManifest& stream : streams) {
    if (!stream.key_id.empty()) ids.insert(stream.key_id);
  }
  return ids;
}

Value StreamsToValue(const std::vector<StreamManifest>& streams) {
  Value::List list;
  for (const StreamManifest& stream : streams) {
    Value value = StreamManifestToValue(stream);
    value.Set("name", stream.name);
    list.push_back(std::move(value));
  }
  return list;
}

Result<std::vector<StreamManifest>> StreamsFromValue(const Value& value, std::string_view key) {
  std::vector<StreamManifest> streams;
  if (value.is_null()) return streams;
  if (!value.is_list()) return Corrupt(fmt::format("'streams' of the object {} is no list", key));
  for (const Value& entry : value.AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string name, TextMember(entry, "name", key));
    HOLDFAST_ASSIGN_OR_RETURN(StreamManifest stream, StreamManifestFromValue(entry, name));
    streams.push_back(std::move(stream));
  }
  return streams;
}

Value RawObjectsToValue(const std::vector<RawObject>& objects) {
  Value::List list;
  for (const RawObject& object : objects) {
    list.push_back(
        Value().Set("key", object.key).Set("size", object.size).Set("sha256", object.sha256));
  }
  return list;
}

Result<std::optional<std::vector<RawObject>>> RawObjectsFromValue(const Value& value,
                                                                  std::string_view key) {
  if (value.is_null()) return std::optional<std::vector<RawObject>>();
  if (!value.is_list()) return Corrupt(fmt::format("'raw' of the object {} is no list", key));
  std::vector<RawObject> objects;
  for (const Value& entry : value.AsList()) {
    RawObject object;
    HOLDFAST_ASSIGN_OR_RETURN(object.key, TextMember(entry, "key", key));
    if (!ObjectKey::Parse(object.key))
      return Corrupt(fmt::format("'raw' of the object {} names what is no key", key));
    HOLDFAST_ASSIGN_OR_RETURN(object.size, NumberMember(entry, "size", key));
    HOLDFAST_ASSIGN_OR_RETURN(object.sha256, TextMember(entry, "sha256", key));
    objects.push_back(std::move(object));
  }
  return std::optional<std::vector<RawObject>>(std::move(objects));
}

Status WriteManifest(const BankSection& checkpoint, ResourceManifest manifest, const Value& saved) {
  const std::string prefix = EpochPrefix(manifest.resource, manifest.epoch);
  const int format = FormatFor(checkpoint);
  if (!saved.is_null()) {
    Value object = Whose(manifest).Set("version", manifest.saved_info_version);
    HOLDFAST_RETURN_IF_ERROR(SetSealed(object, "info", saved, checkpoint, PlaceOfSaved(prefix)));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                              DumpRecordObject(checkpoint, std::move(object), format));
    manifest.saved_object = "saved";
    Status put = checkpoint.PutSame(prefix + "/saved", bytes);
    if (!put && put.error().code() == ErrorCode::kConflict) {
      // An attempt that died before its manifest left other bytes there. Objects never change, so
      // this attempt's lie beside them and the manifest says which ones count.
      manifest.saved_object = "saved-" + manifest.attempt;
      put = checkpoint.PutSame(prefix + "/" + manifest.saved_object, bytes);
    }
    HOLDFAST_RETURN_IF_ERROR(put);
  }
  Value value = Whose(manifest);
  value.Set("name", manifest.name)
      .Set("plugin", manifest.plugin)
      .Set("saved_info_version", manifest.saved_info_version)
      .Set("parameters_version", manifest.parameters_version)
      .Set("attempt", manifest.attempt)
      .Set("point_in_time", FormatTime(manifest.point_in_time))
      .Set("streams", StreamsToValue(manifest.streams));
  if (manifest.raw) value.Set("raw", RawObjectsToValue(*manifest.raw));
  if (!manifest.saved_object.empty()) value.Set("saved", manifest.saved_object);
  if (checkpoint.keys() != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(const EncryptionKey* const key, checkpoint.keys()->Current());
    value.Set("key", key->id());
  }
  const std::string key = prefix + "/manifest";
  HOLDFAST_RETURN_IF_ERROR(SetWarnings(value, manifest.warnings, checkpoint, key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpRecordObject(checkpoint, std::move(value), format));
  return checkpoint.PutSame(key, bytes);
}

Result<std::optional<ResourceManifest>> ReadManifest(const BankSection& checkpoint,
                                                     const ResourceKey& resource,
                                                     std::uint64_t epoch) {
  const std::string below = ManifestKey(resource, epoch);
  HOLDFAST_ASSIGN_OR_RETURN(const auto value,
                            ReadRecordObject(checkpoint, below, kManifestFormats));
  if (!value) return std::optional<ResourceManifest>();
  const std::string key = checkpoint.prefix() + "/" + below;
  HOLDFAST_RETURN_IF_ERROR(CheckWhose(*value, resource, epoch, key));
  ResourceManifest manifest;
  manifest.resource = resource;
  manifest.epoch = epoch;
  manifest.name = value->StringOr("name", "");
  HOLDFAST_ASSIGN_OR_RETURN(manifest.plugin, TextMember(*value, "plugin", key));
  manifest.saved_info_version = static_cast<int>(value->IntOr("saved_info_version", 0));
  manifest.parameters_version = static_cast<int>(value->IntOr("parameters_version", 1));
  HOLDFAST_ASSIGN_OR_RETURN(manifest.attempt, TextMember(*value, "attempt", key));
  HOLDFAST_ASSIGN_OR_RETURN(manifest.point_in_time, TimeMember(*value, "point_in_time", key));
  if (const Value* streams = value->Find("streams"); streams != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(manifest.streams, StreamsFromValue(*streams, key));
  }
  if (const Value* raw = value->Find("raw"); raw != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(manifest.raw, RawObjectsFromValue(*raw, key));
  }
  manifest.saved_object = value->StringOr("saved", "");
  manifest.key_id = value->StringOr("key", "");
  HOLDFAST_ASSIGN_OR_RETURN(manifest.warnings, WarningsOf(*value, checkpoint, below));
  return std::optional<ResourceManifest>(std::move(manifest));
}

Status CheckRawObject(const BankSection& section, const RawObject& object, bool read) {
  const std::string key = section.prefix() + "/" + object.key;
  const auto there = section.Stat(object.key);
  if (!there && there.error().code() == ErrorCode::kNotFound)
    return Corrupt(fmt::format("the object {} is missing", key));
  if (!there) return there.error();
  if (there->size != object.size) {
    return Corrupt(fmt::format("the object {} has {} bytes, and was written with {}", key,
                               there->size, object.size));
  }
  if (!read) return Ok();
  HashingSink sink(HashingSink::Against::kKnownHash);
  HOLDFAST_RETURN_IF_ERROR(section.Get(object.key, sink));
  if (sink.FinishHex() == object.sha256) return Ok();
  return Corrupt(fmt::format("the object {} has other bytes than were written", key));
}

Result<std::optional<ResourceKey>> ReadNewResource(const BankSection& record,
                                                   const ResourceKey& old) {
  std::optional<ResourceKey> found;
  for (std::uint64_t number = 1;; ++number) {
    const std::string key = NewResourcePrefix(old) + NumberPart(number);
    HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(record, key, kNewResourceFormat));
    if (!value) return found;
    const Value* now = value->Find("new");
    if (now == nullptr) return Corrupt(fmt::format("the object {} lacks 'new'", key));
    HOLDFAST_ASSIGN_OR_RETURN(found, ResourceKeyFromValue(*now, key));
  }
}

Result<Value> ReadSavedInfo(const BankSection& checkpoint, const ResourceManifest& manifest) {
  if (manifest.saved_object.empty()) return Value();
  const std::string below =
      EpochPrefix(manifest.resource, manifest.epoch) + "/" + manifest.saved_object;
  const std::string key = checkpoint.prefix() + "/" + below;
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadRecordObject(checkpoint, below, kSavedFormats));
  if (!value) return Corrupt(fmt::format("the object {} is missing", key));
  // An older build did not say whose it is.
  if (value->Find("record") != nullptr) {
    HOLDFAST_RETURN_IF_ERROR(CheckWhose(*value, manifest.resource, manifest.epoch, key));
  }
  if (!manifest.key_id.empty() && !IsSealed(*value, "info"))
    return Corrupt(fmt::format("the object {} is not encrypted, and its manifest is", key));
  HOLDFAST_ASSIGN_OR_RETURN(
      auto info, ReadSealed(*value, "info", checkpoint,
                            PlaceOfSaved(EpochPrefix(manifest.resource, manifest.epoch))));
  if (!info) return Corrupt(fmt::format("the object {} lacks 'info'", key));
  return std::move(*info);
}

}  // namespace holdfast::runtime
