#include "runtime/store/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "plugins/sdk/object_key.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {
constexpr std::array<std::string_view, 4> kFolders{"checkpoints", "restores", "deletions",
                                                   "verifications"};
constexpr std::array<std::string_view, 4> kNames{"checkpoint", "restore", "deletion",
                                                 "verification"};

std::string OfResource(std::string_view folder, const ResourceKey& resource) {
  return fmt::format("{}/{}/{}", folder, KeyPart(resource.type), KeyPart(resource.id));
}
}  // namespace

std::string_view FolderOf(RecordKind kind) { return kFolders[static_cast<std::size_t>(kind)]; }

std::string_view NameOf(RecordKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<RecordKind> ParseRecordKind(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<RecordKind>(at - kNames.begin());
}

RecordKind RecordKindOf(Operation operation) {
  switch (operation) {
    case Operation::kProtect:
      return RecordKind::kCheckpoint;
    case Operation::kRestore:
      return RecordKind::kRestore;
    case Operation::kDelete:
      return RecordKind::kDeletion;
    case Operation::kVerify:
      return RecordKind::kVerification;
  }
  return RecordKind::kCheckpoint;
}

Status CheckId(std::string_view id) {
  constexpr std::size_t kLongest = 128;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto allowed = [&plain](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; };
  if (!id.empty() && id.size() <= kLongest && plain(id.front()) &&
      std::all_of(id.begin(), id.end(), allowed)) {
    return Ok();
  }
  return Error(ErrorCode::kUsage,
               fmt::format("'{}' is no id: 1 to {} letters, digits, '.', '_' and "
                           "'-', a letter or digit first",
                           Printable(id.substr(0, kLongest)), kLongest));
}

std::string NumberPart(std::uint64_t number) { return fmt::format("{:06}", number); }

std::optional<std::uint64_t> NumberOfPart(std::string_view part) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(part.data(), part.data() + part.size(), number);
  if (read.ec != std::errc() || NumberPart(number) != part) return std::nullopt;
  return number;
}

std::string RecordPrefix(RecordKind kind, std::string_view record) {
  return fmt::format("{}/{}", FolderOf(kind), KeyPart(record));
}

std::string RunKey(std::string_view run) { return "runs/" + KeyPart(run); }

std::string UnfinishedKey(std::string_view record) {
  return "indices/unfinished/" + KeyPart(record);
}

namespace {
// KeyPart writes no small letter behind an '@'.
constexpr std::string_view kBeforeMark = "@m";
}  // namespace

std::string MarkerKey(std::string_view record, std::string_view mark) {
  return fmt::format("{}{}{}", UnfinishedKey(record), kBeforeMark, mark);
}

std::string_view RecordPartOfMarker(std::string_view key) {
  key.remove_prefix(key.rfind('/') + 1);
  return key.substr(0, key.find(kBeforeMark));
}

bool IsMarkerOf(std::string_view key, std::string_view record) {
  return RecordPartOfMarker(key) == KeyPart(record);
}

std::string LeasePrefix(std::string_view record) { return "leases/" + KeyPart(record) + "/"; }

std::string LeaseKey(std::string_view record, std::uint64_t token) {
  return LeasePrefix(record) + NumberPart(token);
}

std::string BundlePrefix(std::string_view sha256) { return "bundles/" + KeyPart(sha256); }

std::string PublishedKey(std::string_view sha256) { return BundlePrefix(sha256) + "/published"; }

std::string StatePrefix() { return "state/"; }

std::string RawPrefix(const ResourceKey& resource, std::string_view attempt) {
  return fmt::format("{}/{}/raw", DataPrefix(resource), attempt);
}

std::string ManifestKey(const ResourceKey& resource, std::uint64_t epoch) {
  return EpochPrefix(resource, epoch) + "/manifest";
}

std::optional<std::uint64_t> EpochOfManifestKey(std::string_view key) {
  constexpr std::string_view kName = "/manifest";
  if (!key.ends_with(kName)) return std::nullopt;
  key.remove_suffix(kName.size());
  return NumberOfPart(key.substr(key.rfind('/') + 1));
}

std::string PinPrefix() { return "pin/"; }

std::string ClaimPrefix(std::string_view step) {
  return fmt::format("journal/{}/claim-", KeyPart(step));
}

std::string AttemptPrefix(std::string_view step, std::string_view attempt) {
  return fmt::format("journal/{}/{}", KeyPart(step), KeyPart(attempt));
}

std::string ResourcePrefix(const ResourceKey& resource) {
  return OfResource("resources", resource);
}

std::string EpochPrefix(const ResourceKey& resource, std::uint64_t epoch) {
  return ResourcePrefix(resource) + "/" + NumberPart(epoch);
}

std::string DataPrefix(const ResourceKey& resource) { return OfResource("data", resource); }

std::string NewResourcePrefix(const ResourceKey& resource) {
  return OfResource("new_resources", resource) + "/";
}

std::string WorkPrefix(const ResourceKey& resource) { return OfResource("work", resource); }

std::string EpochShardKey(std::string_view table, std::size_t shard) {
  return fmt::format("epochs/{}/shard-{}", KeyPart(table), shard);
}

std::string FailureKey(std::uint64_t token) { return "failures/" + NumberPart(token); }

std::string TimePart(WallTime time) {
  std::string text = FormatTime(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace holdfast::runtime
