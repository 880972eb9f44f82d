#include "runtime/store/stored_object.h"

#include <fmt/format.h>

#include "plugins/sdk/json.h"

namespace holdfast::runtime {

Result<std::string> DumpObject(Value fields, int format) {
  fields.Set("format", format);
  return DumpJson(fields);
}

Result<std::optional<Value>> ReadObject(const BankSection& section, const std::string& key,
                                        int format) {
  auto bytes = section.GetBytes(key);
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
  const std::int64_t found = value->IntOr("format", 0);
  if (found < 1) return Corrupt(fmt::format("the object {} has no format", name));
  if (found != format) {
    return InvalidInput(fmt::format("the object {} has format {}; this build reads format {}", name,
                                    found, format))
        .Hint("it may have been written by a newer build");
  }
  return std::optional<Value>(std::move(*value));
}

bool IsDamage(const Error& error) {
  return error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kInvalidInput;
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
