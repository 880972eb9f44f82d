#include "runtime/lint/old_yaml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace holdfast::lint {
namespace {

using Words = std::array<std::string_view, 11>;
constexpr Words kTrue{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"};
constexpr Words kFalse{"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"};

bool IsAmong(const Words& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// As Go's strconv.ParseInt with the base of the text's own: 0b11, 0o17, 0x1f, 017.
std::optional<std::int64_t> IntegerIn(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text.size() > 2 ? static_cast<char>(text[1] | 0x20) : ' ';
    base = mark == 'b' ? 2 : mark == 'x' ? 16 : 8;
    text.remove_prefix(mark == 'b' || mark == 'x' || mark == 'o' ? 2 : 1);
  }
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || number > INT64_MAX)
    return std::nullopt;
  return negative ? -static_cast<std::int64_t>(number) : static_cast<std::int64_t>(number);
}

std::optional<double> NumberIn(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  // Neither "inf" nor two signs.
  const std::string_view first = text.substr(text.starts_with('-') ? 1 : 0);
  if (first.empty() || (!IsDigit(first[0]) && first[0] != '.')) return std::nullopt;
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Value> OldReading(std::string_view plain) {
  if (IsAmong(kTrue, plain)) return Value(true);
  if (IsAmong(kFalse, plain)) return Value(false);
  if (plain.empty() ||
      !(IsDigit(plain[0]) || plain[0] == '+' || plain[0] == '-' || plain[0] == '.'))
    return std::nullopt;
  std::string digits(plain);
  // '_' is nothing to it, but behind a '.' that is the first.
  if (plain[0] != '.') std::erase(digits, '_');
  if (const auto integer = IntegerIn(digits)) return Value(*integer);
  if (const auto number = NumberIn(digits)) return Value(*number);
  return std::nullopt;
}

}  // namespace holdfast::lint
