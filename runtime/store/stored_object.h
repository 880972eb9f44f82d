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

// The objects of a record are JSON with a "format" number in them and, as their last member, the
// SHA-256 of every byte before it ({...,"sha256":"<64 hex digits>"}): a changed byte is never taken
// for what was written. Objects of format 1 that older builds wrote have no checksum, and are read as they are.
// A reader refuses another format (kInvalidInput, "written by a newer build") and what is no such
// object, or not the one that was written (kCorrupt, with the key). Each kind has its own format
// number, checked by the functions below.

// The formats that a reader takes: one, or several that follow one another.
struct Formats {
  // NOLINTNEXTLINE(google-explicit-constructor): most readers take one.
  Formats(int only) : oldest(only), newest(only) {}
  Formats(int first, int last) : oldest(first), newest(last) {}
  int oldest;
  int newest;
};

// What a reader of small objects takes at most.
inline constexpr std::uint64_t kLargestObject = std::uint64_t{64} << 20U;

// The bytes of an object: `fields` (a map without "sha256") with its format and its checksum.
Result<std::string> DumpObject(Value fields, int format);
// Reads an object, with its format and its checksum among its members; nullopt when there is none.
Result<std::optional<Value>> ReadObject(const BankSection& section, const std::string& key,
                                        Formats formats, std::uint64_t limit = kLargestObject);
// Writes an object that an earlier attempt may have written already, also one of an older build:
// with the same fields that is success, with others kConflict.
Status PutSameObject(const BankSection& section, const std::string& key, Value fields, int format);

// The same for what decides what a record holds (states, plan, graph, manifests, saved info), below
// the record's section: it names its record ("record"), and what names another one was copied or
// moved there, so that two points in time would be mixed: kCorrupt, with the key and both records.
Result<std::string> DumpRecordObject(const BankSection& record, Value fields, int format);
Result<std::optional<Value>> ReadRecordObject(const BankSection& record, const std::string& key,
                                              Formats formats,
                                              std::uint64_t limit = kLargestObject);
// That an object is of an older build, which did not say of what it is.
bool IsUnsigned(const Value& object);

// The same where its absence is an error (kNotFound).
Result<Value> RequireObject(const BankSection& section, const std::string& key, int format);

// Is it an error about one object, which is damaged or written by a newer build? Others are about the
// bank, or about who may read it.
bool IsDamage(const Error& error);

// Of objects with numbers that are read upwards until one is not there, and of which one that is damaged is no end. Where a
// server has a page under every name, none would ever be: so many in a row are kCorrupt.
class DamagedInARow {
 public:
  // That of the next object, which IsDamage; the error names it.
  Status Add(const Error& damage);
  // The next one is whole.
  void Reset() { count_ = 0; }

 private:
  int count_ = 0;
};

// A member that has to be there, with the object's key in the error (kCorrupt).
Result<std::string> TextMember(const Value& object, std::string_view member, std::string_view key);
Result<std::uint64_t> NumberMember(const Value& object, std::string_view member,
                                   std::string_view key);
Result<WallTime> TimeMember(const Value& object, std::string_view member, std::string_view key);

Value ResourceKeyToValue(const ResourceKey& resource);  // {"type", "id"}
Result<ResourceKey> ResourceKeyFromValue(const Value& value, std::string_view key);

}  // namespace holdfast::runtime
