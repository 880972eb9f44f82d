#include "runtime/mistral/definition_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/mistral/old_grammar.h"

namespace holdfast::mistral {
namespace {

using local::SourceFile;

constexpr std::string_view kDigits = "0123456789";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
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

// [0-9][0-9_]*(:[0-5]?[0-9])+
bool IsSexagesimal(std::string_view text) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !IsDigit(text[0]) ||
      !AllOf(text.substr(0, colon), "0123456789_"))
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

// [0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?, or without a sign and the first digits; a number with ':' and '.'.
bool IsFloat(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  const bool sign = WithoutSign(text) != text;
  text = WithoutSign(text);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view whole = text.substr(0, dot);
  std::string_view fraction = text.substr(dot + 1);
  bool exponent = false;
  if (const std::size_t e = fraction.find_first_of("eE"); e != std::string_view::npos) {
    const std::string_view power = fraction.substr(e + 1);
    if (power.size() < 2 || (power[0] != '-' && power[0] != '+') ||
        !AllOf(power.substr(1), kDigits))
      return false;
    fraction = fraction.substr(0, e);
    exponent = true;
  }
  if (!AllOf(fraction, "0123456789_")) return false;
  if (whole.empty()) return !sign && !fraction.empty() && IsDigit(fraction[0]);
  return IsDigit(whole[0]) && (AllOf(whole, "0123456789_") || (!exponent && IsSexagesimal(whole)));
}

// YYYY-MM-DD, or with a time behind blanks or a 't', which alone may have single digits of month, day and hour.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : text_(text) {}

  bool Run() {
    std::size_t month = 0;
    std::size_t day = 0;
    if (Digits(4) != 4 || !Take("-") || (month = Digits(2)) == 0 || !Take("-") ||
        (day = Digits(2)) == 0)
      return false;
    if (at_ == text_.size()) return month == 2 && day == 2;
    if (!Take("tT") && Blanks() == 0) return false;
    if (Digits(2) == 0 || !Take(":") || Digits(2) != 2 || !Take(":") || Digits(2) != 2)
      return false;
    if (Take(".")) Digits(text_.size());
    const std::size_t end = at_;
    Blanks();
    if (Take("Z")) return at_ == text_.size();
    if (Take("+-")) return Digits(2) > 0 && (!Take(":") || Digits(2) == 2) && at_ == text_.size();
    return end == text_.size();
  }

 private:
  std::size_t Digits(std::size_t most) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsDigit(text_[at_]) && at_ - begin < most) ++at_;
    return at_ - begin;
  }
  std::size_t Blanks() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    return at_ - begin;
  }
  bool Take(std::string_view one_of) {
    if (at_ == text_.size() || one_of.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Of 0b and 0x alone, and of '_' behind them, Python makes no number.
bool HasDigits(std::string_view text) {
  text = WithoutSign(text);
  return (!text.starts_with("0b") && !text.starts_with("0x")) ||
         text.find_first_not_of('_', 2) != std::string_view::npos;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  return digits;
}

// What stands between ':' are digits of base 60; the last of them may have a fraction.
double NumberOf(std::string_view digits, int base) {
  double number = 0;
  for (const char c : digits) {
    const int digit = IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
    number = number * base + digit;
  }
  return number;
}
double SexagesimalOf(std::string_view text) {
  double number = 0;
  while (true) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    number = number * 60 + std::strtod(std::string(text.substr(0, colon)).c_str(), nullptr);
    if (colon == text.size()) return number;
    text.remove_prefix(colon + 1);
  }
}

// As PyYAML has it. One that does not fit into 64 bits is a double here.
Value IntegerOf(std::string_view plain) {
  const bool negative = plain.starts_with('-');
  const std::string text = WithoutUnderscores(WithoutSign(plain));
  double about = 0;
  std::uint64_t number = 0;
  bool fits = true;
  if (text.find(':') != std::string::npos) {
    about = SexagesimalOf(text);
    fits = about < 9e15;
    number = fits ? static_cast<std::uint64_t>(about) : 0;
  } else {
    std::string_view digits = text;
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
      base = text[1] == 'b' ? 2 : text[1] == 'x' ? 16 : 8;
      digits.remove_prefix(base == 8 ? 1 : 2);
    }
    about = NumberOf(digits, base);
    fits = std::from_chars(digits.data(), digits.data() + digits.size(), number, base).ec ==
               std::errc() &&
           number <= INT64_MAX;
  }
  if (!fits) return Value(negative ? -about : about);
  const auto whole = static_cast<std::int64_t>(number);
  return Value(negative ? -whole : whole);
}

Value FloatOf(std::string_view plain) {
  const bool negative = plain.starts_with('-');
  const std::string text = WithoutUnderscores(WithoutSign(plain));
  const double number = text.find(':') != std::string::npos ? SexagesimalOf(text)
                                                            : std::strtod(text.c_str(), nullptr);
  return Value(negative ? -number : number);
}

// The characters of a scalar's place, in one line; empty for one in quotes, or that has none.
std::string_view PlainAt(const SourceFile& source, Position position) {
  const std::string_view line = source.Line(position.line);
  if (position.column == 0 || position.column > line.size()) return {};
  std::string_view rest = line.substr(position.column - 1);
  // To Mistral the tag '!' says nothing.
  if (rest.starts_with("! "))
    rest.remove_prefix(std::min(rest.find_first_not_of(' ', 1), rest.size() - 1));
  if (rest[0] == '"' || rest[0] == '\'' || rest[0] == '|' || rest[0] == '>' || rest[0] == '!')
    return {};
  return rest;
}

class Reader {
 public:
  Reader(const SourceFile& source, std::vector<Error>& refused)
      : source_(source), refused_(refused) {}

  Value Read(const Value& value) {
    Value read = ReadInside(value);
    read.set_position(value.position());
    read.set_key_position(value.key_position());
    return read;
  }

 private:
  Value ReadInside(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kMap:
        return Map(value);
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

  Value Map(const Value& value) {
    Value::Map map;
    const Value* merged = nullptr;
    for (const auto& [key, inside] : value.AsMap()) {
      if (key == "<<" && !PlainAt(source_, inside.key_position()).empty()) {
        merged = &inside;
      } else {
        map.emplace_hint(map.end(), key, Read(inside));
      }
    }
    if (merged != nullptr) Merge(Read(*merged), map);
    return Value(std::move(map));
  }

  // Of several maps, an earlier one wins; what the map has itself wins over all.
  void Merge(const Value& from, Value::Map& map) {
    if (from.is_map()) {
      map.insert(from.AsMap().begin(), from.AsMap().end());
      return;
    }
    const bool maps = from.is_list() && std::all_of(from.AsList().begin(), from.AsList().end(),
                                                    [](const Value& one) { return one.is_map(); });
    if (!maps) {
      refused_.push_back(source_.AtKey(from, "<<", "Mistral merges a map here, or a list of maps"));
      return;
    }
    for (const Value& one : from.AsList()) Merge(one, map);
  }

  Value Text(const Value& value) {
    const std::string& text = value.AsString();
    // Nothing else is anything but a text, and most texts begin otherwise.
    if (text.empty() ||
        std::string_view("yYnNoO0123456789+-.=<").find(text[0]) == std::string_view::npos)
      return value;
    const PlainKind kind = KindOfPlain(text);
    if (kind == PlainKind::kText || !PlainAt(source_, value.position()).starts_with(text))
      return value;
    switch (kind) {
      case PlainKind::kBool:
        return Value(IsAmong(kTrue, text));
      case PlainKind::kInt:
        if (!HasDigits(text)) return Refuse(value, "Mistral reads a number without digits here");
        return IntegerOf(text);
      case PlainKind::kFloat:
        return FloatOf(text);
      case PlainKind::kDate:
        return Refuse(value, "Mistral reads a date here, and takes none");
      case PlainKind::kMerge:
      case PlainKind::kDefault:
        return Refuse(value, fmt::format("Mistral refuses {} without quotes", text));
      default:
        return value;
    }
  }

  Value Number(const Value& value) {
    std::string_view plain = PlainAt(source_, value.position());
    const std::size_t end = plain.find_first_not_of("0123456789abcdefxoABCDEF_+-.:");
    plain = plain.substr(0, end);
    while (plain.ends_with(':')) plain.remove_suffix(1);
    switch (KindOfPlain(plain)) {
      case PlainKind::kInt:
        return IntegerOf(plain);
      case PlainKind::kText:
        return plain.empty() ? value : Value(plain);
      default:
        return value;
    }
  }

  // A text it stays, which is what its author means.
  Value Refuse(const Value& value, std::string message) {
    refused_.push_back(source_.At(value.position(), std::move(message), value.AsString().size())
                           .Hint(fmt::format("'{}'", value.AsString())));
    return value;
  }

  const SourceFile& source_;
  std::vector<Error>& refused_;
};

}  // namespace

PlainKind KindOfPlain(std::string_view plain) {
  if (plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL")
    return PlainKind::kNull;
  if (plain == "<<") return PlainKind::kMerge;
  if (plain == "=") return PlainKind::kDefault;
  if (IsAmong(kTrue, plain) || IsAmong(kFalse, plain)) return PlainKind::kBool;
  if (IsInt(plain)) return PlainKind::kInt;
  if (IsFloat(plain)) return PlainKind::kFloat;
  return DateReader(plain).Run() ? PlainKind::kDate : PlainKind::kText;
}

Result<MistralDocument> ReadMistralFile(const local::ParsedFile& file) {
  if (!file.documents) return file.documents.error();
  if (auto fault = GrammarFault(file.source)) return *std::move(fault);
  if (file.documents->empty()) return local::EmptyFile(file.source.path);
  MistralDocument read;
  read.value = Reader(file.source, read.refused).Read(file.documents->front());
  return read;
}

bool IsTextKey(const SourceFile& source, std::string_view key, const Value& value) {
  const PlainKind kind = KindOfPlain(key);
  return kind == PlainKind::kText || kind == PlainKind::kDefault ||
         PlainAt(source, value.key_position()).empty();
}

}  // namespace holdfast::mistral
