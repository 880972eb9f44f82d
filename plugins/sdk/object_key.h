#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast {

// The name of an object in a bank: parts of [A-Za-z0-9_.@-] joined by '/', no empty, "." or ".."
// part, none leading or trailing; a part <= 200 bytes, a key <= 700. Checked before any
// normalisation, so a key can never point outside the section that it is used in (design: bank).
// '~' is no key character: banks use it for names of their own (temporary files).
class ObjectKey {
 public:
  static constexpr std::size_t kMaxPart = 200;
  static constexpr std::size_t kMaxKey = 700;

  // kInvalidInput, naming the offending byte or length, when `text` is no key.
  static Result<ObjectKey> Parse(std::string_view text);

  const std::string& str() const { return text_; }
  // This key with more behind it; `tail` is one or more parts. The result is checked like Parse.
  Result<ObjectKey> Child(std::string_view tail) const;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;

 private:
  explicit ObjectKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// One part of a key for any text (a resource type or id): bytes outside [A-Za-z0-9_.-] become
// "@XX" (upper-case hex), also '@' itself, and a part that would be "." or ".." or empty is
// escaped too; longer than 200 bytes: "@H" and the SHA-256 of the text in hex (the id itself then
// stands inside the object). Different texts never give the same part.
std::string KeyPart(std::string_view text);
// The text of a part made by KeyPart; kNotFound for an "@H" part, kInvalidInput for none of ours.
Result<std::string> TextOfKeyPart(std::string_view part);

}  // namespace holdfast
