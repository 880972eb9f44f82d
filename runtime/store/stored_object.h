#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// The objects of a record are JSON with a "format" number in them. A reader refuses another
// format (kInvalidInput, "written by a newer build") and what is no such object (kCorrupt, with
// the key). Each kind has its own format number, checked by the two functions below.

// The bytes of an object: `fields` (a map) with its format.
Result<std::string> DumpObject(Value fields, int format);
// Reads an object; nullopt when there is none.
Result<std::optional<Value>> ReadObject(const BankSection& section, const std::string& key,
                                        int format);
// The same where its absence is an error (kNotFound).
Result<Value> RequireObject(const BankSection& section, const std::string& key, int format);

// Is it an error about one object, which is damaged or written by a newer build? Others are about the
// bank, or about who may read it.
bool IsDamage(const Error& error);

// A member that has to be there, with the object's key in the error (kCorrupt).
Result<std::string> TextMember(const Value& object, std::string_view member, std::string_view key);
Result<std::uint64_t> NumberMember(const Value& object, std::string_view member,
                                   std::string_view key);
Result<WallTime> TimeMember(const Value& object, std::string_view member, std::string_view key);

Value ResourceKeyToValue(const ResourceKey& resource);  // {"type", "id"}
Result<ResourceKey> ResourceKeyFromValue(const Value& value, std::string_view key);

}  // namespace holdfast::runtime
