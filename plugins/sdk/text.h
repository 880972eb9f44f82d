#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Text as it may be shown on a terminal, in a log or in a YAML comment; one line. Controls (C0, DEL,
// C1), bidirectional overrides, what shows nothing (zero-width, tags) and invalid UTF-8 become \xNN:
// tenants choose names, and none of them may steer a terminal or look like another.
std::string Printable(std::string_view text);

// True when `text` is well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);
// How many bytes at the start of `text` are well-formed UTF-8: text.size() when all of it is.
std::size_t Utf8Prefix(std::string_view text);

// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length away), or
// an empty string: for "did you mean".
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

// "1.5 GiB", "12 B": binary units, one decimal.
std::string HumanSize(std::uint64_t bytes);
// "250 ms", "1.2 s", "3 min 20 s", "26 h".
std::string HumanDuration(double seconds);

std::string_view Trim(std::string_view text);
// With its letters A to Z small, whatever the locale; everything else as it is.
std::string Lowered(std::string_view text);
std::vector<std::string_view> Split(std::string_view text, char separator);
// A UUID as RFC 9562 writes it, in lower case; empty when it is none.
std::string CanonicalUuid(std::string_view text);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace holdfast
