#include "runtime/lint/mistral_characters.h"

#include <algorithm>
#include <array>

namespace holdfast::lint {
namespace {

// Up to the next row all characters are the same.
struct CharacterRow {
  std::uint32_t first;
  std::uint8_t classes;
};

#include "runtime/lint/mistral_character_table.inc"

std::uint8_t ClassesOf(std::uint32_t character) {
  const auto* const after = std::upper_bound(
      kRows.begin(), kRows.end(), character,
      [](std::uint32_t wanted, const CharacterRow& row) { return wanted < row.first; });
  return std::prev(after)->classes;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

Character CharacterAt(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80U) return {ClassesOf(first), 1};
  const std::size_t length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
  if (first < 0xC2U || first > 0xF4U || text.size() - at < length) return {};
  std::uint32_t character = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[at + i])) return {};
    character = character << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  }
  return {ClassesOf(character), length};
}

bool IsAt(std::string_view text, std::size_t at, std::uint8_t classes) {
  return at < text.size() && (CharacterAt(text, at).classes & classes) != 0;
}

std::size_t BeginBefore(std::string_view text, std::size_t at) {
  const std::size_t end = at--;
  while (at > 0 && end - at < 4 && IsContinuation(text[at])) --at;
  // Of what is no UTF-8, each byte is one.
  return at + CharacterAt(text, at).length == end ? at : end - 1;
}

bool IsBefore(std::string_view text, std::size_t at, std::uint8_t classes) {
  return at > 0 && IsAt(text, BeginBefore(text, at), classes);
}

std::size_t EndOf(std::string_view text, std::size_t at, std::uint8_t classes) {
  while (at < text.size()) {
    const Character one = CharacterAt(text, at);
    if ((one.classes & classes) == 0) break;
    at += one.length;
  }
  return at;
}

}  // namespace holdfast::lint
