#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// Writes JSON (RFC 8259) piece by piece, for what is too large to be a Value first:
//
//   JsonOut out(JsonOut::Form::kPretty);
//   out.BeginMap();
//   out.Key("name");
//   out.Text(name);
//   out.EndMap();
//   HOLDFAST_ASSIGN_OR_RETURN(std::string text, out.Take());
//
// A map takes pairs of Key and value, a list takes values; misuse is a bug of ours and ends the
// process. Keys stand in the order in which they are given: sorted, where the same contents are to be
// the same bytes whoever writes them. One thread.
class JsonOut {
 public:
  // kPretty: two spaces of indentation and a final newline, for files that people read.
  enum class Form { kCompact, kPretty };
  explicit JsonOut(Form form) : pretty_(form == Form::kPretty) {}

  // Room for a text of about that many bytes.
  void Reserve(std::size_t bytes) { out_.reserve(bytes); }

  void BeginMap() { Begin('{'); }
  void EndMap() { End('}'); }
  void BeginList() { Begin('['); }
  void EndList() { End(']'); }
  void Key(std::string_view key);
  void Text(std::string_view text);
  void Integer(std::int64_t number);
  void Number(double number);
  void Bool(bool truth);
  void Null();
  // With all that is in it, keys sorted. Recursive as deep as the value is.
  void Write(const Value& value);

  // Key and value at once.
  void Member(std::string_view key, std::string_view text) {
    Key(key);
    Text(text);
  }

  // The text, when everything that was begun has ended; the writer is as new afterwards.
  // kInvalidInput when a text or key was not UTF-8 (it would be lost, and is never replaced), a number
  // was not finite, or something lies deeper than what is read again (100 levels).
  Result<std::string> Take();

 private:
  struct Frame {
    bool map = false;
    bool empty = true;
    bool key_given = false;
  };

  void Begin(char bracket);
  void End(char bracket);
  // Before a value: the comma, and in a map the check that it has a key.
  void StartValue();
  void Separate(Frame& frame);
  void NewLine();
  void Quoted(std::string_view text);
  void Fail(Error error);

  bool pretty_;
  bool root_written_ = false;
  std::string out_;
  std::vector<Frame> frames_;
  std::optional<Error> error_;  // the first
};

// How deep lists and maps may lie in each other.
inline constexpr std::size_t kMaxJsonDepth = 100;

}  // namespace holdfast
