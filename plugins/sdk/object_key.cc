#include "plugins/sdk/object_key.h"

#include <fmt/format.h>

#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

constexpr std::string_view kEmptyText = "@E";

bool IsPlain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The start of a key for an error message: keys may be hostile and long.
std::string Shown(std::string_view text) {
  static constexpr std::size_t kShown = 80;
  return text.size() <= kShown ? Printable(text) : Printable(text.substr(0, kShown)) + "...";
}

}  // namespace

Result<ObjectKey> ObjectKey::Parse(std::string_view text) {
  if (text.empty()) return InvalidInput("an object key may not be empty");
  if (text.size() > kMaxKey) {
    return InvalidInput(fmt::format("object key '{}' has {} bytes; at most {} are allowed",
                                    Shown(text), text.size(), kMaxKey));
  }
  for (const char c : text) {
    if (!IsPlain(c) && c != '@' && c != '/') {
      return InvalidInput(
          fmt::format("object key '{}' has the byte 0x{:02x}, which no key may have", Shown(text),
                      static_cast<unsigned char>(c)));
    }
  }
  for (const std::string_view part : Split(text, '/')) {
    if (part.empty()) {
      return InvalidInput(fmt::format("object key '{}' has an empty part", Shown(text)));
    }
    if (part == "." || part == "..") {
      return InvalidInput(fmt::format("object key '{}' has the part '{}'", Shown(text), part));
    }
    if (part.size() > kMaxPart) {
      return InvalidInput(
          fmt::format("object key '{}' has a part of {} bytes; at most {} are allowed", Shown(text),
                      part.size(), kMaxPart));
    }
  }
  return ObjectKey(std::string(text));
}

Result<ObjectKey> ObjectKey::Child(std::string_view tail) const {
  return Parse(text_ + "/" + std::string(tail));
}

std::string KeyPart(std::string_view text) {
  if (text.empty()) return std::string(kEmptyText);
  const bool dots = text == "." || text == "..";
  std::string part;
  for (const char c : text) {
    if (IsPlain(c) && !dots) {
      part += c;
    } else {
      part += fmt::format("@{:02X}", static_cast<unsigned char>(c));
    }
    if (part.size() > ObjectKey::kMaxPart) return "@H" + Sha256Hex(text);
  }
  return part;
}

Result<std::string> TextOfKeyPart(std::string_view part) {
  const auto refuse = [&] {
    return InvalidInput(fmt::format("'{}' is no part of a key of ours", Shown(part)));
  };
  if (part.starts_with("@H")) {
    if (part.size() != 66 ||
        part.substr(2).find_first_not_of("0123456789abcdef") != std::string_view::npos) {
      return refuse();
    }
    return NotFound(
        fmt::format("key part '{}' is a hash: the text stands inside the object", part));
  }
  if (part == kEmptyText) return std::string();
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '@') {
      text += part[i];
      continue;
    }
    const int high = i + 2 < part.size() ? HexDigit(part[i + 1]) : -1;
    const int low = i + 2 < part.size() ? HexDigit(part[i + 2]) : -1;
    if (high < 0 || low < 0) return refuse();
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  // One text, one part: what KeyPart would have written otherwise is not ours.
  if (KeyPart(text) != part) return refuse();
  return text;
}

}  // namespace holdfast
