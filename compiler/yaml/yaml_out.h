#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// Writes YAML for engines and for readers in git: block style, two spaces, lists at the level of
// their key; the same calls give the same bytes. Whatever a YAML reader could take for something
// else than a text stands in double quotes: Text() always quotes.
//
//   YamlOut out;
//   out.BeginMap();
//   out.Key("volumeId");
//   out.Text(id);
//   out.EndMap();
//   HOLDFAST_ASSIGN_OR_RETURN(std::string text, out.Take());
//
// A map takes pairs of Key and value, a list takes values; misuse (a value without a key) is a bug
// of ours and ends the process. One thread.
class YamlOut {
 public:
  // Room for a text of about that many bytes.
  void Reserve(std::size_t bytes) { out_.reserve(bytes); }

  void BeginMap() { Begin(true, false); }
  void EndMap() { End(true); }
  void BeginList() { Begin(false, false); }
  void EndList() { End(false); }
  // On one line: {a: 1, b: 2} and [1, 2]. What is begun inside is on the same line, too.
  void BeginFlowMap() { Begin(true, true); }
  void EndFlowMap() { End(true); }
  void BeginFlowList() { Begin(false, true); }
  void EndFlowList() { End(false); }

  // The next member of a map: as it is where that is safe, else in double quotes.
  void Key(std::string_view key);

  // Any text, in double quotes. Control characters, line and paragraph separators, bidirectional
  // overrides, byte order marks, non-characters and tag characters are escaped.
  void Text(std::string_view text);
  // A word of our own without quotes; it must not be readable as anything but a text
  // (IsPlainWord).
  void Word(std::string_view word);
  void Integer(std::int64_t number);
  void Number(double number);
  void Bool(bool truth);
  void Null();
  // A folded block (">-"): readers see the lines joined by single blanks. Lines must not be empty,
  // begin with a blank or hold anything but printable ASCII. Not in a flow.
  void Folded(const std::vector<std::string>& lines);
  // A value with all that is in it, in block style (`flow`: on one line).
  void Write(const Value& value, bool flow = false);

  // A comment on a line of its own, before the next member; whatever the text, it stays one line
  // and printable. Not in a flow.
  void Comment(std::string_view text);
  // The same at the end of the line that was written last.
  void CommentAtEnd(std::string_view text);
  void BlankLine();

  // The text, when everything that was begun has ended; the writer is as new afterwards.
  // kInvalidInput when a text or key was not UTF-8: YAML cannot hold it.
  Result<std::string> Take();

 private:
  struct Frame {
    bool map = false;
    bool flow = false;
    bool on_line = false;  // opened behind "- ": its first member stands on the same line
    bool key_given = false;
    std::size_t indent = 0;
    std::size_t members = 0;
  };

  void Begin(bool map, bool flow);
  void End(bool map);
  void StartMember(Frame& frame);
  // Before any value: a list's "-" or a check that a key was given.
  void StartValue();
  void Scalar(std::string_view text);
  void NewLine(std::size_t indent);
  std::string Quoted(std::string_view text);

  std::string out_;
  std::vector<Frame> frames_;
  bool bad_text_ = false;
  bool root_written_ = false;
};

// True for a text that every reader of YAML 1.1 and 1.2 takes for a text without quotes, in block
// and in flow style: letters, digits, '_', '-', '.' and '/', beginning with a letter, and not
// true, yes, on, null or the like.
bool IsPlainWord(std::string_view text);

}  // namespace holdfast::compiler
