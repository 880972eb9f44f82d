#include "runtime/store/sealed_member.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/segment.h"

namespace holdfast::runtime {
namespace {

constexpr std::string_view kPrefix = "sealed_";
constexpr std::size_t kWorthCompressing = 4096;
constexpr int kZstdLevel = 3;

std::string SealedName(std::string_view member) {
  return std::string(kPrefix) + std::string(member);
}

std::string PlaceOf(const BankSection& section, std::string_view key, std::string_view where,
                    std::string_view member) {
  return fmt::format("{}/{}#{}#{}", section.prefix(), key, where, member);
}

}  // namespace

int FormatFor(const BankSection& section) { return section.keys() == nullptr ? 1 : kSealedFormat; }

Status SetSealed(Value& object, std::string_view member, Value value, const BankSection& section,
                 std::string_view key, std::string_view where) {
  if (section.keys() == nullptr) {
    object.Set(member, std::move(value));
    return Ok();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const EncryptionKey* const with, section.keys()->Current());
  // In a map, so that every kind of value is JSON that the reader takes.
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text,
                            DumpJson(Value().Set("value", std::move(value))));
  // A compressor takes a megabyte; a line is not worth that.
  const SegmentAlgorithm algorithm =
      text.size() < kWorthCompressing ? SegmentAlgorithm::kNone : SegmentAlgorithm::kZstd;
  SegmentEncoder encoder(algorithm, kZstdLevel, with, SegmentNonce::kOfContents);
  HOLDFAST_ASSIGN_OR_RETURN(const EncodedSegment segment,
                            encoder.Encode(text, PlaceOf(section, key, where, member)));
  object.Set(SealedName(member), ToBase64(segment.bytes));
  return Ok();
}

bool IsSealed(const Value& object, std::string_view member) {
  return object.Find(SealedName(member)) != nullptr;
}

Result<std::optional<Value>> ReadSealed(const Value& object, std::string_view member,
                                        const BankSection& section, std::string_view key,
                                        std::string_view where) {
  const Value* const sealed = object.Find(SealedName(member));
  if (sealed == nullptr) {
    const Value* const plain = object.Find(member);
    return plain == nullptr ? std::optional<Value>() : std::optional<Value>(*plain);
  }
  const std::string name = fmt::format("'{}' of the object {}/{}", member, section.prefix(), key);
  if (!sealed->is_string()) return Corrupt(name + " is no text");
  const auto bytes = FromBase64(sealed->AsString());
  if (!bytes) return Corrupt(name + " is no base64");
  auto text =
      SegmentDecoder(section.keys()).DecodeUnlisted(*bytes, PlaceOf(section, key, where, member));
  if (!text) return std::move(text).error().While(name);
  const auto value = ParseJson(*text, name);
  const Value* const inner = value && value->is_map() ? value->Find("value") : nullptr;
  if (inner == nullptr) return Corrupt(name + " cannot be read");
  return std::optional<Value>(*inner);
}

Result<std::string> ReadSealedText(const Value& object, std::string_view member,
                                   const BankSection& section, std::string_view key,
                                   std::string_view where) {
  const auto value = ReadSealed(object, member, section, key, where);
  if (!value && value.error().code() == ErrorCode::kDenied) {
    return "(what was said here cannot be shown: " + value.error().message() + ")";
  }
  if (!value) return value.error();
  if (!*value || !(*value)->is_string()) return std::string();
  return (*value)->AsString();
}

}  // namespace holdfast::runtime
