#include "runtime/mistral/old_grammar.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::mistral {
namespace {

enum class Kind : std::uint8_t {
  kDirective,
  kDocument,
  kDocumentEnd,
  kStreamEnd,
  kListOpen,
  kListClose,
  kMapOpen,
  kMapClose,
  kComma,
  kBlockList,
  kBlockMap,
  kBlockEnd,
  kEntry,
  kKey,
  kValue,
  kTag,
  kScalar
};

struct Token {
  Kind kind;
  Position position;
};

struct Fault {
  Position position;
  std::string_view message;
  std::string_view hint = "";
};

constexpr std::string_view kOneDocument = "Mistral reads one document a file";
constexpr std::string_view kNoNode = "Mistral reads no YAML here: a value is missing";

// PyYAML's scanner.py, without the values: it is what decides which texts it reads. Of the ends of lines there are \n and \r\n.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    // A byte order mark has no column.
    if (text.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  bool Run() {
    while (!done_) {
      if (!Fetch()) return false;
    }
    return true;
  }
  const std::vector<Token>& tokens() const { return tokens_; }
  const Fault& fault() const { return fault_; }

 private:
  // What may turn out to be a key, when a ':' follows.
  struct PossibleKey {
    std::size_t token;
    bool required;
    std::size_t characters;
    std::size_t column;
    Position position;
  };

  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  static bool IsBreak(char c) { return c == '\n' || c == '\r'; }
  static bool IsEnd(char c) { return c == '\0' || IsBreak(c); }
  static bool IsGap(char c) { return IsEnd(c) || c == ' ' || c == '\t'; }
  Position Here() const {
    return {static_cast<std::uint32_t>(line_ + 1), static_cast<std::uint32_t>(column_ + 1)};
  }

  void Forward(std::size_t bytes = 1) {
    for (; bytes > 0 && at_ < text_.size(); --bytes, ++at_) {
      if ((static_cast<unsigned char>(text_[at_]) & 0xC0U) != 0x80U) ++characters_;
      if (text_[at_] == '\n') {
        ++line_;
        column_ = 0;
      } else {
        ++column_;
      }
    }
  }
  void Blanks() {
    while (Peek() == ' ') Forward();
  }
  void ToLineEnd() {
    while (!IsEnd(Peek())) Forward();
  }
  bool TakeBreak() {
    if (!IsBreak(Peek())) return false;
    Forward(Peek() == '\r' && Peek(1) == '\n' ? 2 : 1);
    return true;
  }
  bool AtMarker(std::string_view marker) const {
    return text_.substr(at_, 3) == marker && IsGap(Peek(3));
  }
  bool AtMarker() const { return AtMarker("---") || AtMarker("..."); }

  bool Stop(std::string_view message, std::string_view hint = "") {
    fault_ = {Here(), message, hint};
    return false;
  }
  bool StopAtKey(const PossibleKey& key) {
    fault_ = {key.position, "Mistral reads a key here, and finds no ':' behind it in this line",
              "a text of several lines stands deeper than its key"};
    return false;
  }

  bool Fetch() {
    ToNextToken();
    if (!DropStaleKeys()) return false;
    Unwind(static_cast<std::ptrdiff_t>(column_));
    const char c = Peek();
    if (c == '\0') return StreamEnd();
    if (c == '%' && column_ == 0) return Directive();
    if (column_ == 0 && AtMarker()) return Marker(c == '-' ? Kind::kDocument : Kind::kDocumentEnd);
    switch (c) {
      case '[':
        return Open(Kind::kListOpen);
      case '{':
        return Open(Kind::kMapOpen);
      case ']':
        return Close(Kind::kListClose);
      case '}':
        return Close(Kind::kMapClose);
      case ',':
        return Comma();
      case '!':
        return SaveKey() && Tag();
      case '\'':
      case '"':
        return SaveKey() && Quoted(c);
      case '\t':
        return Stop("Mistral takes no tab here", "blanks");
      case '`':
      case '%':
        return Stop("Mistral takes no such character at the beginning of a text", "quote it");
      default:
        break;
    }
    if (c == '-' && IsGap(Peek(1))) return Entry();
    if (c == '?' && (flow_ > 0 || IsGap(Peek(1)))) return Key();
    if (c == ':' && (flow_ > 0 || IsGap(Peek(1)))) return ValueMark();
    if ((c == '|' || c == '>') && flow_ == 0) return Block();
    if (c == '|' || c == '>')
      return Stop("Mistral takes no such character at the beginning of a text", "quote it");
    return SaveKey() && Plain();
  }

  void ToNextToken() {
    while (true) {
      Blanks();
      if (Peek() == '#') ToLineEnd();
      if (!TakeBreak()) return;
      if (flow_ == 0) key_allowed_ = true;
    }
  }

  bool DropStaleKeys() {
    for (auto key = keys_.begin(); key != keys_.end();) {
      if (key->second.position.line == line_ + 1 && characters_ - key->second.characters <= 1024) {
        ++key;
      } else if (key->second.required) {
        return StopAtKey(key->second);
      } else {
        key = keys_.erase(key);
      }
    }
    return true;
  }
  bool SaveKey() {
    const bool required = flow_ == 0 && indent_ == static_cast<std::ptrdiff_t>(column_);
    if (key_allowed_) {
      if (!DropKey()) return false;
      keys_[flow_] = {tokens_.size(), required, characters_, column_, Here()};
    }
    key_allowed_ = false;
    return true;
  }
  bool DropKey() {
    const auto key = keys_.find(flow_);
    if (key == keys_.end()) return true;
    if (key->second.required) return StopAtKey(key->second);
    keys_.erase(key);
    return true;
  }

  void Unwind(std::ptrdiff_t column) {
    while (flow_ == 0 && indent_ > column) {
      indent_ = indents_.back();
      indents_.pop_back();
      Add(Kind::kBlockEnd);
    }
  }
  bool Indent(std::size_t column) {
    if (indent_ >= static_cast<std::ptrdiff_t>(column)) return false;
    indents_.push_back(indent_);
    indent_ = static_cast<std::ptrdiff_t>(column);
    return true;
  }

  void Add(Kind kind) { tokens_.push_back({kind, Here()}); }
  bool AddOne(Kind kind) {
    Add(kind);
    Forward();
    return true;
  }

  bool StreamEnd() {
    Unwind(-1);
    if (!DropKey()) return false;
    Add(Kind::kStreamEnd);
    done_ = true;
    return true;
  }

  bool Directive() {
    Unwind(-1);
    if (!DropKey()) return false;
    key_allowed_ = false;
    Add(Kind::kDirective);
    const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    std::string_view line = text_.substr(at_ + 1, end - at_ - 1);
    const std::string_view name = line.substr(0, line.find(' '));
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const bool of_yaml = name == "YAML";
    const bool of_tags = name == "TAG";
    if (of_tags || (of_yaml && (yaml_directive_ || !line.starts_with("1."))))
      return Stop("Mistral, or Holdfast, does not read this directive", "leave it out");
    yaml_directive_ = yaml_directive_ || of_yaml;
    ToLineEnd();
    TakeBreak();
    return true;
  }

  bool Marker(Kind kind) {
    Unwind(-1);
    if (!DropKey()) return false;
    key_allowed_ = false;
    Add(kind);
    Forward(3);
    return true;
  }

  bool Open(Kind kind) {
    if (!SaveKey()) return false;
    ++flow_;
    key_allowed_ = true;
    return AddOne(kind);
  }
  bool Close(Kind kind) {
    if (!DropKey()) return false;
    if (flow_ == 0) return Stop("Mistral reads no YAML here: nothing is open that this closes");
    --flow_;
    key_allowed_ = false;
    return AddOne(kind);
  }
  bool Comma() {
    key_allowed_ = true;
    return DropKey() && AddOne(Kind::kComma);
  }

  bool Entry() {
    if (flow_ == 0) {
      if (!key_allowed_) return Stop("Mistral takes no entry of a list here");
      if (Indent(column_)) Add(Kind::kBlockList);
    }
    key_allowed_ = true;
    return DropKey() && AddOne(Kind::kEntry);
  }
  bool Key() {
    if (flow_ == 0) {
      if (!key_allowed_) return Stop("Mistral takes no key here");
      if (Indent(column_)) Add(Kind::kBlockMap);
    }
    key_allowed_ = flow_ == 0;
    return DropKey() && AddOne(Kind::kKey);
  }
  bool ValueMark() {
    if (const auto found = keys_.find(flow_); found != keys_.end()) {
      const PossibleKey key = found->second;
      keys_.erase(found);
      const auto place = tokens_.begin() + static_cast<std::ptrdiff_t>(key.token);
      tokens_.insert(place, {Kind::kKey, key.position});
      if (flow_ == 0 && Indent(key.column)) {
        tokens_.insert(tokens_.begin() + static_cast<std::ptrdiff_t>(key.token),
                       {Kind::kBlockMap, key.position});
      }
      key_allowed_ = false;
      return AddOne(Kind::kValue);
    }
    if (flow_ == 0) {
      if (!key_allowed_) return Stop("Mistral takes no value here", "quote a text that has ': '");
      if (Indent(column_)) Add(Kind::kBlockMap);
    }
    key_allowed_ = flow_ == 0;
    return DropKey() && AddOne(Kind::kValue);
  }

  bool Tag() {
    Add(Kind::kTag);
    while (!IsEnd(Peek()) && Peek() != ' ') Forward();
    return true;
  }

  bool Plain() {
    Add(Kind::kScalar);
    const std::ptrdiff_t indent = indent_ + 1;
    while (Peek() != '#') {
      const std::size_t begin = at_;
      while (!PlainEndsHere()) Forward();
      if (at_ == begin) break;
      key_allowed_ = false;
      if (!PlainGap() || Peek() == '#' ||
          (flow_ == 0 && static_cast<std::ptrdiff_t>(column_) < indent))
        break;
    }
    return true;
  }
  bool PlainEndsHere() const {
    const char c = Peek();
    if (IsGap(c)) return true;
    if (c == ':') {
      const char next = Peek(1);
      return IsGap(next) ||
             (flow_ > 0 && std::string_view(",[]{}").find(next) != std::string_view::npos);
    }
    return flow_ > 0 && std::string_view(",?[]{}").find(c) != std::string_view::npos;
  }
  // False where the text ends.
  bool PlainGap() {
    const std::size_t begin = at_;
    Blanks();
    if (!TakeBreak()) return at_ > begin;
    key_allowed_ = true;
    do {
      if (AtMarker()) return false;
      Blanks();
    } while (TakeBreak());
    return true;
  }

  bool Quoted(char quote) {
    Add(Kind::kScalar);
    Forward();
    while (Peek() != quote || (quote == '\'' && Peek(1) == quote)) {
      const char c = Peek();
      if (c == '\0') return Stop("Mistral finds the end of this text nowhere");
      if (c == quote) {
        Forward(2);
      } else if (c == '\\' && quote == '"') {
        if (!Escape()) return false;
      } else if (IsBreak(c)) {
        TakeBreak();
        if (!QuotedBreaks()) return false;
      } else {
        Forward();
      }
    }
    Forward();
    return true;
  }
  bool QuotedBreaks() {
    do {
      if (AtMarker()) return Stop("Mistral reads the end of a document here", "indent it");
      while (Peek() == ' ' || Peek() == '\t') Forward();
    } while (TakeBreak());
    return true;
  }
  bool Escape() {
    Forward();
    if (TakeBreak()) return QuotedBreaks();
    const char c = Peek();
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0 &&
        (c == '\0' || std::string_view("0abt\tnvfre \"\\/N_LP").find(c) == std::string_view::npos))
      return Stop("Mistral knows no such escape", "\\\\ for a backslash, or '...'");
    Forward();
    for (std::size_t digit = 0; digit < digits; ++digit) {
      if (Peek() == '\0' ||
          std::string_view("0123456789ABCDEFabcdef").find(Peek()) == std::string_view::npos)
        return Stop("Mistral wants more hexadecimal digits here");
      Forward();
    }
    return true;
  }

  bool Block() {
    key_allowed_ = true;
    if (!DropKey()) return false;
    Add(Kind::kScalar);
    Forward();
    std::ptrdiff_t increment = 0;
    for (int sign = 0, number = 0; sign + number < 2;) {
      if ((Peek() == '+' || Peek() == '-') && sign++ == 0) {
        Forward();
      } else if (Peek() >= '1' && Peek() <= '9' && number++ == 0) {
        increment = Peek() - '0';
        Forward();
      } else {
        break;
      }
    }
    if (!IsEnd(Peek()) && Peek() != ' ')
      return Stop(Peek() == '\t' ? "Mistral takes no tab here"
                                 : "Mistral takes nothing but a comment behind this");
    Blanks();
    if (Peek() == '#') ToLineEnd();
    if (!IsEnd(Peek())) return Stop("Mistral takes nothing but a comment behind this");
    TakeBreak();
    std::ptrdiff_t indent = std::max<std::ptrdiff_t>(indent_ + 1, 1);
    if (increment > 0) {
      indent += increment - 1;
      BlockBreaks(indent);
    } else {
      while (Peek() == ' ' || IsBreak(Peek())) {
        if (TakeBreak()) continue;
        Forward();
        indent = std::max(indent, static_cast<std::ptrdiff_t>(column_));
      }
    }
    while (static_cast<std::ptrdiff_t>(column_) == indent && Peek() != '\0') {
      ToLineEnd();
      TakeBreak();
      BlockBreaks(indent);
    }
    return true;
  }
  void BlockBreaks(std::ptrdiff_t indent) {
    do {
      while (static_cast<std::ptrdiff_t>(column_) < indent && Peek() == ' ') Forward();
    } while (TakeBreak());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  std::size_t column_ = 0;  // of bytes
  std::size_t characters_ = 0;
  std::size_t flow_ = 0;
  std::ptrdiff_t indent_ = -1;
  std::vector<std::ptrdiff_t> indents_;
  bool key_allowed_ = true;
  bool yaml_directive_ = false;
  bool done_ = false;
  std::map<std::size_t, PossibleKey> keys_;  // by depth of [] and {}
  std::vector<Token> tokens_;
  Fault fault_;
};

// PyYAML's parser.py. It goes as deep as the text does, which our reader has bounded.
class Parser {
 public:
  explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

  bool Run() {
    if (!At(Kind::kDirective, Kind::kDocument, Kind::kStreamEnd)) {
      if (!Node(true, false)) return false;
      Take(Kind::kDocumentEnd);
      return MoreDocuments(1);
    }
    return MoreDocuments(0);
  }
  const Fault& fault() const { return fault_; }

 private:
  template <typename... Kinds>
  bool At(Kinds... kinds) const {
    return ((tokens_[at_].kind == kinds) || ...);
  }
  bool Take(Kind kind) {
    if (!At(kind)) return false;
    ++at_;
    return true;
  }
  bool Stop(std::string_view message, std::string_view hint = "") {
    fault_ = {tokens_[at_].position, message, hint};
    return false;
  }

  bool MoreDocuments(int documents) {
    while (true) {
      while (Take(Kind::kDocumentEnd)) {
      }
      if (At(Kind::kStreamEnd)) return true;
      if (documents > 0 && At(Kind::kDocument, Kind::kDirective)) return Stop(kOneDocument);
      while (Take(Kind::kDirective)) {
      }
      if (!Take(Kind::kDocument))
        return Stop("Mistral reads a new document here, which begins with '---'",
                    "check the indentation");
      ++documents;
      if (!At(Kind::kDirective, Kind::kDocument, Kind::kDocumentEnd, Kind::kStreamEnd) &&
          !Node(true, false))
        return false;
      Take(Kind::kDocumentEnd);
    }
  }

  bool Node(bool block, bool entries) {
    const bool tag = Take(Kind::kTag);
    if (entries && At(Kind::kEntry)) return Entries();
    if (Take(Kind::kScalar)) return true;
    if (Take(Kind::kListOpen)) return List();
    if (Take(Kind::kMapOpen)) return Map();
    if (block && Take(Kind::kBlockList)) return BlockList();
    if (block && Take(Kind::kBlockMap)) return BlockMap();
    return tag || Stop(kNoNode);
  }

  bool BlockList() {
    while (Take(Kind::kEntry)) {
      if (!At(Kind::kEntry, Kind::kBlockEnd) && !Node(true, false)) return false;
    }
    return Take(Kind::kBlockEnd) || Stop("Mistral wants a '-' here, or the end of the list");
  }
  bool Entries() {
    while (Take(Kind::kEntry)) {
      if (!At(Kind::kEntry, Kind::kKey, Kind::kValue, Kind::kBlockEnd) && !Node(true, false))
        return false;
    }
    return true;
  }
  bool BlockMap() {
    while (true) {
      const bool key = Take(Kind::kKey);
      if (key && !At(Kind::kKey, Kind::kValue, Kind::kBlockEnd) && !Node(true, true)) return false;
      if (!key) return Take(Kind::kBlockEnd) || Stop("Mistral wants a key here");
      if (Take(Kind::kValue) && !At(Kind::kKey, Kind::kValue, Kind::kBlockEnd) && !Node(true, true))
        return false;
    }
  }

  bool List() {
    for (bool first = true; !Take(Kind::kListClose); first = false) {
      if (!first && !Take(Kind::kComma)) return Stop("Mistral wants ',' or ']' here");
      if (!first && Take(Kind::kListClose)) return true;
      if (Take(Kind::kKey)) {
        if (!Pair(Kind::kListClose)) return false;
      } else if (!Node(false, false)) {
        return false;
      }
    }
    return true;
  }
  bool Map() {
    for (bool first = true; !Take(Kind::kMapClose); first = false) {
      if (!first && !Take(Kind::kComma)) return Stop("Mistral wants ',' or '}' here");
      if (!first && Take(Kind::kMapClose)) return true;
      if (Take(Kind::kKey)) {
        if (!Pair(Kind::kMapClose)) return false;
      } else if (!Node(false, false)) {
        return false;
      }
    }
    return true;
  }
  bool Pair(Kind close) {
    if (!At(Kind::kValue, Kind::kComma, close) && !Node(false, false)) return false;
    return !Take(Kind::kValue) || At(Kind::kComma, close) || Node(false, false);
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  Fault fault_;
};

}  // namespace

std::optional<Error> GrammarFault(const local::SourceFile& source) {
  Scanner scanner(source.text);
  const auto error = [&](const Fault& fault) {
    return source.At(fault.position, std::string(fault.message)).Hint(std::string(fault.hint));
  };
  if (!scanner.Run()) return error(scanner.fault());
  Parser parser(scanner.tokens());
  if (!parser.Run()) return error(parser.fault());
  return std::nullopt;
}

}  // namespace holdfast::mistral
