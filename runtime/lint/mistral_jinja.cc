#include "runtime/lint/mistral_jinja.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"

namespace holdfast::lint {
namespace {

enum class Kind : std::uint8_t {
  kName,
  kNumber,
  kInteger,
  kText,
  kOperator,
  kVariable,
  kBlock,
  kEnd
};

struct Token {
  Kind kind;
  std::string_view text;  // of kEnd: what closes it
};

constexpr std::array<std::string_view, 26> kOperators{
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
// Deeper than any that is meant; Python's own recursion ends there, and the one below goes as deep.
constexpr std::size_t kDeepest = 200;

// As jinja2/lexer.py cuts a template: text is passed over.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // False, with fault(), for what is no token.
  bool Template() {
    while (true) {
      const std::size_t open = text_.find('{', at_);
      if (open == std::string_view::npos || open + 1 >= text_.size()) return true;
      at_ = open + 1;
      const char kind = text_[at_];
      if (kind != '{' && kind != '%' && kind != '#') continue;
      ++at_;
      if (kind == '#') {
        if (!Comment()) return false;
        continue;
      }
      if (kind == '%' && Tag("raw")) {
        if (!Raw()) return false;
        continue;
      }
      tokens_.push_back({kind == '{' ? Kind::kVariable : Kind::kBlock, text_.substr(open, 2)});
      if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
      if (!Inside(kind == '{' ? "}}" : "%}")) return false;
    }
  }
  // A text that is an expression from its beginning to its end.
  bool Expression() { return Inside(""); }

  const std::vector<Token>& tokens() const { return tokens_; }
  const std::string& fault() const { return fault_; }

 private:
  bool Comment() {
    if (at_ == text_.size()) return true;
    at_ = text_.find("#}", at_);
    if (at_ != std::string_view::npos) return true;
    fault_ = "a '{#' begins a comment, and is not closed";
    return false;
  }

  // Passes over `word %}`, if that stands here.
  bool Tag(std::string_view word) {
    std::size_t at = at_;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    at = EndOf(text_, at, character::kBlank);
    if (!text_.substr(at).starts_with(word)) return false;
    at = EndOf(text_, at + word.size(), character::kBlank);
    if (at < text_.size() && text_[at] == '-') ++at;
    if (!text_.substr(at).starts_with("%}")) return false;
    at_ = at + 2;
    return true;
  }

  bool Raw() {
    while ((at_ = text_.find("{%", at_)) != std::string_view::npos) {
      at_ += 2;
      if (Tag("endraw")) return true;
    }
    fault_ = "'raw' is not closed";
    return false;
  }

  bool Inside(std::string_view close) {
    std::string open;
    while (at_ < text_.size()) {
      at_ = EndOf(text_, at_, character::kBlank);
      if (at_ == text_.size()) break;
      const std::size_t dash = text_[at_] == '-' || (text_[at_] == '+' && close == "%}") ? 1 : 0;
      if (!close.empty() && open.empty() && text_.substr(at_ + dash).starts_with(close)) {
        tokens_.push_back({Kind::kEnd, close});
        at_ += dash + close.size();
        return true;
      }
      if (!Next(open)) {
        fault_ = fmt::format("'{}' cannot stand there", Printable(text_.substr(at_, 10)));
        return false;
      }
    }
    // The parser says what is missing.
    return true;
  }

  bool Next(std::string& open) {
    const char c = text_[at_];
    if (IsAt(text_, at_, character::kDigit)) return Number();
    if (IsAt(text_, at_, character::kNameOfJinja)) return Name();
    if (c == '\'' || c == '"') {
      const std::size_t end = QuotedEnd(text_, at_);
      return end != std::string_view::npos && Take(Kind::kText, end);
    }
    for (const std::string_view one : kOperators) {
      if (!text_.substr(at_).starts_with(one)) continue;
      if (one == "(" || one == "[" || one == "{")
        open.push_back(one == "(" ? ')' : one == "[" ? ']' : '}');
      if (one == ")" || one == "]" || one == "}") {
        if (open.empty() || open.back() != one[0]) return false;
        open.pop_back();
      }
      return Take(Kind::kOperator, at_ + one.size());
    }
    return false;
  }

  // What it cuts out as a name has to be one of Python's.
  bool Name() {
    if (!IsAt(text_, at_, character::kNameStart)) return false;
    const std::size_t end = EndOf(text_, at_, character::kNameOfJinja);
    return EndOf(text_, at_, character::kNamePart) >= end && Take(Kind::kName, end);
  }

  bool Number() {
    std::size_t end = at_;
    const auto is_digit = [&](std::size_t at) { return IsAt(text_, at, character::kDigit); };
    const auto digits = [&] {
      while (is_digit(end) || (end < text_.size() && text_[end] == '_' && is_digit(end + 1)))
        end += CharacterAt(text_, end).length;
    };
    digits();
    const std::size_t whole = end;
    if (at_ == 0 || text_[at_ - 1] != '.') {
      if (end < text_.size() && text_[end] == '.' && is_digit(end + 1)) {
        ++end;
        digits();
      }
      std::size_t exponent = end;
      if (exponent < text_.size() && (text_[exponent] | 0x20) == 'e') ++exponent;
      if (exponent > end && exponent < text_.size() &&
          (text_[exponent] == '+' || text_[exponent] == '-'))
        ++exponent;
      if (exponent > end && is_digit(exponent)) {
        end = exponent;
        digits();
      }
      // Jinja takes any digits for such a number, and then cannot read them.
      if (end > whole) {
        const std::string_view number = text_.substr(at_, end - at_);
        return std::none_of(number.begin(), number.end(),
                            [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; }) &&
               Take(Kind::kNumber, end);
      }
    }
    // Others than those of ASCII begin no whole number.
    if (!IsDigit(text_[at_])) return Name();
    // 0 stands alone, or begins one in another base.
    if (text_[at_] == '0') {
      end = at_ + 1;
      const char base = end < text_.size() ? static_cast<char>(text_[end] | 0x20) : ' ';
      const std::string_view in_base = base == 'x'   ? "0123456789abcdefABCDEF"
                                       : base == 'o' ? "01234567"
                                       : base == 'b' ? "01"
                                                     : "";
      // Of such digits, each with a '_' before it or none; the place behind them.
      const auto digits_from = [&](std::size_t at, std::string_view allowed) {
        while (true) {
          const std::size_t digit = at < text_.size() && text_[at] == '_' ? at + 1 : at;
          // Of base 16, decimal ones of any script as well.
          const bool any_script = base == 'x' && is_digit(digit);
          if (digit >= text_.size() ||
              (!any_script && allowed.find(text_[digit]) == std::string_view::npos))
            return at;
          at = digit + CharacterAt(text_, digit).length;
        }
      };
      const std::size_t last = in_base.empty() ? end : digits_from(end + 1, in_base);
      end = last > end + 1 ? last : digits_from(end, "0");
    }
    return Take(Kind::kInteger, end);
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

using Words = std::initializer_list<std::string_view>;

// As jinja2/parser.py; each function is called as there.
class Parser {
 public:
  explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::string Template() {
    if (Body({}) && at_ < tokens_.size()) Stop();
    return passes_ ? std::string() : fault_;
  }
  std::string Expression() {
    if (tokens_.empty()) return "it is empty";
    if (Condition() && at_ < tokens_.size()) Stop();
    return fault_;
  }

 private:
  // Up to a block that begins with one of `ends`, whose name is the current token then.
  bool Body(Words ends) {
    while (at_ < tokens_.size()) {
      const Kind kind = tokens_[at_++].kind;
      if (kind == Kind::kVariable) {
        if (!Tuple(true) || !End()) return false;
        continue;
      }
      for (const std::string_view end : ends) {
        if (AtName(end)) return true;
      }
      if (!Deeper(&Parser::Statement)) return false;
    }
    if (ends.size() == 0) return true;
    return Say(fmt::format("'{}' is missing", *(ends.end() - 1)));
  }

  bool Statement() {
    if (SkipName("if")) return If();
    if (SkipName("for")) return For();
    if (SkipName("set")) return Set();
    if (SkipName("block")) return Block();
    if (SkipName("macro")) return Name() && Signature() && Inside("endmacro");
    if (SkipName("call")) return CallBlock();
    if (SkipName("filter")) return Names() && Arguments() && Filters() && Inside("endfilter");
    if (SkipName("with")) return With();
    if (SkipName("autoescape")) return Condition() && Inside("endautoescape");
    for (const std::string_view other : {"extends", "include", "import", "from"}) {
      if (AtName(other))
        return Say(fmt::format("'{}' wants another template, and there is none", other));
    }
    if (!SkipName("print")) return Stop();
    for (bool first = true; !At(Kind::kEnd); first = false) {
      if ((!first && !Need(",")) || !Condition()) return false;
    }
    return End();
  }

  // The rest of a tag, what stands behind it, and the tag that ends it.
  bool Inside(std::string_view end) {
    if (!Head() || !Body({end})) return false;
    ++at_;
    return End();
  }

  bool Name() {
    if (!At(Kind::kName) || IsConstant(tokens_[at_].text)) return Stop();
    ++at_;
    return true;
  }
  static bool IsConstant(std::string_view name) {
    const Words constants{"true", "false", "none", "True", "False", "None"};
    return std::find(constants.begin(), constants.end(), name) != constants.end();
  }
  bool Arguments() { return !AtText("(") || Call(); }
  bool Filters() {
    while (AtText("|")) {
      if (!Filter()) return false;
    }
    return true;
  }

  bool Block() {
    if (!At(Kind::kName)) return Stop();
    const std::string_view name = tokens_[at_++].text;
    SkipName("scoped");
    // What stands in such a one has to be blank: that is not looked at.
    passes_ = SkipName("required") || passes_;
    if (!Head() || !Body({"endblock"})) return false;
    ++at_;
    SkipName(name);
    return End();
  }

  bool Signature() {
    if (!Need("(")) return false;
    bool defaults = false;
    for (bool first = true; !AtText(")"); first = false) {
      if ((!first && !Need(",")) || !Name()) return false;
      if (Skip("=")) {
        defaults = true;
        if (!Condition()) return false;
      } else if (defaults) {
        return Stop();
      }
    }
    return Need(")");
  }

  bool CallBlock() {
    if (AtText("(") && !Signature()) return false;
    if (!Condition()) return false;
    if (tokens_[at_ - 1].text != ")") return Stop();
    return Inside("endcall");
  }

  bool With() {
    for (bool first = true; !At(Kind::kEnd); first = false) {
      if ((!first && !Need(",")) || !Name() || !Need("=") || !Condition()) return false;
    }
    return Inside("endwith");
  }

  bool If() {
    while (true) {
      if (!Tuple(false) || !Head() || !Body({"elif", "else", "endif"})) return false;
      if (SkipName("elif")) continue;
      if (SkipName("else") && (!Head() || !Body({"endif"}))) return false;
      return SkipName("endif") && End();
    }
  }

  bool For() {
    if (!Target()) return false;
    if (!SkipName("in")) return Stop();
    if (!Tuple(false)) return false;
    if (SkipName("if") && !Condition()) return false;
    SkipName("recursive");
    if (!Head() || !Body({"else", "endfor"})) return false;
    if (SkipName("else") && (!Head() || !Body({"endfor"}))) return false;
    return SkipName("endfor") && End();
  }

  bool Set() {
    if (!Target()) return false;
    if (Skip("=")) return Tuple(true) && End();
    return Filters() && Inside("endset");
  }

  bool Target() {
    do {
      if (Skip("(")) {
        if (!Deeper(&Parser::Target) || !Need(")")) return false;
        continue;
      }
      if (!Name()) return false;
      if (Skip(".") && !Name()) return false;
    } while (Skip(","));
    return true;
  }

  bool Tuple(bool conditions) {
    bool any = false;
    while (true) {
      if (any && !Skip(",")) return true;
      if (At(Kind::kEnd) || AtText(")")) return any || Stop();
      if (conditions ? !Condition() : !Or()) return false;
      any = true;
    }
  }

  bool Condition() { return Deeper(&Parser::Choice); }
  bool Choice() {
    bool good = Or();
    while (good && SkipName("if")) {
      good = Or();
      if (good && SkipName("else")) good = Condition();
    }
    return good;
  }
  bool Or() {
    do {
      do {
        for (std::size_t depth = 0; SkipName("not"); ++depth) {
          if (depth == kDeepest) return Stop();
        }
        if (!Compare()) return false;
      } while (SkipName("and"));
    } while (SkipName("or"));
    return true;
  }
  bool Compare() {
    // Sums, products and powers differ in what they mean, not in what may stand there.
    do {
      if (!Unary()) return false;
    } while (Binary());
    return true;
  }
  bool Binary() {
    for (const std::string_view one :
         {"==", "!=", "<", "<=", ">", ">=", "+", "-", "~", "*", "/", "//", "%", "**"}) {
      if (Skip(one)) {
        // "not" begins no operand of these.
        return true;
      }
    }
    if (SkipName("in")) return true;
    if (!AtName("not") || at_ + 1 >= tokens_.size() || tokens_[at_ + 1].text != "in") return false;
    at_ += 2;
    return true;
  }

  bool Unary() {
    for (std::size_t depth = 0; AtText("-") || AtText("+"); ++depth, ++at_) {
      if (depth == kDeepest) return Stop();
    }
    if (!Primary() || !Postfix()) return false;
    while (true) {
      if (AtText("|")) {
        if (!Filter()) return false;
      } else if (AtName("is")) {
        if (!Test()) return false;
      } else if (AtText("(")) {
        if (!Call()) return false;
      } else {
        return true;
      }
    }
  }

  bool Primary() {
    if (At(Kind::kName) || At(Kind::kNumber) || At(Kind::kInteger)) {
      ++at_;
      return true;
    }
    if (At(Kind::kText)) {
      while (At(Kind::kText)) ++at_;
      return true;
    }
    if (Skip("(")) {
      if (Skip(")")) return true;
      return Tuple(true) && Need(")");
    }
    if (Skip("[")) {
      while (!AtText("]")) {
        if (!Condition()) return false;
        if (!Skip(",")) break;
      }
      return Need("]");
    }
    if (!Skip("{")) return Stop();
    while (!AtText("}")) {
      if (!Condition() || !Need(":") || !Condition()) return false;
      if (!Skip(",")) break;
    }
    return Need("}");
  }

  bool Postfix() {
    while (true) {
      if (Skip(".")) {
        if (!At(Kind::kName) && !At(Kind::kInteger)) return Stop();
        ++at_;
      } else if (Skip("[")) {
        if (!Subscripts()) return false;
      } else if (AtText("(")) {
        if (!Call()) return false;
      } else {
        return true;
      }
    }
  }

  bool Subscripts() {
    if (Skip("]")) return true;
    do {
      // a, a:b, a:b:c; beside a ':' each of them may be left out.
      if (!AtText(":") && !Condition()) return false;
      for (int colons = 0; colons < 2 && Skip(":"); ++colons) {
        if (!AtText(":") && !AtText("]") && !AtText(",") && !Condition()) return false;
      }
    } while (Skip(","));
    return Need("]");
  }

  bool Call() {
    ++at_;
    bool named = false;
    bool list = false;
    bool map = false;
    while (!AtText(")")) {
      if (map) return Stop();
      if (AtText("*")) {
        if (list) return Stop();
        ++at_;
        list = true;
      } else if (Skip("**")) {
        map = true;
      } else if (At(Kind::kName) && at_ + 1 < tokens_.size() && tokens_[at_ + 1].text == "=") {
        at_ += 2;
        named = true;
      } else if (named || list) {
        return Stop();
      }
      if (!Condition()) return false;
      if (!Skip(",")) break;
    }
    return Need(")");
  }

  bool Names() {
    do {
      if (!At(Kind::kName)) return Stop();
      ++at_;
    } while (Skip("."));
    return true;
  }
  bool Filter() {
    ++at_;
    return Names() && (!AtText("(") || Call());
  }
  bool Test() {
    ++at_;
    SkipName("not");
    if (!Names()) return false;
    if (AtText("(")) return Call();
    if (AtName("is")) return Stop();
    const bool word = At(Kind::kName) && !AtName("else") && !AtName("or") && !AtName("and");
    if (!word && !At(Kind::kText) && !At(Kind::kInteger) && !At(Kind::kNumber) && !AtText("[") &&
        !AtText("{"))
      return true;
    return Primary() && Postfix();
  }

  bool At(Kind kind) const { return at_ < tokens_.size() && tokens_[at_].kind == kind; }
  bool AtText(std::string_view text) const {
    return At(Kind::kOperator) && tokens_[at_].text == text;
  }
  bool AtName(std::string_view name) const { return At(Kind::kName) && tokens_[at_].text == name; }
  bool Skip(std::string_view text) {
    if (!AtText(text)) return false;
    ++at_;
    return true;
  }
  bool SkipName(std::string_view name) {
    if (!AtName(name)) return false;
    ++at_;
    return true;
  }
  bool Need(std::string_view text) { return Skip(text) || Stop(); }
  bool End() {
    if (!At(Kind::kEnd)) return Stop();
    ++at_;
    return true;
  }

  // The end of a tag with a body.
  bool Head() {
    Skip(":");
    return End();
  }

  // A part of what stands here: one level below it.
  bool Deeper(bool (Parser::*part)()) {
    if (depth_ == kDeepest) return Stop();
    ++depth_;
    const bool good = (this->*part)();
    --depth_;
    return good;
  }

  bool Say(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
    return false;
  }
  bool Stop() {
    return Say(at_ >= tokens_.size() || At(Kind::kEnd)
                   ? "it ends too early"
                   : fmt::format("'{}' cannot stand there", Printable(tokens_[at_].text)));
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool passes_ = false;  // it has something that is not looked at
  std::string fault_;
};

}  // namespace

std::string JinjaFault(std::string_view text) {
  // Mistral evaluates what is one expression without the template around it: without -, and no "a, b".
  if (text.starts_with("{{") && text.find("}}") == text.size() - 2 && text.size() >= 4) {
    Lexer lexer(text.substr(2, text.size() - 4));
    if (!lexer.Expression()) return lexer.fault();
    return Parser(lexer.tokens()).Expression();
  }
  Lexer lexer(text);
  if (!lexer.Template()) return lexer.fault();
  return Parser(lexer.tokens()).Template();
}

}  // namespace holdfast::lint
