#include "plugins/conformance/memory_checkpoint.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"

namespace holdfast::plugins::conformance {
namespace {

std::string NewAttempt() {
  static std::atomic<unsigned> count{0};
  return fmt::format("{}-{}-{}", SystemClock().Now().time_since_epoch().count(), ::getpid(),
                     ++count);
}

ObjectKey Key(const std::string& text) {
  auto key = ObjectKey::Parse(text);
  HOLDFAST_CHECK(key.has_value());
  return *key;
}

bool IsStreamName(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string_view RecordsOf(Operation operation) {
  switch (operation) {
    case Operation::kProtect:
      return "checkpoints";
    case Operation::kRestore:
      return "restores";
    case Operation::kDelete:
      return "deletions";
    case Operation::kVerify:
      return "verifications";
  }
  return "";
}

class OwningSource final : public ByteSource {
 public:
  explicit OwningSource(std::string data) : data_(std::move(data)), source_(data_) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override { return source_.Read(buffer); }

 private:
  std::string data_;
  MemorySource source_;
};

}  // namespace

class MemoryCheckpoint::Writer final : public DataWriter {
 public:
  Writer(MemoryCheckpoint& checkpoint, ResourceKey resource, std::string name)
      : checkpoint_(checkpoint), resource_(std::move(resource)), name_(std::move(name)) {}

  Status Write(std::span<const std::byte> data) override {
    data_.append(AsText(data));
    return Ok();
  }
  Result<DataInfo> Finish() override {
    HOLDFAST_CHECK(!finished_);
    finished_ = true;
    const DataInfo info{name_, data_.size(), Sha256Hex(data_)};
    const std::string key = fmt::format("{}/{}/{}", checkpoint_.CheckpointKey("data", resource_),
                                        checkpoint_.attempt_, name_);
    HOLDFAST_RETURN_IF_ERROR(PutBytes(checkpoint_.bank_, Key(key), data_));
    checkpoint_.pending_[resource_].streams[name_] = info;
    return info;
  }

 private:
  MemoryCheckpoint& checkpoint_;
  ResourceKey resource_;
  std::string name_;
  std::string data_;
  bool finished_ = false;
};

MemoryCheckpoint::MemoryCheckpoint(Bank& bank, Operation operation, std::string id,
                                   std::string record_id)
    : bank_(bank),
      operation_(operation),
      id_(std::move(id)),
      record_id_(std::move(record_id)),
      attempt_(NewAttempt()) {}

std::string MemoryCheckpoint::CheckpointKey(std::string_view kind, const ResourceKey& key) const {
  return fmt::format("checkpoints/{}/{}/{}/{}", id_, kind, KeyPart(key.type), KeyPart(key.id));
}

std::string MemoryCheckpoint::RecordKey(std::string_view kind, const ResourceKey& key) const {
  return fmt::format("{}/{}/{}/{}/{}", RecordsOf(operation_), record_id_, kind, KeyPart(key.type),
                     KeyPart(key.id));
}

Status MemoryCheckpoint::CheckGiven(const Resource& resource) const {
  if (given_ && !given_->contains(resource.key)) {
    return Error(ErrorCode::kDenied,
                 fmt::format("{} was not given to this activity", resource.key.str()));
  }
  return Ok();
}

Status MemoryCheckpoint::CheckOperation(bool protects) const {
  if ((operation_ == Operation::kProtect) == protects) return Ok();
  return Error(ErrorCode::kDenied, fmt::format("not allowed in {}", NameOf(operation_)));
}

Result<Value> MemoryCheckpoint::ReadJson(const std::string& key) {
  StringSink sink(64U << 20U);
  HOLDFAST_RETURN_IF_ERROR(bank_.Get(Key(key), sink));
  return ParseJson(sink.data(), key);
}

Status MemoryCheckpoint::ReplaceJson(const std::string& key, const Value& value) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, DumpJson(value));
  return bank_.Replace(Key(key), text);
}

Result<std::vector<std::string>> MemoryCheckpoint::KeysBelow(const std::string& prefix) {
  ListOptions options;
  options.prefix = prefix + "/";
  options.limit = 10000;
  HOLDFAST_ASSIGN_OR_RETURN(const auto objects, bank_.List(options));
  std::vector<std::string> keys;
  for (const ObjectInfo& object : objects) keys.push_back(object.key.str());
  return keys;
}

Result<std::unique_ptr<DataWriter>> MemoryCheckpoint::CreateData(const Resource& resource,
                                                                 std::string_view name) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(true));
  if (!IsStreamName(name)) return InvalidInput(fmt::format("'{}' is no name of a stream", name));
  if (!started_.insert(fmt::format("{}/{}", resource.key.str(), name)).second) {
    return Error(ErrorCode::kConflict, fmt::format("stream '{}' was written already", name));
  }
  std::unique_ptr<DataWriter> writer =
      std::make_unique<Writer>(*this, resource.key, std::string(name));
  return writer;
}

Status MemoryCheckpoint::SaveInfo(const Resource& resource, Value info) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(true));
  if (!saved_schema_) return Internal("the plugin declares no saved info");
  HOLDFAST_RETURN_IF_ERROR(CheckAgainstSchema(*saved_schema_, info, "", "saved info"));
  pending_[resource.key].saved = std::move(info);
  return Ok();
}

Status MemoryCheckpoint::SetPointInTime(const Resource& resource, WallTime time) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(true));
  pending_[resource.key].point_in_time = time;
  return Ok();
}

Result<std::vector<DataInfo>> MemoryCheckpoint::ListData(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(false));
  // As in a real checkpoint: a resource without data is there, one that nobody protected is not.
  HOLDFAST_RETURN_IF_ERROR(bank_.Stat(Key(CheckpointKey("protected", resource.key))));
  std::vector<DataInfo> out;
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, KeysBelow(CheckpointKey("manifest", resource.key)));
  for (const std::string& key : keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const Value entry, ReadJson(key));
    out.push_back({key.substr(key.rfind('/') + 1),
                   static_cast<std::uint64_t>(entry.IntOr("size", 0)),
                   entry.StringOr("sha256", "")});
  }
  return out;
}

Result<std::unique_ptr<ByteSource>> MemoryCheckpoint::OpenData(const Resource& resource,
                                                               std::string_view name) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(false));
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value entry,
      ReadJson(fmt::format("{}/{}", CheckpointKey("manifest", resource.key), name)));
  StringSink sink(std::uint64_t{1} << 32U);
  HOLDFAST_RETURN_IF_ERROR(
      bank_.Get(Key(fmt::format("{}/{}/{}", CheckpointKey("data", resource.key),
                                entry.StringOr("attempt", ""), name)),
                sink));
  if (Sha256Hex(sink.data()) != entry.StringOr("sha256", "")) {
    return Corrupt(
        fmt::format("stream '{}' of {} is not what was written", name, resource.key.str()));
  }
  std::unique_ptr<ByteSource> source = std::make_unique<OwningSource>(sink.Take());
  return source;
}

Result<std::unique_ptr<ByteSource>> MemoryCheckpoint::OpenSample(const Resource& resource,
                                                                 std::string_view name, Percent) {
  if (operation_ != Operation::kVerify)
    return Error(ErrorCode::kDenied, "not allowed but in verify");
  // A stream is one segment here, and a sample is at least one.
  return OpenData(resource, name);
}

Result<Value> MemoryCheckpoint::SavedInfo(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckOperation(false));
  if (!saved_schema_) return Internal("the plugin declares no saved info");
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, ReadJson(CheckpointKey("saved", resource.key)));
  return CheckAgainstSchema(*saved_schema_, saved, "", "saved info");
}

Result<Value> MemoryCheckpoint::SavedInfoOfChild(const Resource& resource,
                                                 const ResourceKey& child) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  const bool is_child = std::any_of(resource.children.begin(), resource.children.end(),
                                    [&](const ResourceLink& link) { return link.key == child; });
  if (!is_child) return Error(ErrorCode::kDenied, fmt::format("{} is no child", child.str()));
  return ReadJson(CheckpointKey("saved", child));
}

Status MemoryCheckpoint::DeleteData(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  if (operation_ != Operation::kDelete)
    return Error(ErrorCode::kDenied, "not allowed but in delete");
  for (const std::string_view kind : {"data", "manifest"}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, KeysBelow(CheckpointKey(kind, resource.key)));
    for (const std::string& key : keys) {
      HOLDFAST_RETURN_IF_ERROR(bank_.Delete(Key(key)));
      Failpoint("checkpoint:deleting");
    }
  }
  return Ok();
}

Status MemoryCheckpoint::Journal(const Resource& resource, const Value& entries) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  if (!entries.is_map()) return Internal("a journal entry is a map");
  HOLDFAST_ASSIGN_OR_RETURN(Value all, Journaled(resource));
  for (const auto& [name, value] : entries.AsMap()) all.Set(name, value);
  return ReplaceJson(fmt::format("{}/{}", RecordKey("journal", resource.key), epoch_), all);
}

Result<Value> MemoryCheckpoint::Journaled(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  auto found = ReadJson(fmt::format("{}/{}", RecordKey("journal", resource.key), epoch_));
  if (!found && found.error().code() == ErrorCode::kNotFound) return Value(Value::Map{});
  return found;
}

Result<bool> MemoryCheckpoint::AllSucceeded(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  return all_succeeded_;
}

Result<bool> MemoryCheckpoint::AnyBelowBegan(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  return any_below_began_;
}

Status MemoryCheckpoint::SetNewResource(const Resource& resource, const ResourceKey& now) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  if (operation_ != Operation::kRestore)
    return Error(ErrorCode::kDenied, "not allowed but in restore");
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(now));
  return ReplaceJson(RecordKey("new", resource.key), now.str());
}

Result<std::optional<ResourceKey>> MemoryCheckpoint::NewResource(const ResourceKey& old) {
  auto found = ReadJson(RecordKey("new", old));
  if (!found && found.error().code() == ErrorCode::kNotFound) return std::optional<ResourceKey>();
  if (!found) return Error(std::move(found).error());
  HOLDFAST_ASSIGN_OR_RETURN(ResourceKey key, ParseResourceKey(found->AsString()));
  return std::optional<ResourceKey>(std::move(key));
}

Result<BankSection> MemoryCheckpoint::Section(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  const SectionAccess access = operation_ == Operation::kProtect  ? SectionAccess::kWrite
                               : operation_ == Operation::kDelete ? SectionAccess::kDelete
                                                                  : SectionAccess::kRead;
  return BankSection::Open(bank_, CheckpointKey("raw", resource.key), access);
}

Result<BankSection> MemoryCheckpoint::RecordSection(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(CheckGiven(resource));
  return BankSection::Open(bank_, RecordKey("section", resource.key), SectionAccess::kWrite);
}

Status MemoryCheckpoint::Commit() {
  if (operation_ == Operation::kProtect && given_) {
    for (const ResourceKey& key : *given_) {
      HOLDFAST_RETURN_IF_ERROR(ReplaceJson(CheckpointKey("protected", key), key.str()));
    }
  }
  for (const auto& [key, pending] : pending_) {
    HOLDFAST_RETURN_IF_ERROR(ReplaceJson(CheckpointKey("protected", key), key.str()));
    for (const auto& [name, info] : pending.streams) {
      Value entry;
      entry.Set("attempt", attempt_).Set("size", info.size).Set("sha256", info.sha256);
      HOLDFAST_RETURN_IF_ERROR(
          ReplaceJson(fmt::format("{}/{}", CheckpointKey("manifest", key), name), entry));
    }
    if (pending.saved) {
      HOLDFAST_RETURN_IF_ERROR(ReplaceJson(CheckpointKey("saved", key), *pending.saved));
    }
    if (pending.point_in_time) {
      HOLDFAST_RETURN_IF_ERROR(
          ReplaceJson(CheckpointKey("time", key), FormatTime(*pending.point_in_time)));
    }
  }
  Abandon();
  return Ok();
}

void MemoryCheckpoint::Abandon() {
  pending_.clear();
  started_.clear();
  attempt_ = NewAttempt();
}

Status MemoryCheckpoint::Damage(const Resource& resource, std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value entry,
      ReadJson(fmt::format("{}/{}", CheckpointKey("manifest", resource.key), name)));
  const ObjectKey key = Key(fmt::format("{}/{}/{}", CheckpointKey("data", resource.key),
                                        entry.StringOr("attempt", ""), name));
  StringSink sink(std::uint64_t{1} << 32U);
  HOLDFAST_RETURN_IF_ERROR(bank_.Get(key, sink));
  std::string data = sink.Take();
  if (data.empty()) return InvalidInput("an empty stream cannot be damaged");
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
  return bank_.Replace(key, data);
}

std::optional<WallTime> MemoryCheckpoint::PointInTime(const Resource& resource) {
  const auto text = ReadJson(CheckpointKey("time", resource.key));
  if (!text) return std::nullopt;
  const auto time = ParseTime(text->AsString());
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

std::size_t MemoryCheckpoint::StoredObjects(const Resource& resource) {
  const auto keys = KeysBelow(CheckpointKey("data", resource.key));
  return keys ? keys->size() : 0;
}

}  // namespace holdfast::plugins::conformance
