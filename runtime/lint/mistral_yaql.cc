#include "runtime/lint/mistral_yaql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"

namespace holdfast::lint {
namespace {

// The grammar (yaql/language/parser.py; precedence does not matter for whether a text has a reading):
//   value  := prefix* operand (operator value)?
//   operand := (constant | word | $name | '(' value ')' | '[' args ']' | '{' args '}' | name( args ')') ('[' args ']')*
//   args   := nothing | positional | named | positional ',' named | positional ',' ',' named
//   positional := values with ',' between, in front and in a row, but none at the end
//   named  := value '=>' value (',' value '=>' value)*
enum class Kind : std::uint8_t {
  kOperand,
  kCall,
  kOpen,
  kClose,
  kComma,
  kPrefix,
  kBinary,
  kEither,
  kArrow
};

struct Token {
  Kind kind;
  std::string_view text;
};

constexpr std::array<std::string_view, 17> kOperators{
    "=>", "->", "=~", "!~", ">=", "<=", "!=", "?.", ".", "+", "-", "*", "/", ">", "<", "=", ","};
// Deeper than any that is meant; Python's own recursion ends there, and the one below goes as deep.
constexpr std::size_t kDeepest = 200;

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // False, with fault(), for what is no token.
  bool Run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else if (!Next(c)) {
        fault_ = fmt::format("'{}' is no part of an expression", Printable(text_.substr(at_, 10)));
        return false;
      }
    }
    return true;
  }
  const std::vector<Token>& tokens() const { return tokens_; }
  const std::string& fault() const { return fault_; }

 private:
  bool Next(char c) {
    if (c == '$') return Take(Kind::kOperand, WordEnd(text_, at_ + 1));
    if (IsAt(text_, at_, character::kWord)) {
      // \b: neither a number nor a word begins inside of one.
      if (IsBefore(text_, at_, character::kWord)) return false;
      return IsAt(text_, at_, character::kDigit) ? Number() : Word();
    }
    if (c == '\'' || c == '"' || c == '`') return Text();
    if (c == '(' || c == '[' || c == '{') return Take(Kind::kOpen, at_ + 1);
    if (c == ')' || c == ']' || c == '}') return Take(Kind::kClose, at_ + 1);
    for (const std::string_view one : kOperators) {
      if (!text_.substr(at_).starts_with(one)) continue;
      const Kind kind = one == ","                 ? Kind::kComma
                        : one == "=>"              ? Kind::kArrow
                        : one == "+" || one == "-" ? Kind::kEither
                                                   : Kind::kBinary;
      return Take(kind, at_ + one.size());
    }
    return false;
  }

  // \d+(\.?\d+)?\b, with what the expression gives back where that is no end of a word.
  bool Number() {
    const std::size_t whole = EndOf(text_, at_, character::kDigit);
    std::size_t end = whole;
    if (end < text_.size() && text_[end] == '.' && IsAt(text_, end + 1, character::kDigit))
      end = EndOf(text_, end + 1, character::kDigit);
    if (IsAt(text_, end, character::kWord)) end = whole;
    return !IsAt(text_, end, character::kWord) && Take(Kind::kOperand, end);
  }

  bool Word() {
    const std::size_t end = WordEnd(text_, at_);
    if (end < text_.size() && text_[end] == '(') return Take(Kind::kCall, end + 1);
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.starts_with("__")) return false;
    if (word == "not") return Take(Kind::kPrefix, end);
    const bool binary = word == "and" || word == "or" || word == "in" || word == "mod";
    return Take(binary ? Kind::kBinary : Kind::kOperand, end);
  }

  bool Text() {
    const std::size_t end = QuotedEnd(text_, at_);
    return end != std::string_view::npos && Take(Kind::kOperand, end);
  }

  bool Take(Kind kind, std::size_t end) {
    tokens_.push_back({kind, text_.substr(at_, end - at_)});
    at_ = end;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::string fault_;
};

class Parser {
 public:
  explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::string Run() {
    if (tokens_.empty()) return "it is empty";
    if (Value() && at_ < tokens_.size()) Stop();
    return fault_;
  }

 private:
  bool Value() {
    if (depth_ == kDeepest) return Stop();
    ++depth_;
    bool good = Operand();
    while (good && At(Kind::kBinary, Kind::kEither)) {
      ++at_;
      good = Operand();
    }
    --depth_;
    return good;
  }

  bool Operand() {
    for (std::size_t depth = 0; At(Kind::kPrefix, Kind::kEither); ++depth, ++at_) {
      if (depth == kDeepest) return Stop();
    }
    if (At(Kind::kOperand)) {
      ++at_;
    } else if (At(Kind::kCall)) {
      ++at_;
      if (!Arguments(")")) return false;
    } else if (At(Kind::kOpen)) {
      const std::string_view open = tokens_[at_++].text;
      if (open == "(" ? !Value() || !Close(")") : !Arguments(open == "[" ? "]" : "}")) return false;
    } else {
      return Stop();
    }
    while (At(Kind::kOpen) && tokens_[at_].text == "[") {
      ++at_;
      if (!Arguments("]")) return false;
    }
    return true;
  }

  bool Arguments(std::string_view close) {
    std::size_t commas = 0;  // since the last argument
    bool any = false;
    bool named = false;
    while (true) {
      if (At(Kind::kClose)) {
        // Nothing stands after a ','.
        if (commas > 0) return Stop();
        return Close(close);
      }
      if (At(Kind::kComma)) {
        ++commas;
        ++at_;
        if (named && commas > 1) return Stop();
        continue;
      }
      if (any && commas == 0) return Stop();
      if (!Value()) return false;
      if (At(Kind::kArrow)) {
        ++at_;
        // One place may be left out in front of the first one, but not the first place.
        if (commas > (any ? 2U : 0U) || !Value()) return Stop();
        named = true;
      } else if (named) {
        return Stop();
      }
      any = true;
      commas = 0;
    }
  }

  bool Close(std::string_view close) {
    if (!At(Kind::kClose) || tokens_[at_].text != close) return Stop();
    ++at_;
    return true;
  }

  bool At(Kind kind) const { return at_ < tokens_.size() && tokens_[at_].kind == kind; }
  bool At(Kind kind, Kind other) const { return At(kind) || At(other); }

  // Says where it goes no further, the first time.
  bool Stop() {
    if (!fault_.empty()) return false;
    fault_ = at_ >= tokens_.size()
                 ? "it ends too early"
                 : fmt::format("'{}' cannot stand there", Printable(tokens_[at_].text));
    return false;
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string fault_;
};

}  // namespace

std::string YaqlFault(std::string_view expression) {
  Lexer lexer(expression);
  if (!lexer.Run()) return lexer.fault();
  return Parser(lexer.tokens()).Run();
}

}  // namespace holdfast::lint
