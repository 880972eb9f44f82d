#include "runtime/store/stored_object.h"

#include <fmt/format.h>

#include "plugins/sdk/json.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

constexpr std::string_view kChecksum = "sha256";
constexpr std::string_view kBeforeChecksum = ",\"sha256\":\"";
constexpr std::string_view kAfterChecksum = "\"}";
constexpr std::size_t kChecksumDigits = 64;
constexpr std::string_view kRecord = "record";

// Is the checksum that the object says it has the one of the bytes before it, at their end?
bool ChecksumHolds(std::string_view bytes, const Value& checksum) {
  constexpr std::size_t kEnd = kBeforeChecksum.size() + kChecksumDigits + kAfterChecksum.size();
  if (bytes.size() < kEnd || !checksum.is_string()) return false;
  const std::string_view end = bytes.substr(bytes.size() - kEnd);
  return end.starts_with(kBeforeChecksum) && end.ends_with(kAfterChecksum) &&
         end.substr(kBeforeChecksum.size(), kChecksumDigits) == checksum.AsString() &&
         Sha256Hex(bytes.substr(0, bytes.size() - kEnd)) == checksum.AsString();
}

// Does an object without that member end as one with it? Then the member's name was changed, and with it all
// could be. No object of before there were checksums ended so.
bool HadChecksum(std::string_view bytes) {
  constexpr std::size_t kEnd = kBeforeChecksum.size() + kChecksumDigits + kAfterChecksum.size();
  constexpr std::size_t kName = 2;  // behind the comma and the quotation mark
  if (bytes.size() < kEnd || !bytes.ends_with(kAfterChecksum)) return false;
  const std::string_view end = bytes.substr(bytes.size() - kEnd);
  return end.starts_with(kBeforeChecksum.substr(0, kName)) &&
         end.substr(kName + kChecksum.size())
             .starts_with(kBeforeChecksum.substr(kName + kChecksum.size())) &&
         IsSha256Hex(end.substr(kBeforeChecksum.size(), kChecksumDigits));
}

// The record that a section is of, as its key says it.
std::string_view RecordOf(const BankSection& record) {
  const std::string_view prefix = record.prefix();
  return prefix.substr(prefix.rfind('/') + 1);
}

}  // namespace

Result<std::string> DumpObject(Value fields, int format) {
  if (fields.Find(kChecksum) != nullptr) return Internal("an object has one checksum, its own");
  fields.Set("format", format);
  HOLDFAST_ASSIGN_OR_RETURN(std::string bytes, DumpJson(fields));
  bytes.pop_back();  // its '}'
  const std::string checksum = Sha256Hex(bytes);
  return fmt::format("{}{}{}{}", bytes, kBeforeChecksum, checksum, kAfterChecksum);
}

Result<std::optional<Value>> ReadObject(const BankSection& section, const std::string& key,
                                        Formats formats, std::uint64_t limit) {
  auto bytes = section.GetBytes(key, limit);
  if (!bytes) {
    if (bytes.error().code() == ErrorCode::kNotFound) return std::optional<Value>();
    return std::move(bytes).error();
  }
  const std::string name = section.prefix() + "/" + key;
  auto value = ParseJson(*bytes, name);
  if (!value || !value->is_map()) {
    Error error = Corrupt(fmt::format("the object {} cannot be read", name));
    if (!value) return std::move(error).Because(std::move(value).error());
    return error;
  }
  const Value* const checksum = value->Find(kChecksum);
  if (checksum != nullptr && !ChecksumHolds(*bytes, *checksum)) {
    return Corrupt(
        fmt::format("the object {} is not what was written: its checksum is another one", name));
  }
  if (checksum == nullptr && HadChecksum(*bytes)) {
    return Corrupt(
        fmt::format("the object {} is not what was written: its checksum has another name", name));
  }
  const std::int64_t found = value->IntOr("format", 0);
  if (found < 1) return Corrupt(fmt::format("the object {} has no format", name));
  if (found < formats.oldest || found > formats.newest) {
    return InvalidInput(fmt::format("the object {} has format {}; this build reads format {}", name,
                                    found, formats.newest))
        .Hint("it may have been written by a newer build");
  }
  // Only objects of the first format may be of before there were checksums.
  if (found > 1 && checksum == nullptr)
    return Corrupt(fmt::format("the object {} is not what was written: it has no checksum", name));
  return std::optional<Value>(std::move(*value));
}

Status PutSameObject(const BankSection& section, const std::string& key, Value fields, int format) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpObject(fields, format));
  Status put = section.PutSame(key, bytes);
  if (put || put.error().code() != ErrorCode::kConflict) return put;
  // The conflict may also be a key that continues another: then there is nothing to read.
  HOLDFAST_ASSIGN_OR_RETURN(auto present, ReadObject(section, key, format));
  if (!present) return put;
  present->MutableMap().erase(std::string(kChecksum));
  fields.Set("format", format);
  if (*present == fields) return Ok();
  return put;
}

Result<std::string> DumpRecordObject(const BankSection& record, Value fields, int format) {
  fields.Set(kRecord, RecordOf(record));
  return DumpObject(std::move(fields), format);
}

bool IsUnsigned(const Value& object) { return object.Find(kChecksum) == nullptr; }

Result<std::optional<Value>> ReadRecordObject(const BankSection& record, const std::string& key,
                                              Formats formats, std::uint64_t limit) {
  HOLDFAST_ASSIGN_OR_RETURN(auto object, ReadObject(record, key, formats, limit));
  if (!object || (IsUnsigned(*object) && object->Find(kRecord) == nullptr)) return object;
  const std::string name = record.prefix() + "/" + key;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string named, TextMember(*object, kRecord, name));
  if (named == RecordOf(record) || KeyPart(named) == RecordOf(record)) return object;
  return Corrupt(fmt::format("the object {} is of {}, not of {}: it was copied or moved there",
                             name, Printable(named), RecordOf(record)));
}

bool IsDamage(const Error& error) {
  return error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kInvalidInput;
}

Status DamagedInARow::Add(const Error& damage) {
  // More than a record that is resumed again and again has of states.
  constexpr int kMost = 100;
  if (++count_ < kMost) return Ok();
  return Corrupt(fmt::format("{} objects in a row are damaged, up to this one: {}", kMost,
                             damage.message()))
      .Hint(
          "does the server give the same page whatever it is asked for, as a proxy that wants a "
          "log-in?");
}

Result<Value> RequireObject(const BankSection& section, const std::string& key, int format) {
  HOLDFAST_ASSIGN_OR_RETURN(auto value, ReadObject(section, key, format));
  if (!value) return NotFound(fmt::format("there is no object {}/{}", section.prefix(), key));
  return std::move(*value);
}

Result<std::string> TextMember(const Value& object, std::string_view member, std::string_view key) {
  const Value* found = object.Find(member);
  if (found == nullptr || !found->is_string()) {
    return Corrupt(fmt::format("the object {} lacks the text '{}'", key, member));
  }
  return found->AsString();
}

Result<std::uint64_t> NumberMember(const Value& object, std::string_view member,
                                   std::string_view key) {
  const Value* found = object.Find(member);
  if (found == nullptr || !found->is_int() || found->AsInt() < 0) {
    return Corrupt(fmt::format("the object {} lacks the number '{}'", key, member));
  }
  return static_cast<std::uint64_t>(found->AsInt());
}

Result<WallTime> TimeMember(const Value& object, std::string_view member, std::string_view key) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextMember(object, member, key));
  auto time = ParseTime(text);
  if (!time) return Corrupt(fmt::format("'{}' of the object {} is no time", member, key));
  return *time;
}

Value ResourceKeyToValue(const ResourceKey& resource) {
  return Value().Set("type", resource.type).Set("id", resource.id);
}

Result<ResourceKey> ResourceKeyFromValue(const Value& value, std::string_view key) {
  ResourceKey resource;
  HOLDFAST_ASSIGN_OR_RETURN(resource.type, TextMember(value, "type", key));
  HOLDFAST_ASSIGN_OR_RETURN(resource.id, TextMember(value, "id", key));
  return resource;
}

}  // namespace holdfast::runtime
