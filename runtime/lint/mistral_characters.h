#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The characters of Mistral's names and expressions, as Python tells them apart: what looks like a blank or a letter is not always one.
namespace holdfast::lint {

// What a character is; several at once.
namespace character {

inline constexpr std::uint8_t kWord = 1;       // \w
inline constexpr std::uint8_t kDigit = 2;      // \d
inline constexpr std::uint8_t kNameStart = 4;  // of an identifier
inline constexpr std::uint8_t kNamePart = 8;   // the same, anywhere in it
inline constexpr std::uint8_t kNameOfJinja =
    16;  // what Jinja cuts out as a name; not all of it may be one
inline constexpr std::uint8_t kBlank = 32;  // \s

}  // namespace character

struct Character {
  std::uint8_t classes = 0;
  std::size_t length = 1;  // in bytes
};
// The one that begins at `at`, which is inside of the text. What is no UTF-8 is nothing, of one byte.
Character CharacterAt(std::string_view text, std::size_t at);

// Is there a character of one of these classes at `at`, or does one end there?
bool IsAt(std::string_view text, std::size_t at, std::uint8_t classes);
bool IsBefore(std::string_view text, std::size_t at, std::uint8_t classes);
// Where the one that ends at `at`, which is not the beginning, begins.
std::size_t BeginBefore(std::string_view text, std::size_t at);
// Behind the characters of one of these classes that begin at `at`; `at` where none does.
std::size_t EndOf(std::string_view text, std::size_t at, std::uint8_t classes);

// One of those of ASCII.
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// Behind the word that begins at `at`; `at` where none does.
inline std::size_t WordEnd(std::string_view text, std::size_t at) {
  return EndOf(text, at, character::kWord);
}
// Behind the quoted text that begins at `at`, in which a backslash quotes; npos: it is not closed.
inline std::size_t QuotedEnd(std::string_view text, std::size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : std::string_view::npos;
}

}  // namespace holdfast::lint
