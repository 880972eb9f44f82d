#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// Writes YAML block style, two spaces a level, straight into one string: what generated files are
// made of. Every text that is not ours is written by Text(), which always double-quotes, so that no
// reader takes it for a number, a truth, a date or an anchor. The same calls give the same bytes.
// Not synchronised.
class YamlOut {
 public:
  // "# text" at the current indentation; made printable and one line.
  void Comment(std::string_view text);
  void Blank() { out_ += '\n'; }

  // Inside a map: `key: ...`. Keys are ours: [A-Za-z0-9_.-]+, else they are quoted.
  void Text(std::string_view key, std::string_view text);  // double-quoted
  void Plain(std::string_view key, std::string_view word);  // a word of ours, as it stands
  void Integer(std::string_view key, std::int64_t number);
  void Bool(std::string_view key, bool truth);
  // A long text of ours over several lines, folded (`>-`): the reader gets the parts joined by a
  // blank.
  void Folded(std::string_view key, const std::vector<std::string>& parts);
  void BeginMap(std::string_view key);
  void BeginList(std::string_view key);
  void End();  // of a map or list begun with a key
  // Any value; empty maps and lists in flow style.
  void Any(std::string_view key, const Value& value);

  // Inside a list: an item that is a map; its first key stands behind the dash.
  void BeginItem();
  void EndItem();
  // An item in flow style: `- {name: "a", value: "b"}`; texts of the pairs are quoted, words not.
  struct FlowPair {
    std::string_view key;
    std::string_view value;
    bool quoted = true;
  };
  void FlowItem(const std::vector<FlowPair>& pairs);
  void TextItem(std::string_view text);

  std::string Take() { return std::move(out_); }

 private:
  void Start(std::string_view key);
  void Item(const Value& value);

  std::string out_;
  std::size_t indent_ = 0;
  bool after_dash_ = false;
};

// `text` as a double-quoted YAML scalar that every reader of YAML 1.1 and 1.2 reads back as the same
// bytes: control characters, quotes, backslash, NEL, U+2028, U+2029, BOM and what is no UTF-8 are
// escaped (the last as \x, which stands for the code point; callers pass UTF-8).
std::string YamlQuoted(std::string_view text);

}  // namespace holdfast::compiler
