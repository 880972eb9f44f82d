#include "runtime/lint/mistral_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "runtime/lint/mistral_characters.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;

constexpr std::string_view kDigits = "0123456789";

bool AllOf(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}
std::string_view WithoutSign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

// yaml/resolver.py, but for what only a tag has.
constexpr std::array<std::string_view, 9> kTrue{"yes",  "Yes", "YES", "true", "True",
                                                "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 9> kFalse{"no",    "No",  "NO",  "false", "False",
                                                 "FALSE", "off", "Off", "OFF"};

bool IsAmong(const std::array<std::string_view, 9>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// [1-9][0-9_]*(:[0-5]?[0-9])+
bool IsSexagesimal(std::string_view text) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !AllOf(text.substr(0, colon), "0123456789_"))
    return false;
  while (colon != std::string_view::npos) {
    text.remove_prefix(colon + 1);
    colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (part.empty() || part.size() > 2 || !AllOf(part, kDigits) ||
        (part.size() == 2 && part[0] > '5'))
      return false;
  }
  return true;
}

bool IsInt(std::string_view text) {
  text = WithoutSign(text);
  if (text.empty() || !IsDigit(text[0])) return false;
  if (text.starts_with("0b")) return text.size() > 2 && AllOf(text.substr(2), "01_");
  if (text.starts_with("0x"))
    return text.size() > 2 && AllOf(text.substr(2), "0123456789abcdefABCDEF_");
  if (text[0] == '0') return AllOf(text, "01234567_");
  return AllOf(text, "0123456789_") || IsSexagesimal(text);
}

// [0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?, or without the first digits; a number with ':' and '.'.
bool IsFloat(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  text = WithoutSign(text);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view whole = text.substr(0, dot);
  std::string_view fraction = text.substr(dot + 1);
  if (const std::size_t e = fraction.find_first_of("eE"); e != std::string_view::npos) {
    const std::string_view exponent = fraction.substr(e + 1);
    if (exponent.size() < 2 || (exponent[0] != '-' && exponent[0] != '+') ||
        !AllOf(exponent.substr(1), kDigits))
      return false;
    fraction = fraction.substr(0, e);
  }
  if (!AllOf(fraction, "0123456789_")) return false;
  if (whole.empty()) return !fraction.empty() && IsDigit(fraction[0]);
  return IsDigit(whole[0]) && (AllOf(whole, "0123456789_") || IsSexagesimal(whole));
}

// YYYY-MM-DD; with a time, which alone may have single digits.
bool IsDate(std::string_view text) {
  if (text.size() < 8 || !AllOf(text.substr(0, 4), kDigits) || text[4] != '-') return false;
  std::size_t at = 5;
  const auto number = [&] {
    const std::size_t begin = at;
    while (at < text.size() && IsDigit(text[at]) && at - begin < 2) ++at;
    return at > begin;
  };
  if (!number() || at >= text.size() || text[at++] != '-' || !number()) return false;
  if (at == text.size()) return text.size() == 10;
  const std::size_t time = text.find_first_not_of(" \tTt", at);
  return time != at && time != std::string_view::npos &&
         text.find(':', time) != std::string_view::npos &&
         AllOf(text.substr(time), "0123456789:.+-Z \t");
}

// Of an integer as PyYAML has it. One that does not fit is nobody's.
std::int64_t IntegerOf(std::string_view plain) {
  const bool negative = plain.starts_with('-');
  std::string text(WithoutSign(plain));
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  std::int64_t number = 0;
  const auto parse = [](std::string_view digits, int base) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    return value;
  };
  if (text.starts_with("0b")) {
    number = parse(std::string_view(text).substr(2), 2);
  } else if (text.starts_with("0x")) {
    number = parse(std::string_view(text).substr(2), 16);
  } else if (text.find(':') != std::string::npos) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      number = number * 60 + parse(rest.substr(0, colon), 10);
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  } else {
    number = parse(text, text.size() > 1 && text[0] == '0' ? 8 : 10);
  }
  return negative ? -number : number;
}

// The characters of a scalar's place, in one line; empty for one in quotes, or that has none.
std::string_view PlainAt(const SourceFile& source, Position position) {
  const std::string_view line = source.Line(position.line);
  if (position.column == 0 || position.column > line.size()) return {};
  const std::string_view rest = line.substr(position.column - 1);
  if (rest[0] == '"' || rest[0] == '\'' || rest[0] == '|' || rest[0] == '>' || rest[0] == '!')
    return {};
  return rest;
}

class Reader {
 public:
  Reader(const SourceFile& source, Findings& dates) : source_(source), dates_(dates) {}

  Value Read(const Value& value) {
    Value read = ReadInside(value);
    read.set_position(value.position());
    read.set_key_position(value.key_position());
    return read;
  }

 private:
  Value ReadInside(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kMap: {
        Value::Map map;
        for (const auto& [key, inside] : value.AsMap())
          map.emplace_hint(map.end(), key, Read(inside));
        return Value(std::move(map));
      }
      case Value::Kind::kList: {
        Value::List list;
        list.reserve(value.AsList().size());
        for (const Value& inside : value.AsList()) list.push_back(Read(inside));
        return Value(std::move(list));
      }
      case Value::Kind::kString:
        return Text(value);
      case Value::Kind::kInt:
      case Value::Kind::kDouble:
        return Number(value);
      default:
        return value;
    }
  }

  Value Text(const Value& value) {
    const std::string& text = value.AsString();
    // Nothing else is anything but a text, and most texts begin otherwise.
    if (text.empty() ||
        std::string_view("yYnNoO0123456789+-.").find(text[0]) == std::string_view::npos)
      return value;
    const PlainKind kind = KindOfPlain(text);
    if (kind == PlainKind::kText || !PlainAt(source_, value.position()).starts_with(text))
      return value;
    if (kind == PlainKind::kBool) return Value(IsAmong(kTrue, text));
    if (kind == PlainKind::kInt) return Value(IntegerOf(text));
    if (kind == PlainKind::kDate) {
      dates_.push_back(
          {"field",
           source_.At(value.position(), "Mistral reads a date here, and takes none", text.size())
               .Hint(fmt::format("'{}'", text))});
    }
    return kind == PlainKind::kFloat ? Value(0.5) : value;
  }

  Value Number(const Value& value) {
    std::string_view plain = PlainAt(source_, value.position());
    const std::size_t end = plain.find_first_not_of("0123456789abcdefxoABCDEF_+-.:");
    plain = plain.substr(0, end);
    while (plain.ends_with(':')) plain.remove_suffix(1);
    switch (KindOfPlain(plain)) {
      case PlainKind::kInt:
        return Value(IntegerOf(plain));
      case PlainKind::kText:
        return plain.empty() ? value : Value(plain);
      default:
        return value;
    }
  }

  const SourceFile& source_;
  Findings& dates_;
};

}  // namespace

PlainKind KindOfPlain(std::string_view plain) {
  if (plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL")
    return PlainKind::kNull;
  if (IsAmong(kTrue, plain) || IsAmong(kFalse, plain)) return PlainKind::kBool;
  if (IsInt(plain)) return PlainKind::kInt;
  if (IsFloat(plain)) return PlainKind::kFloat;
  return IsDate(plain) ? PlainKind::kDate : PlainKind::kText;
}

MistralDocument ReadAsMistral(const SourceFile& source, const Value& document) {
  MistralDocument read;
  read.value = Reader(source, read.dates).Read(document);
  return read;
}

bool IsTextKey(const SourceFile& source, std::string_view key, const Value& value) {
  return KindOfPlain(key) == PlainKind::kText || PlainAt(source, value.key_position()).empty();
}

}  // namespace holdfast::lint
