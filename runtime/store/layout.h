#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Where everything lies below a tenant's section of a bank (design: bank, layout). Only this file
// makes keys; text that a tenant or an engine chose goes through KeyPart().

// What a run works on.
enum class RecordKind { kCheckpoint, kRestore, kDeletion, kVerification };
inline constexpr std::array kAllRecordKinds{RecordKind::kCheckpoint, RecordKind::kRestore,
                                            RecordKind::kDeletion, RecordKind::kVerification};

// "checkpoints", "restores", "deletions", "verifications".
std::string_view FolderOf(RecordKind kind);
// "checkpoint", "restore", "deletion", "verification".
std::string_view NameOf(RecordKind kind);
std::optional<RecordKind> ParseRecordKind(std::string_view name);
// The kind of record that an operation makes.
RecordKind RecordKindOf(Operation operation);

// kUsage for what no run and no record can be called: an id is 1 to 128 of [A-Za-z0-9._-], a letter
// or digit first. Asked wherever a person or an engine names one, before anything is read; text that
// is in the bank already goes through KeyPart().
Status CheckId(std::string_view id);

// Numbers in keys have a fixed width, so that a listing sorts by them: "000042".
std::string NumberPart(std::uint64_t number);
// nullopt: it is no such number, or one that is written otherwise, which would be read under another key.
std::optional<std::uint64_t> NumberOfPart(std::string_view part);

// Below the tenant's section.
std::string RecordPrefix(RecordKind kind, std::string_view record);
std::string RunKey(std::string_view run);
// Markers of a record: one of an older build, and the start of those that have each its own end (MarkerKey).
std::string UnfinishedKey(std::string_view record);
std::string MarkerKey(std::string_view record, std::string_view mark);
// Of the key of a marker: the record's part.
std::string_view RecordPartOfMarker(std::string_view key);
bool IsMarkerOf(std::string_view key, std::string_view record);
std::string LeasePrefix(std::string_view record);  // + NumberPart(token)
std::string LeaseKey(std::string_view record, std::uint64_t token);
std::string BundlePrefix(std::string_view sha256);
std::string PublishedKey(std::string_view sha256);

// Below a record's section.
// The step that a copy of a checkpoint claims in the bank that it is made in.
inline constexpr std::string_view kCopyStep = "copy";
std::string StatePrefix();  // + NumberPart(n)
// What a plugin put beside its streams, in an attempt of a resource.
std::string RawPrefix(const ResourceKey& resource, std::string_view attempt);
std::string ManifestKey(const ResourceKey& resource, std::uint64_t epoch);
// nullopt: it is the key of no manifest.
std::optional<std::uint64_t> EpochOfManifestKey(std::string_view key);
std::string PinPrefix();                                                     // + NumberPart(n)
std::string ClaimPrefix(std::string_view step);                              // + NumberPart(n)
std::string AttemptPrefix(std::string_view step, std::string_view attempt);  // + "/..."
std::string ResourcePrefix(const ResourceKey& resource);  // resources/<type>/<id>
std::string EpochPrefix(const ResourceKey& resource, std::uint64_t epoch);
std::string DataPrefix(const ResourceKey& resource);         // data/<type>/<id>
std::string NewResourcePrefix(const ResourceKey& resource);  // + NumberPart(n)
std::string WorkPrefix(const ResourceKey& resource);  // what a plugin keeps in the run's record
std::string EpochShardKey(std::string_view table, std::size_t shard);
std::string FailureKey(std::uint64_t token);

// A time as a key part that sorts: "20261124T014800.123Z".
std::string TimePart(WallTime time);

}  // namespace holdfast::runtime
