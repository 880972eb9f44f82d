#include "plugins/sdk/json.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "plugins/sdk/json_out.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

// Builds a Value from the parser's events. The parser does not say where a token stands, so a
// cursor of our own follows the text: every event is one token, and what lies between two tokens
// is white space, ',' and ':' only.
class Builder {
 public:
  Builder(std::string_view text, std::string_view file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) offset_ = 3;  // the parser skips it, too
  }

  bool null() { return Scalar(Value(), 4); }
  bool boolean(bool v) { return Scalar(Value(v), v ? 4 : 5); }
  bool number_integer(std::int64_t v) { return Scalar(Value(v), NumberLength()); }
  bool number_unsigned(std::uint64_t v) {
    if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return TooLarge();
    return Scalar(Value(v), NumberLength());
  }
  bool number_float(double v, const std::string& written) {
    // An integer beyond 64 bits arrives here, rounded.
    if (!std::isfinite(v) || written.find_first_of(".eE") == std::string::npos) return TooLarge();
    return Scalar(Value(v), NumberLength());
  }
  bool string(std::string& v) { return Scalar(Value(std::move(v)), StringLength()); }
  bool binary(nlohmann::json::binary_t&) { return false; }

  bool start_object(std::size_t) { return Open(Value(Value::Map{})); }
  bool start_array(std::size_t) { return Open(Value(Value::List{})); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    const std::size_t start = Next();
    const std::size_t length = StringLength();
    offset_ = start + length;
    Level& level = levels_.back();
    if (level.value.AsMap().contains(name)) {
      return Fail(start, length, fmt::format("the key \"{}\" is given twice", name));
    }
    level.key = std::move(name);
    level.key_position = PositionAt(start);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what" -> "what"
    std::string_view what = e.what();
    if (const auto at = what.find("column "); at != std::string_view::npos) {
      if (const auto colon = what.find(": ", at); colon != std::string_view::npos) {
        what.remove_prefix(colon + 2);
      }
    } else if (const auto bracket = what.find("] "); bracket != std::string_view::npos) {
      what.remove_prefix(bracket + 2);
    }
    return Fail(std::min(position == 0 ? 0 : position - 1, text_.size()), 1,
                fmt::format("not valid JSON: {}", what));
  }

  Result<Value> Take() {
    if (error_) return std::move(*error_);
    return std::move(root_);
  }

 private:
  struct Level {
    Value value;
    std::string key;  // of the member that comes next, in a map
    Position key_position;
  };

  // The start of the token at or after the cursor.
  std::size_t Next() {
    offset_ = std::min(text_.find_first_not_of(" \t\r\n,:", offset_), text_.size());
    return offset_;
  }
  std::size_t NumberLength() {
    const std::size_t start = Next();
    return std::min(text_.find_first_not_of("0123456789+-.eE", start), text_.size()) - start;
  }
  std::size_t StringLength() {
    const std::size_t start = Next();
    std::size_t i = start + 1;
    while (i < text_.size() && text_[i] != '"') i += text_[i] == '\\' ? 2 : 1;
    return i + 1 - start;
  }
  // Offsets only grow, so that counting lines is linear in all.
  Position PositionAt(std::size_t offset) {
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    }
    return {line_, static_cast<std::uint32_t>(offset - line_start_ + 1)};
  }
  bool Scalar(Value value, std::size_t length) {
    const std::size_t start = Next();
    offset_ = start + length;
    value.set_position(PositionAt(start));
    Add(std::move(value));
    return true;
  }
  void Add(Value value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.value.is_map()) {
      value.set_key_position(level.key_position);
      level.value.MutableMap().emplace(std::move(level.key), std::move(value));
    } else {
      level.value.MutableList().push_back(std::move(value));
    }
  }
  bool Open(Value empty) {
    const std::size_t start = Next();
    offset_ = start + 1;
    if (levels_.size() == kMaxJsonDepth) {
      return Fail(start, 1, fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    }
    empty.set_position(PositionAt(start));
    levels_.push_back({std::move(empty), {}, {}});
    return true;
  }
  bool Close() {
    offset_ = Next() + 1;
    Value value = std::move(levels_.back().value);
    levels_.pop_back();
    Add(std::move(value));
    return true;
  }
  bool TooLarge() {
    const std::size_t length = NumberLength();
    return Fail(offset_, length, "a number that does not fit into 64 bits");
  }
  bool Fail(std::size_t offset, std::size_t width, std::string message) {
    if (error_) return false;
    // Not PositionAt: the parser's own errors may lie before the cursor's count.
    const std::string_view before = text_.substr(0, offset);
    const std::size_t newline = before.rfind('\n');
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    Where where;
    where.file = std::string(file_);
    where.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    where.column = static_cast<std::uint32_t>(offset - start + 1);
    where.width = static_cast<std::uint32_t>(width);
    // A caret under a line of a machine-written file helps nobody.
    const std::string_view line = text_.substr(start, text_.find('\n', start) - start);
    if (line.size() <= 200) where.text = std::string(line);
    error_.emplace(InvalidInput(std::move(message)).At(std::move(where)));
    return false;
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t offset_ = 0;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::vector<Level> levels_;
  Value root_;
  std::optional<Error> error_;
};

Result<std::string> Dump(const Value& value, JsonOut::Form form) {
  JsonOut out(form);
  out.Write(value);
  return out.Take();
}

}  // namespace

Result<Value> ParseJson(std::string_view text, std::string_view file) {
  Builder builder(text, file);
  try {
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const std::exception& e) {
    return Internal(fmt::format("{}: reading JSON: {}", file, e.what()));
  }
  return builder.Take();
}

Result<std::string> DumpJson(const Value& value) { return Dump(value, JsonOut::Form::kCompact); }

Result<std::string> DumpJsonPretty(const Value& value) {
  return Dump(value, JsonOut::Form::kPretty);
}

}  // namespace holdfast
