#include "runtime/lint/mistral_constants.h"

#include <charconv>
#include <cstdint>
#include <string>

#include "runtime/lint/mistral_characters.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

std::string_view WithoutBlanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::optional<Value> NumberIn(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = WithoutBlanks(text.substr(negative ? 1 : 0));
  if (digits.empty() || !IsDigit(digits.front()) || !IsDigit(digits.back())) return std::nullopt;
  const char* const end = digits.data() + digits.size();
  std::int64_t whole = 0;
  if (digits.find('.') == std::string_view::npos) {
    const auto read = std::from_chars(digits.data(), end, whole);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return Value(negative ? -whole : whole);
  }
  double number = 0;
  const auto read = std::from_chars(digits.data(), end, number, std::chars_format::fixed);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return Value(negative ? -number : number);
}

std::optional<Value> WordIn(std::string_view word, bool jinja) {
  if (word == "true" || (jinja && word == "True")) return Value(true);
  if (word == "false" || (jinja && word == "False")) return Value(false);
  if (word == (jinja ? "none" : "null") || (jinja && word == "None")) return Value();
  if (jinja) return std::nullopt;
  for (const std::string_view name : {"and", "or", "in", "mod", "not"}) {
    if (word == name) return std::nullopt;
  }
  return Value(word);
}

std::optional<Value> Operand(std::string_view text, bool jinja) {
  if (text.empty()) return std::nullopt;
  if (text.front() == '\'' || text.front() == '"') {
    if (text.find('\\') != std::string_view::npos || QuotedEnd(text, 0) != text.size())
      return std::nullopt;
    return Value(text.substr(1, text.size() - 2));
  }
  // YAQL of Mistral's has no [] to begin with.
  if (jinja && text == "[]") return Value(Value::List{});
  if (jinja && text == "{}") return Value(Value::Map{});
  if (IsDigit(text.front()) || text.front() == '-') return NumberIn(text);
  return WordEnd(text, 0) == text.size() ? WordIn(text, jinja) : std::nullopt;
}

std::optional<Value> Evaluated(std::string_view text, bool jinja) {
  // A loop: nobody knows how many of these stand in each other.
  std::size_t negations = 0;
  while (true) {
    text = WithoutBlanks(text);
    if (text.starts_with("not ") || text.starts_with("not\t")) {
      ++negations;
      text.remove_prefix(4);
    } else if (text.size() > 1 && text.front() == '(' && text.back() == ')') {
      text = text.substr(1, text.size() - 2);
    } else {
      break;
    }
  }
  std::optional<Value> operand = Operand(text, jinja);
  if (!operand || negations == 0) return operand;
  return Value(Holds(*operand) == (negations % 2 == 0));
}

}  // namespace

std::optional<Value> ConstantIn(std::string_view text) {
  if (text.size() < 4 || ExpressionLength(text) != text.size()) return std::nullopt;
  const bool jinja = text.starts_with("{{");
  std::string_view inside = text.substr(2, text.size() - 4);
  if (jinja && inside.starts_with('-')) inside.remove_prefix(1);
  if (jinja && inside.ends_with('-')) inside.remove_suffix(1);
  return Evaluated(inside, jinja);
}

std::optional<Value> ConstantOf(const Value& value) {
  return value.is_string() ? ConstantIn(value.AsString()) : std::optional<Value>(value);
}

bool Holds(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kBool:
      return value.AsBool();
    case Value::Kind::kInt:
    case Value::Kind::kDouble:
      return value.AsDouble() != 0;
    case Value::Kind::kString:
      return !value.AsString().empty();
    case Value::Kind::kList:
      return !value.AsList().empty();
    case Value::Kind::kMap:
      return !value.AsMap().empty();
  }
  return true;
}

}  // namespace holdfast::lint
