#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/warnings.h"

namespace holdfast::runtime {

// An object that a plugin put beside its streams (Checkpoint::Section), as it is stored.
struct RawObject {
  std::string key;  // below the section
  std::uint64_t size = 0;
  std::string sha256;
};
Value RawObjectsToValue(const std::vector<RawObject>& objects);
// nullopt for null.
Result<std::optional<std::vector<RawObject>>> RawObjectsFromValue(const Value& value,
                                                                  std::string_view key);

// What a checkpoint holds of one resource, written once per epoch by the activity that ends the
// resource's data (design: bank): resources/<type>/<id>/<epoch>/manifest. It names the attempt
// that counts; what other attempts wrote is an orphan for gc.
struct ResourceManifest {
  ResourceKey resource;
  std::string name;            // for people
  std::string plugin;          // the protection plugin that wrote it
  int saved_info_version = 0;  // the plugin's schema; 0 = it saves nothing
  int parameters_version = 1;  // the schema of its protect parameters
  std::uint64_t epoch = 1;
  std::string attempt;
  WallTime point_in_time;
  std::vector<StreamManifest> streams;
  // All raw objects of the attempt; nullopt: an older build wrote it, and nobody knows which there were.
  std::optional<std::vector<RawObject>> raw = {};
  // Read: the id of the key that saved info, raw objects and warnings are encrypted with; empty: none. Streams say their own: an
  // activity before may have had another one, or none.
  std::string key_id = {};
  // The object beside the manifest that holds the saved info ("saved"); empty = none.
  std::string saved_object;
  // Of the activity that wrote it: they are committed together, so that no crash keeps the one and
  // loses the other.
  Warnings warnings;

  std::uint64_t bytes() const;
  // The ids of all keys that are needed to read it, each once.
  std::set<std::string> KeyIds() const;
};

// Writes saved info (unless null; encrypted where the section has keys) and then the manifest, both of them named after the checkpoint, the
// resource and its epoch: under another key they are kCorrupt. A manifest that is there already decides:
// the same attempt's is success, another's kConflict.
Status WriteManifest(const BankSection& checkpoint, ResourceManifest manifest, const Value& saved);

// nullopt where the epoch has none. Which one counts: newest_manifest.h.
Result<std::optional<ResourceManifest>> ReadManifest(const BankSection& checkpoint,
                                                     const ResourceKey& resource,
                                                     std::uint64_t epoch);
// The saved info as the plugin gave it; null when there is none. kDenied names the key that is missing.
Result<Value> ReadSavedInfo(const BankSection& checkpoint, const ResourceManifest& manifest);

// Is the raw object what was put there? `section`: the resource's of the attempt, as it is stored. Without `read` only its size is
// looked at. kCorrupt, naming it, when it is missing or another.
Status CheckRawObject(const BankSection& section, const RawObject& object, bool read);

// What became of a resource in a restore record: the newest of new_resources/<type>/<id>/<n>.
Result<std::optional<ResourceKey>> ReadNewResource(const BankSection& record,
                                                   const ResourceKey& old);

// Streams as a list of maps with their names, and back.
Value StreamsToValue(const std::vector<StreamManifest>& streams);
Result<std::vector<StreamManifest>> StreamsFromValue(const Value& value, std::string_view key);

}  // namespace holdfast::runtime
