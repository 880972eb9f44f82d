#include "compiler/yaml/yaml_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

// A key on one line may have 1,024 characters (YAML 1.2, 7.4.2); longer ones are written "? key".
constexpr std::size_t kLongestSimpleKey = 1000;

// Decodes the sequence at `at` of well-formed UTF-8.
std::uint32_t CodePointAt(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) {
    length = 1;
    return first;
  }
  length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  std::uint32_t code_point = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code_point = (code_point << 6U) | (byte(i) & 0x3FU);
  return code_point;
}

// What readers refuse, end lines at, or people cannot see.
bool NeedsEscape(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x061C ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c & 0xFFFEU) == 0xFFFEU ||
         (c >= 0xFDD0 && c <= 0xFDEF) || (c >= 0xFFF0 && c <= 0xFFFB) || c >= 0xE0000;
}

std::string Escape(std::uint32_t c) {
  switch (c) {
    case 0x00:
      return "\\0";
    case 0x07:
      return "\\a";
    case 0x08:
      return "\\b";
    case 0x09:
      return "\\t";
    case 0x0A:
      return "\\n";
    case 0x0B:
      return "\\v";
    case 0x0C:
      return "\\f";
    case 0x0D:
      return "\\r";
    case 0x1B:
      return "\\e";
    default:
      break;
  }
  if (c <= 0xFF) return fmt::format("\\x{:02x}", c);
  if (c <= 0xFFFF) return fmt::format("\\u{:04x}", c);
  return fmt::format("\\U{:08x}", c);
}

constexpr std::array<std::string_view, 11> kWordsOfYaml{"y",    "n",     "yes",  "no",  "on", "off",
                                                        "true", "false", "null", "nan", "inf"};

}  // namespace

bool IsPlainWord(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || text.size() > kLongestSimpleKey || !letter(text.front())) return false;
  for (const char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' && c != '/') {
      return false;
    }
  }
  constexpr std::size_t kLongestWordOfYaml = 5;  // false
  if (text.size() > kLongestWordOfYaml) return true;
  return std::find(kWordsOfYaml.begin(), kWordsOfYaml.end(), Lowered(text)) == kWordsOfYaml.end();
}

void YamlOut::NewLine(std::size_t indent) {
  if (!out_.empty()) out_ += '\n';
  out_.append(indent, ' ');
}

void YamlOut::StartMember(Frame& frame) {
  if (frame.flow) {
    if (frame.members > 0) out_ += ", ";
  } else if (frame.members > 0 || !frame.on_line) {
    NewLine(frame.indent);
  } else {
    out_ += ' ';
  }
  ++frame.members;
}

void YamlOut::StartValue() {
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
  StartMember(frame);
  if (!frame.flow) out_ += '-';
}

void YamlOut::Scalar(std::string_view text) {
  StartValue();
  const bool in_flow_list = !frames_.empty() && frames_.back().flow && !frames_.back().map;
  if (frames_.empty()) {
    NewLine(0);
  } else if (!in_flow_list) {
    out_ += ' ';
  }
  out_ += text;
}

void YamlOut::Begin(bool map, bool flow) {
  const bool root = frames_.empty();
  const bool parent_is_list = !root && !frames_.back().map;
  const bool parent_is_flow = !root && frames_.back().flow;
  const std::size_t parent_indent = root ? 0 : frames_.back().indent;
  StartValue();
  Frame frame;
  frame.map = map;
  frame.flow = flow || parent_is_flow;
  if (frame.flow) {
    if (root) {
      NewLine(0);
    } else if (!parent_is_flow || !parent_is_list) {
      out_ += ' ';
    }
    out_ += map ? '{' : '[';
  } else {
    frame.on_line = parent_is_list;
    // A list below a key stands at the key's own level.
    frame.indent = root ? 0 : parent_is_list || map ? parent_indent + 2 : parent_indent;
  }
  frames_.push_back(frame);
}

void YamlOut::End(bool map) {
  HOLDFAST_CHECK(!frames_.empty() && frames_.back().map == map && !frames_.back().key_given);
  const Frame frame = frames_.back();
  frames_.pop_back();
  if (frame.flow) {
    out_ += map ? '}' : ']';
  } else if (frame.members == 0) {
    if (frames_.empty()) {
      NewLine(0);
    } else {
      out_ += ' ';
    }
    out_ += map ? "{}" : "[]";
  }
}

void YamlOut::Key(std::string_view key) {
  HOLDFAST_CHECK(!frames_.empty() && frames_.back().map && !frames_.back().key_given);
  Frame& frame = frames_.back();
  StartMember(frame);
  frame.key_given = true;
  if (IsPlainWord(key)) {
    out_ += key;
    out_ += ':';
    return;
  }
  const std::string text = Quoted(key);
  if (text.size() <= kLongestSimpleKey) {
    out_ += text + ":";
  } else if (frame.flow) {
    out_ += "? " + text + " :";
  } else {
    out_ += "? " + text;
    NewLine(frame.indent);
    out_ += ':';
  }
}

std::string YamlOut::Quoted(std::string_view text) {
  if (!IsUtf8(text)) {
    bad_text_ = true;
    return "\"\"";
  }
  std::string quoted = "\"";
  quoted.reserve(text.size() + 2);
  if (std::all_of(text.begin(), text.end(),
                  [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; })) {
    quoted += text;
    return quoted + '"';
  }
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    const std::uint32_t c = CodePointAt(text, at, length);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += static_cast<char>(c);
    } else if (NeedsEscape(c)) {
      quoted += Escape(c);
    } else {
      quoted += text.substr(at, length);
    }
    at += length;
  }
  return quoted + '"';
}

void YamlOut::Text(std::string_view text) { Scalar(Quoted(text)); }

void YamlOut::Word(std::string_view word) {
  HOLDFAST_CHECK(IsPlainWord(word));
  Scalar(word);
}

void YamlOut::Integer(std::int64_t number) { Scalar(std::to_string(number)); }

void YamlOut::Number(double number) {
  if (std::isnan(number)) return Scalar(".nan");
  if (std::isinf(number)) return Scalar(number > 0 ? ".inf" : "-.inf");
  std::string text = fmt::format("{}", number);
  // Without a dot or an exponent it would be read as an integer.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  Scalar(text);
}

void YamlOut::Bool(bool truth) { Scalar(truth ? "true" : "false"); }

void YamlOut::Null() { Scalar("null"); }

void YamlOut::Folded(const std::vector<std::string>& lines) {
  HOLDFAST_CHECK(!lines.empty() && (frames_.empty() || !frames_.back().flow));
  const std::size_t indent = frames_.empty() ? 2 : frames_.back().indent + 2;
  Scalar(">-");
  for (const std::string& line : lines) {
    HOLDFAST_CHECK(!line.empty() && line.front() != ' ' && line.back() != ' ');
    HOLDFAST_CHECK(
        std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    NewLine(indent);
    out_ += line;
  }
}

void YamlOut::Write(const Value& value, bool flow) {
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
      Begin(false, flow);
      for (const Value& element : value.AsList()) Write(element, flow);
      return End(false);
    case Value::Kind::kMap:
      Begin(true, flow);
      for (const auto& [key, member] : value.AsMap()) {
        Key(key);
        Write(member, flow);
      }
      return End(true);
  }
}

void YamlOut::Comment(std::string_view text) {
  const bool inside = !frames_.empty();
  // Behind "-" or "key:" a comment would stand between them and what they hold.
  HOLDFAST_CHECK(!inside || (!frames_.back().flow && !frames_.back().key_given &&
                             (frames_.back().members > 0 || !frames_.back().on_line)));
  NewLine(inside ? frames_.back().indent : 0);
  out_ += text.empty() ? "#" : "# ";
  out_ += Printable(text);
}

void YamlOut::CommentAtEnd(std::string_view text) {
  HOLDFAST_CHECK(!out_.empty() && (frames_.empty() || !frames_.back().flow));
  out_ += "  # " + Printable(text);
}

void YamlOut::BlankLine() {
  HOLDFAST_CHECK(frames_.empty() || !frames_.back().flow);
  out_ += '\n';
}

Result<std::string> YamlOut::Take() {
  HOLDFAST_CHECK(frames_.empty());
  std::string out = std::exchange(out_, {});
  if (!out.empty()) out += '\n';
  root_written_ = false;
  if (std::exchange(bad_text_, false)) {
    return InvalidInput("a text is not UTF-8: YAML cannot hold it");
  }
  return out;
}

}  // namespace holdfast::compiler
