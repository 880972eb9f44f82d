#include "plugins/sdk/ini.h"

#include <ini.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

// A line with every sign of its value as a star.
std::string Starred(std::string line) {
  const std::size_t equals = line.find_first_of("=:");
  for (std::size_t at = equals == std::string::npos ? line.size() : equals + 1; at < line.size();
       ++at) {
    if (line[at] != ' ' && line[at] != '\t') line[at] = '*';
  }
  return line;
}

constexpr std::size_t kMaxLine = 4000;

// Feeds inih one line at a time, so that its callback knows which line it is of, and keeps from it
// what it would take wrongly without a word.
class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : file_(file) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines_.push_back(line);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    out_.file = std::string(file);
  }

  IniFile Run(std::vector<Error>& faults) {
    ini_parse_stream(&Parser::ReadLine, this, &Parser::Take, this);
    MissEntry();
    faults = std::move(errors_);
    return std::move(out_);
  }

 private:
  // fgets for inih: the next line that it may see. Those that are refused, comments, blank lines
  // and sections (which have no callback) are ours.
  static char* ReadLine(char* buffer, int size, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    parser.MissEntry();
    while (parser.next_ < parser.lines_.size()) {
      const std::size_t index = parser.next_++;
      if (!parser.Accept(index)) continue;
      // inih cuts lines at its buffer and would cut a value at ' ;': it gets key and a placeholder,
      // the value is taken from the line itself.
      const std::string line = parser.Substitute(index);
      if (line.size() + 2 > static_cast<std::size_t>(size)) {
        parser.Refuse(index, 0, 1, "the key is longer than 150 bytes", "");
        continue;
      }
      std::memcpy(buffer, line.c_str(), line.size());
      buffer[line.size()] = '\n';
      buffer[line.size() + 1] = '\0';
      parser.awaited_ = line.front() != '[';
      return buffer;
    }
    return nullptr;
  }

  static int Take(void* self, const char* section, const char* name, const char*) {
    static_cast<Parser*>(self)->AddEntry(section, name);
    return 1;
  }

  // A line that inih was given and had no callback for: it skips what it does not understand.
  void MissEntry() {
    if (!std::exchange(awaited_, false)) return;
    Refuse(current_, 0, lines_[current_].size(), "this is no 'key = value'",
           "a key is one word; a comment stands on a line of its own");
  }

  bool Accept(std::size_t index) {
    current_ = index;
    const std::string_view line = lines_[index];
    if (line.size() > kMaxLine)
      return Refuse(index, 0, 1, "the line is longer than 4,000 bytes", "");
    if (line.find('\0') != std::string_view::npos || !IsUtf8(line)) {
      return Refuse(index, 0, 1, "the line is not UTF-8 text", "");
    }
    const auto control = std::find_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
    if (control != line.end()) {
      return Refuse(index, static_cast<std::size_t>(control - line.begin()), 1,
                    "the line holds a control character",
                    *control == '\r'
                        ? "lines end with a line feed; 'dos2unix' and 'mac2unix' convert a file"
                        : "");
    }
    const std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';') return false;
    if (line.front() == ' ' || line.front() == '\t') {
      return Refuse(index, line.find(trimmed), trimmed.size(), "the line is indented",
                    "an indented line would continue the one above; start it in the first column");
    }
    if (trimmed.front() == '[') return AddSection(index, trimmed);
    const std::size_t equals = line.find_first_of("=:");
    if (equals == std::string_view::npos) {
      return Refuse(index, 0, trimmed.size(), "the line has no '='", "write 'key = value'");
    }
    if (Trim(line.substr(0, equals)).empty())
      return Refuse(index, 0, 1, "there is no key before '='", "");
    if (out_.sections.empty()) {
      return Refuse(index, 0, trimmed.size(), "the key stands outside any section",
                    "put a line such as [provider] before it");
    }
    for (std::size_t at = equals + 1; at + 1 < line.size(); ++at) {
      const bool blank = line[at] == ' ' || line[at] == '\t';
      if (blank && (line[at + 1] == ';' || line[at + 1] == '#') &&
          !Trim(line.substr(equals + 1, at - equals)).empty()) {
        return Refuse(index, at + 1, line.size() - at - 1, "a ';' or '#' inside a value",
                      "a comment stands on a line of its own; a secret with such a sign goes into "
                      "a file (KEY_file)");
      }
    }
    return true;
  }

  bool AddSection(std::size_t index, std::string_view trimmed) {
    std::string name;
    if (trimmed.back() == ']' && trimmed.size() > 2)
      name = Lowered(Trim(trimmed.substr(1, trimmed.size() - 2)));
    section_lost_ = false;
    if (name.empty() || name.find_first_of("[]") != std::string::npos) {
      const std::size_t end = trimmed.find(']');
      const std::string_view rest =
          end == std::string_view::npos ? "" : Trim(trimmed.substr(end + 1));
      return Refuse(index, 0, trimmed.size(), "this is no section",
                    rest.starts_with(';') || rest.starts_with('#')
                        ? "a comment stands on a line of its own"
                        : "write [name]");
    }
    const auto same = std::find_if(out_.sections.begin(), out_.sections.end(),
                                   [&](const IniSection& section) { return section.name == name; });
    if (same != out_.sections.end()) {
      // Its keys are still read, so that their faults are told as well.
      Tell(index, 0, trimmed.size(), "section [" + Printable(name) + "] is given twice",
           "the first one is in line " + std::to_string(same->where.line));
      section_ = static_cast<std::size_t>(same - out_.sections.begin());
      return true;
    }
    section_ = out_.sections.size();
    out_.sections.push_back({name, WhereOf(index, 0, trimmed.size()), {}, {}});
    return true;
  }

  void AddEntry(std::string_view, std::string_view name) {
    awaited_ = false;
    const std::string_view line = lines_[current_];
    const std::size_t equals = line.find_first_of("=:");
    const std::string_view value = Trim(line.substr(equals + 1));
    const std::size_t column =
        value.empty() ? equals : static_cast<std::size_t>(value.data() - line.data());
    out_.sections[section_].entries.push_back(
        {Lowered(name), std::string(value),
         WhereOf(current_, column, std::max<std::size_t>(1, value.size())),
         WhereOf(current_, 0, name.size())});
  }

  std::string Substitute(std::size_t index) const {
    const std::string_view line = lines_[index];
    if (line.front() == '[') return "[s]";
    return std::string(Trim(line.substr(0, line.find_first_of("=:")))) + "=v";
  }

  Where WhereOf(std::size_t index, std::size_t column, std::size_t width) const {
    return {std::string(file_), static_cast<std::uint32_t>(index + 1),
            static_cast<std::uint32_t>(column + 1), Shown(lines_[index]),
            static_cast<std::uint32_t>(width)};
  }

  // The line as errors show it: the value of a key that may hold a secret in clear is starred out.
  static std::string Shown(std::string_view line) {
    std::string out(line.substr(0, 200));
    const std::size_t equals = out.find_first_of("=:");
    if (equals == std::string::npos) return out;
    const std::string key = Lowered(Trim(std::string_view(out).substr(0, equals)));
    if (key.ends_with("_file") || key.ends_with("_env")) return out;
    for (const std::string_view word : {"key", "password", "secret", "token", "pass"}) {
      if (key.find(word) != std::string::npos) return Starred(std::move(out));
    }
    return out;
  }

  // A refused line. What it is of is not known yet, so that any value outside [provider] may be a
  // secret, and so may be a line without '=': the rest of a key that somebody pasted.
  std::string ShownWhenRefused(std::size_t index) const {
    const std::string_view line = lines_[index];
    const std::string_view trimmed = Trim(line);
    const bool in_provider =
        !section_lost_ && !out_.sections.empty() && out_.sections[section_].name == "provider";
    if (in_provider || trimmed.starts_with('[')) return Shown(line);
    std::string out(line.substr(0, 200));
    const std::size_t equals = out.find_first_of("=:");
    if (equals != std::string::npos) {
      const std::string key = Lowered(Trim(std::string_view(out).substr(0, equals)));
      return key.ends_with("_file") || key.ends_with("_env") ? out : Starred(std::move(out));
    }
    for (char& c : out) {
      if (c != ' ' && c != '\t') c = '*';
    }
    return out;
  }

  bool Refuse(std::size_t index, std::size_t column, std::size_t width, std::string message,
              std::string hint) {
    if (Trim(lines_[index]).starts_with('[')) {
      LoseSection(index);
    } else {
      LoseKey(Trim(lines_[index]));
    }
    Tell(index, column, width, std::move(message), std::move(hint));
    return false;
  }

  void Tell(std::size_t index, std::size_t column, std::size_t width, std::string message,
            std::string hint) {
    Where where = WhereOf(index, column, width);
    where.text = ShownWhenRefused(index);
    Error error = InvalidInput(std::move(message)).At(std::move(where));
    errors_.push_back(hint.empty() ? std::move(error) : std::move(error).Hint(std::move(hint)));
  }

  // A line that was meant to begin a section: what follows is of one without a name.
  void LoseSection(std::size_t index) {
    section_lost_ = true;
    section_ = out_.sections.size();
    out_.sections.push_back({"", WhereOf(index, 0, lines_[index].size()), {}, {}});
  }

  // The key of a line that is refused, or the word that was meant as one.
  void LoseKey(std::string_view line) {
    if (out_.sections.empty()) return;
    out_.sections[section_].lost_keys.push_back(
        Lowered(line.substr(0, line.find_first_of("=: \t"))));
  }

  std::string_view file_;
  std::vector<std::string_view> lines_;
  std::size_t section_ = 0;  // of out_.sections, the one that the next key belongs to
  std::size_t next_ = 0;
  std::size_t current_ = 0;
  bool section_lost_ = false;  // the last section line was refused
  bool awaited_ = false;       // inih has a line of which it must call back
  IniFile out_;
  std::vector<Error> errors_;
};

}  // namespace

std::optional<bool> ParseTruth(std::string_view text) {
  const std::string lower = Lowered(text);
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  return std::nullopt;
}

Where WithoutValue(Where where) {
  where.text = Starred(std::move(where.text));
  return where;
}

IniFile ReadIni(std::string_view text, std::string_view file, std::vector<Error>& faults) {
  // Some editors begin a file with a byte order mark.
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Parser(text, file).Run(faults);
}

Result<IniFile> ParseIni(std::string_view text, std::string_view file) {
  std::vector<Error> faults;
  IniFile out = ReadIni(text, file, faults);
  if (faults.empty()) return out;
  Error first = std::move(faults.front());
  for (std::size_t i = 1; i < faults.size(); ++i)
    first = std::move(first).Because(std::move(faults[i]));
  return first;
}

}  // namespace holdfast
