#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"

namespace holdfast {

struct IniEntry {
  std::string key;    // as written, lower-cased
  std::string value;  // without surrounding blanks
  Where where;        // the line, the caret on the value
  Where key_where;    // the caret on the key
};

struct IniSection {
  std::string name;
  Where where;
  // in file order; a key may stand twice only if the caller allows it
  std::vector<IniEntry> entries;
  // Keys of lines that were refused, as far as these have one: not given, but not missing either.
  std::vector<std::string> lost_keys;
};

struct IniFile {
  std::string file;
  std::vector<IniSection> sections;
};

// Reads an INI text: sections, `key = value` or `key: value`, lines starting with '#' or ';' are
// comments. inih parses; what it does without a word is refused here with file, line, caret and
// hint: lines over 4,000 bytes, ` ;` or ` #` inside a value, an indented line (inih: continues
// the key above), a section given twice, a key outside any section, a line without '=', NUL and
// invalid UTF-8. All faults are collected: the first is the error, the others its causes.
Result<IniFile> ParseIni(std::string_view text, std::string_view file);
// The same, but what is right of a text with faults comes back too, so that it can be looked at:
// without the lines that were refused; what stands below one that is no section is in a section
// without a name, and the keys of one that is given twice are all in the first.
IniFile ReadIni(std::string_view text, std::string_view file, std::vector<Error>& faults);

// "true", "yes", "on", "1" and "false", "no", "off", "0", in any case; nothing for other texts.
std::optional<bool> ParseTruth(std::string_view text);

// The place of a line with its value starred out: for errors about a key that nobody knows, which
// may be that of a secret, misspelt. (Values of keys that look like a secret's always are.)
Where WithoutValue(Where where);

}  // namespace holdfast
