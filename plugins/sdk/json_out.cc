#include "plugins/sdk/json_out.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

// Stands in a text as it is, and is no part of a longer character.
bool IsPlain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

void AppendEscaped(char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
      } else {
        out += c;
      }
  }
}

}  // namespace

void JsonOut::Key(std::string_view key) {
  HOLDFAST_CHECK(!frames_.empty() && frames_.back().map && !frames_.back().key_given);
  Separate(frames_.back());
  Quoted(key);
  out_ += pretty_ ? ": " : ":";
  frames_.back().key_given = true;
}

void JsonOut::Text(std::string_view text) {
  StartValue();
  Quoted(text);
}

void JsonOut::Integer(std::int64_t number) {
  StartValue();
  char buffer[24];
  out_.append(buffer, std::to_chars(std::begin(buffer), std::end(buffer), number).ptr);
}

void JsonOut::Number(double number) {
  StartValue();
  if (!std::isfinite(number)) return Fail(InvalidInput("JSON has no infinity and no NaN"));
  char buffer[64];
  const char* const end = std::to_chars(std::begin(buffer), std::end(buffer), number).ptr;
  const std::string_view written(buffer, static_cast<std::size_t>(end - buffer));
  out_ += written;
  // So that it is read again as what it was.
  if (written.find_first_of(".e") == std::string_view::npos) out_ += ".0";
}

void JsonOut::Bool(bool truth) {
  StartValue();
  out_ += truth ? "true" : "false";
}

void JsonOut::Null() {
  StartValue();
  out_ += "null";
}

void JsonOut::Write(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return Null();
    case Value::Kind::kBool:
      return Bool(value.AsBool());
    case Value::Kind::kInt:
      return Integer(value.AsInt());
    case Value::Kind::kDouble:
      return Number(value.AsDouble());
    case Value::Kind::kString:
      return Text(value.AsString());
    case Value::Kind::kList:
      BeginList();
      if (!error_) {
        for (const Value& item : value.AsList()) Write(item);
      }
      return EndList();
    case Value::Kind::kMap:
      BeginMap();
      if (!error_) {
        for (const auto& [key, item] : value.AsMap()) {
          Key(key);
          Write(item);
        }
      }
      return EndMap();
  }
}

Result<std::string> JsonOut::Take() {
  HOLDFAST_CHECK(frames_.empty() && root_written_);
  if (pretty_) out_ += '\n';
  std::string text = std::exchange(out_, {});
  root_written_ = false;
  if (error_) return *std::exchange(error_, std::nullopt);
  return text;
}

void JsonOut::Begin(char bracket) {
  StartValue();
  if (frames_.size() == kMaxJsonDepth)
    Fail(InvalidInput(fmt::format("nested deeper than {} levels", kMaxJsonDepth)));
  frames_.push_back({bracket == '{', true, false});
  out_ += bracket;
}

void JsonOut::End(char bracket) {
  HOLDFAST_CHECK(!frames_.empty() && frames_.back().map == (bracket == '}') &&
                 !frames_.back().key_given);
  const bool empty = frames_.back().empty;
  frames_.pop_back();
  if (!empty) NewLine();
  out_ += bracket;
}

void JsonOut::StartValue() {
  if (frames_.empty()) {
    HOLDFAST_CHECK(!root_written_);
    root_written_ = true;
    return;
  }
  Frame& frame = frames_.back();
  if (frame.map) {
    HOLDFAST_CHECK(frame.key_given);
    frame.key_given = false;
    return;
  }
  Separate(frame);
}

void JsonOut::Separate(Frame& frame) {
  if (!frame.empty) out_ += ',';
  frame.empty = false;
  NewLine();
}

void JsonOut::NewLine() {
  if (!pretty_) return;
  out_ += '\n';
  out_.append(frames_.size() * 2, ' ');
}

void JsonOut::Quoted(std::string_view text) {
  const std::string_view whole = text;
  out_ += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out_.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      AppendEscaped(text.front(), out_);
      text.remove_prefix(1);
      continue;
    }
    std::size_t others = 1;
    while (others < text.size() && static_cast<unsigned char>(text[others]) >= 0x80) ++others;
    if (!IsUtf8(text.substr(0, others))) {
      Fail(InvalidInput(
          fmt::format("'{}' is not UTF-8 and cannot stand in JSON", Printable(whole))));
    }
    out_.append(text.substr(0, others));
    text.remove_prefix(others);
  }
  out_ += '"';
}

void JsonOut::Fail(Error error) {
  if (!error_) error_ = std::move(error);
}

}  // namespace holdfast
