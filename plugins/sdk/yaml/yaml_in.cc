#include "plugins/sdk/yaml/yaml_in.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

constexpr std::size_t kMaxDepth = 100;

// yaml-cpp reads \N and \_ as one byte each, which is no UTF-8. Nothing else that it reads is none: see CheckBytes.
std::string WholeUtf8(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t whole = Utf8Prefix(text);
    out += text.substr(0, whole);
    text.remove_prefix(whole);
    if (text.empty()) return out;
    if (text.front() == '\x85' || text.front() == '\xA0') out += '\xC2';
    out += text.front();
    text.remove_prefix(1);
  }
}

// The lines of a file, for errors.
class Lines {
 public:
  Lines(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  // `line` and `column` count from 1.
  Error At(Error error, std::size_t line, std::size_t column, std::size_t width) const {
    Where where;
    where.file = std::string(file_);
    where.line = static_cast<std::uint32_t>(line);
    where.column = static_cast<std::uint32_t>(column);
    where.width = static_cast<std::uint32_t>(std::max<std::size_t>(width, 1));
    std::string_view rest = text_;
    for (std::size_t i = 1; i < line && !rest.empty(); ++i) {
      const std::size_t newline = rest.find('\n');
      rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    }
    std::string_view shown = rest.substr(0, rest.find('\n'));
    if (shown.ends_with('\r')) shown.remove_suffix(1);
    if (shown.size() <= 200) where.text = std::string(shown);
    return std::move(error).At(std::move(where));
  }

  // How many lines there are, at least 1; an empty one at the end does not count.
  std::size_t Count() const {
    const auto newlines = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n'));
    return std::max<std::size_t>(newlines + (text_.ends_with('\n') ? 0 : 1), 1);
  }

  // The numbers of the lines that start or end a document.
  std::vector<std::size_t> Markers() const {
    std::vector<std::size_t> markers;
    std::string_view rest = text_;
    for (std::size_t line = 1; !rest.empty(); ++line) {
      if (rest.starts_with("---") || rest.starts_with("...")) markers.push_back(line);
      const std::size_t newline = rest.find('\n');
      rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    }
    return markers;
  }

 private:
  std::string_view text_;
  std::string_view file_;
};

bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view kDecimal = "0123456789";

enum class Number { kNone, kInteger, kFloat, kNotFinite };

// What a plain scalar is by the core schema (YAML 1.2.2, chapter 10.3.2):
//   integer   [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+
//   float     [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
//   not finite  [-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN)
Number NumberKind(std::string_view text) {
  if (text.starts_with("0o")) {
    return AllOf(text.substr(2), "01234567") ? Number::kInteger : Number::kNone;
  }
  if (text.starts_with("0x")) {
    return AllOf(text.substr(2), "0123456789abcdefABCDEF") ? Number::kInteger : Number::kNone;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return Number::kNotFinite;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return Number::kNotFinite;
  if (AllOf(text, kDecimal)) return Number::kInteger;
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    std::string_view digits = text.substr(exponent + 1);
    if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
    if (!AllOf(digits, kDecimal)) return Number::kNone;
    text = text.substr(0, exponent);
  }
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (!whole.empty() && !AllOf(whole, kDecimal)) return Number::kNone;
  if (!fraction.empty() && !AllOf(fraction, kDecimal)) return Number::kNone;
  if (whole.empty() && fraction.empty()) return Number::kNone;
  return Number::kFloat;
}

// A plain scalar as a value; nothing when it is a number that we cannot hold.
std::optional<Value> Resolve(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Value();
  }
  if (text == "true" || text == "True" || text == "TRUE") return Value(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value(false);
  switch (NumberKind(text)) {
    case Number::kNone:
      return Value(text);
    case Number::kNotFinite:
      return std::nullopt;
    case Number::kInteger: {
      std::string_view digits = text;
      int base = 10;
      if (digits.starts_with("0o") || digits.starts_with("0x")) {
        base = digits[1] == 'o' ? 8 : 16;
        digits.remove_prefix(2);
      } else if (digits.starts_with('+')) {
        digits.remove_prefix(1);
      }
      std::int64_t number = 0;
      const char* end = digits.data() + digits.size();
      const auto parsed = std::from_chars(digits.data(), end, number, base);
      if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
      return Value(number);
    }
    case Number::kFloat: {
      std::string_view digits = text;
      if (digits.starts_with('+')) digits.remove_prefix(1);
      double number = 0;
      const char* end = digits.data() + digits.size();
      const auto parsed = std::from_chars(digits.data(), end, number);
      // Too small is zero enough; too large is not held. from_chars does not say which it was.
      if (parsed.ec == std::errc::result_out_of_range &&
          !std::isinf(std::strtod(text.c_str(), nullptr))) {
        return Value(0.0);
      }
      if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
      return Value(number);
    }
  }
  return std::nullopt;
}

// Builds a Value from the parser's events. The first error is kept and everything after it is
// ignored: nothing is thrown through the library.
class Builder final : public YAML::EventHandler {
 public:
  Builder(const Lines& lines) : lines_(&lines) {}

  const std::optional<Error>& error() const { return error_; }
  std::optional<Error> TakeError() { return std::move(error_); }
  bool empty() const { return !filled_; }
  Value Take() {
    filled_ = false;
    // Not std::exchange: g++ 12 warns of it, optimised.
    Value root = std::move(root_);
    root_ = Value();
    return root;
  }
  // The lines (from 1) of the first and the last event of the document.
  std::size_t first_line() const { return first_line_; }
  std::size_t last_line() const { return last_line_; }

  const YAML::Mark& start() const { return start_; }
  void OnDocumentStart(const YAML::Mark& mark) override {
    start_ = mark;
    first_line_ = 0;
    filled_ = false;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!Accept(mark, anchor)) return;
    if (ExpectsKey()) return Fail(mark, 1, "a key may not be null", "write it in quotes");
    Add(mark, Value());
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    if (!Accept(mark, 0)) return;
    Fail(mark, 1, "aliases (*name) are not read here", "write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& read) override {
    if (!Accept(mark, anchor)) return;
    const std::string text = WholeUtf8(read);
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (ExpectsKey()) return quoted || tag == "?" ? Key(mark, text) : BadTag(mark, tag);
    std::optional<Value> value;
    if (quoted) {
      value = Value(text);
    } else if (tag == "?") {
      value = Resolve(text);
      if (!value) {
        return Fail(mark, text.size(), "a number that is no finite 64-bit one",
                    "write it in quotes if it is a text");
      }
    } else {
      return BadTag(mark, tag);
    }
    Add(mark, *std::move(value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "tag:yaml.org,2002:seq") return BadTag(mark, tag);
    Open(mark, anchor, Value(Value::List{}));
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "tag:yaml.org,2002:map") return BadTag(mark, tag);
    Open(mark, anchor, Value(Value::Map{}));
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Value value;
    bool has_key = false;
    std::string key;
    Position key_position;
  };

  static Position PositionOf(const YAML::Mark& mark) {
    return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
  }
  bool ExpectsKey() const {
    return !levels_.empty() && levels_.back().value.is_map() && !levels_.back().has_key;
  }
  bool Accept(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (error_) return false;
    const auto line = static_cast<std::size_t>(mark.line) + 1;
    if (first_line_ == 0) first_line_ = line;
    last_line_ = line;
    filled_ = true;
    if (anchor != 0) {
      Fail(mark, 1, "anchors (&name) are not read here", "write the value out where it is used");
      return false;
    }
    return true;
  }
  void Key(const YAML::Mark& mark, const std::string& text) {
    Level& level = levels_.back();
    if (const Value* first = level.value.Find(text); first != nullptr) {
      return Fail(mark, text.size(), fmt::format("the key '{}' is given twice", text),
                  fmt::format("the first one is in line {}", first->key_position().line));
    }
    level.key = text;
    level.key_position = PositionOf(mark);
    level.has_key = true;
  }
  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, Value empty) {
    if (!Accept(mark, anchor)) return;
    if (ExpectsKey()) return Fail(mark, 1, "a key must be a plain text, no list or map", "");
    if (levels_.size() == kMaxDepth) {
      return Fail(mark, 1, fmt::format("nested deeper than {} levels", kMaxDepth), "");
    }
    empty.set_position(PositionOf(mark));
    levels_.push_back({std::move(empty), false, {}, {}});
  }
  void Close() {
    if (error_) return;
    Value value = std::move(levels_.back().value);
    levels_.pop_back();
    Put(std::move(value));
  }
  void Add(const YAML::Mark& mark, Value value) {
    value.set_position(PositionOf(mark));
    Put(std::move(value));
  }
  void Put(Value value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.value.is_map()) {
      value.set_key_position(level.key_position);
      level.value.MutableMap().emplace(std::move(level.key), std::move(value));
      level.has_key = false;
    } else {
      level.value.MutableList().push_back(std::move(value));
    }
  }
  void BadTag(const YAML::Mark& mark, const std::string& tag) {
    if (error_) return;
    Fail(mark, 1, fmt::format("the tag '{}' is not read here", tag), "leave it out");
  }
  void Fail(const YAML::Mark& mark, std::size_t width, std::string message, std::string hint) {
    if (error_) return;
    Error error = lines_->At(InvalidInput(std::move(message)), PositionOf(mark).line,
                             PositionOf(mark).column, width);
    if (!hint.empty()) error = std::move(error).Hint(std::move(hint));
    error_.emplace(std::move(error));
  }

  const Lines* lines_;  // Not owned; outlives this.
  std::vector<Level> levels_;
  Value root_;
  bool filled_ = false;
  YAML::Mark start_;
  std::size_t first_line_ = 0;
  std::size_t last_line_ = 0;
  std::optional<Error> error_;
};

// YAML 1.1 ends lines also at U+0085, U+2028 and U+2029, YAML 1.2 does not; a carriage return alone ends one in both, and not for
// yaml-cpp. Engines read what we have checked with another reader: what it would take for a line of its own is none here.
std::size_t OtherLineEnd(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    const std::string_view rest = line.substr(at);
    if (rest.starts_with("\xC2\x85") || rest.starts_with("\xE2\x80\xA8") ||
        rest.starts_with("\xE2\x80\xA9") || (rest[0] == '\r' && rest.size() > 1))
      return at;
  }
  return std::string_view::npos;
}

// Bytes that yaml-cpp would take for something else: 0x04 ends its input silently, and what is not
// UTF-8 becomes U+FFFD or, after some first bytes, UTF-16.
Status CheckBytes(std::string_view text, const Lines& lines) {
  std::size_t line = 1;
  while (!text.empty()) {
    const std::string_view shown = text.substr(0, text.find('\n'));
    const auto bad = std::find_if(shown.begin(), shown.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7F;
    });
    if (const std::size_t at = OtherLineEnd(shown); at != std::string_view::npos) {
      return lines.At(
          InvalidInput("a character that ends a line for some readers, and not for others")
              .Hint("what stands behind it is a comment for one and not for another; in "
                    "double quotes it is written \\r, \\N, \\L or \\P"),
          line, at + 1, 1);
    }
    if (bad != shown.end()) {
      return lines.At(InvalidInput(fmt::format("a control character (0x{:02x})",
                                               static_cast<unsigned char>(*bad)))
                          .Hint("in double quotes it is written \\xNN"),
                      line, static_cast<std::size_t>(bad - shown.begin()) + 1, 1);
    }
    if (const std::size_t good = Utf8Prefix(shown); good < shown.size()) {
      return lines.At(InvalidInput("not valid UTF-8"), line, good + 1, 1);
    }
    text.remove_prefix(std::min(shown.size() + 1, text.size()));
    ++line;
  }
  return Ok();
}

// yaml-cpp 0.7 takes a quoted text that is never closed for one that ends with the file, when the
// file ends with a newline. A document end marker makes it see the mistake; where a text ends in
// other bytes, adding one would change a block scalar.
std::string Terminated(std::string_view text) {
  std::string copy(text);
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos || text.find('\n', last) == std::string_view::npos)
    return copy;
  const std::size_t line = text.rfind('\n', last);
  const std::string_view last_line =
      text.substr(line == std::string_view::npos ? 0 : line + 1, last - line);
  if (last_line.starts_with("...") || last_line.starts_with("---")) return copy;
  if (!copy.ends_with('\n')) copy += '\n';
  return copy + "...\n";
}

struct Document {
  Value value;
  std::size_t line;  // where it starts, from 1
};

Result<std::vector<Document>> ParseDocuments(std::string_view text, std::string_view file,
                                             const Lines& lines) {
  HOLDFAST_RETURN_IF_ERROR(CheckBytes(text, lines));
  const std::vector<std::size_t> markers = lines.Markers();
  const auto marker_after = [&markers](std::size_t line) {
    const auto found = std::upper_bound(markers.begin(), markers.end(), line);
    return found == markers.end() ? std::numeric_limits<std::size_t>::max() : *found;
  };
  std::vector<Document> documents;
  Builder builder(lines);
  try {
    std::istringstream stream(Terminated(text));
    YAML::Parser parser(stream);
    std::size_t previous_last = 0;
    int previous_start = -1;
    while (parser.HandleNextDocument(builder) && !builder.error()) {
      // Where a node begins with a ',', yaml-cpp 0.7 reads nothing, and would do so for ever.
      if (builder.start().pos == previous_start) {
        return lines.At(InvalidInput("not valid YAML: nothing may begin with this")
                            .Hint("a text that begins with ',' stands in quotes"),
                        static_cast<std::size_t>(std::max(builder.start().line, 0)) + 1,
                        static_cast<std::size_t>(std::max(builder.start().column, 0)) + 1, 1);
      }
      previous_start = builder.start().pos;
      if (builder.empty()) continue;
      // yaml-cpp goes on with a "document" of its own where a line stands less indented than the
      // first: for us that is a mistake in the file.
      if (previous_last != 0 && marker_after(previous_last) > builder.first_line()) {
        return lines.At(InvalidInput("this line does not belong to what stands above it")
                            .Hint("check the indentation"),
                        builder.first_line(), 1, 1);
      }
      const std::size_t line = builder.first_line();
      documents.push_back({builder.Take(), line});
      // The place of an empty document is where the next one starts: it says nothing.
      previous_last = documents.back().value.is_null() ? 0 : builder.last_line();
    }
  } catch (const YAML::Exception& e) {
    if (!builder.error()) {
      auto line = static_cast<std::size_t>(std::max(e.mark.line, 0)) + 1;
      auto column = static_cast<std::size_t>(std::max(e.mark.column, 0)) + 1;
      std::string message = fmt::format("not valid YAML: {}", e.msg);
      if (const std::size_t last = lines.Count(); line > last) {
        line = last;
        column = 0;
        if (e.msg == YAML::ErrorMsg::DOC_IN_SCALAR)
          message = "not valid YAML: a quote is not closed";
      }
      return lines.At(InvalidInput(std::move(message)), line, column, 1);
    }
  } catch (const std::exception& e) {
    return Internal(fmt::format("{}: reading YAML: {}", file, e.what()));
  }
  if (auto error = builder.TakeError()) return *std::move(error);
  return documents;
}

}  // namespace

Result<Value> ParseYaml(std::string_view text, std::string_view file) {
  const Lines lines(text, file);
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Document> documents, ParseDocuments(text, file, lines));
  if (documents.empty()) return Value();
  if (documents.size() > 1) {
    return lines.At(InvalidInput("a second document in a file that may have one only"),
                    documents[1].line, 1, 1);
  }
  return std::move(documents.front().value);
}

Result<std::vector<Value>> ParseYamlStream(std::string_view text, std::string_view file) {
  const Lines lines(text, file);
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Document> documents, ParseDocuments(text, file, lines));
  std::vector<Value> values;
  for (Document& document : documents) {
    if (!document.value.is_null()) values.push_back(std::move(document.value));
  }
  return values;
}

}  // namespace holdfast
