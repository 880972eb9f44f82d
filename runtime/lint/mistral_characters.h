#pragma once

#include <cstddef>
#include <string_view>

// The characters of Mistral's names and expressions, which are those of Python's \w: of what is beyond ASCII, letters are
// by far the most.
namespace holdfast::lint {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}
// One of Python's \s in ASCII.
inline bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
// Behind the word that begins at `at`; `at` where none does.
inline std::size_t WordEnd(std::string_view text, std::size_t at) {
  while (at < text.size() && IsWord(text[at])) ++at;
  return at;
}
// Behind the quoted text that begins at `at`, in which a backslash quotes; npos: it is not closed.
inline std::size_t QuotedEnd(std::string_view text, std::size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : std::string_view::npos;
}

}  // namespace holdfast::lint
