#include "runtime/local/expression.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

constexpr int kMaxDepth = 100;

bool IsWordStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }

Error WrongKind(std::string_view op, const Value& a, const Value& b) {
  return InvalidInput(
      fmt::format("'{}' does not work on {} and {}", op, NameOf(a.kind()), NameOf(b.kind())));
}

bool IsNumber(const Value& value) { return value.is_int() || value.is_double(); }

bool IsEqual(const Value& a, const Value& b) {
  if (IsNumber(a) && IsNumber(b) && a.kind() != b.kind()) return a.AsDouble() == b.AsDouble();
  return a == b;
}

Result<Value> Compare(std::string_view op, const Value& a, const Value& b) {
  int order = 0;
  if (a.is_int() && b.is_int()) {
    order = a.AsInt() < b.AsInt() ? -1 : a.AsInt() > b.AsInt() ? 1 : 0;
  } else if (IsNumber(a) && IsNumber(b)) {
    order = a.AsDouble() < b.AsDouble() ? -1 : a.AsDouble() > b.AsDouble() ? 1 : 0;
  } else if (a.is_string() && b.is_string()) {
    order = a.AsString().compare(b.AsString());
  } else {
    return WrongKind(op, a, b);
  }
  if (op == "<") return Value(order < 0);
  if (op == "<=") return Value(order <= 0);
  if (op == ">") return Value(order > 0);
  return Value(order >= 0);
}

Result<Value> Calculate(std::string_view op, const Value& a, const Value& b) {
  if (op == "+" && a.is_string() && b.is_string()) return Value(a.AsString() + b.AsString());
  if (!IsNumber(a) || !IsNumber(b)) return WrongKind(op, a, b);
  if (op == "/") {
    if (b.AsDouble() == 0) return InvalidInput("division by zero");
    return Value(a.AsDouble() / b.AsDouble());
  }
  if (op == "%") {
    if (!a.is_int() || !b.is_int()) return WrongKind(op, a, b);
    if (b.AsInt() == 0) return InvalidInput("division by zero");
    return Value(b.AsInt() == -1 ? std::int64_t{0} : a.AsInt() % b.AsInt());
  }
  if (!a.is_int() || !b.is_int()) {
    const double x = a.AsDouble();
    const double y = b.AsDouble();
    return Value(op == "+" ? x + y : op == "-" ? x - y : x * y);
  }
  std::int64_t result = 0;
  const bool overflow = op == "+"   ? __builtin_add_overflow(a.AsInt(), b.AsInt(), &result)
                        : op == "-" ? __builtin_sub_overflow(a.AsInt(), b.AsInt(), &result)
                                    : __builtin_mul_overflow(a.AsInt(), b.AsInt(), &result);
  if (overflow) return InvalidInput("an integer is too large");
  return Value(result);
}

Result<Value> Convert(const std::string& function, const Value& value) {
  if (function == "string") return Value(TextOf(value));
  if (function == "asFloat") {
    if (IsNumber(value)) return Value(value.AsDouble());
    double number = 0;
    if (value.is_string()) {
      const std::string& text = value.AsString();
      const auto end = text.data() + text.size();
      if (const auto read = std::from_chars(text.data(), end, number);
          read.ec == std::errc{} && read.ptr == end) {
        return Value(number);
      }
    }
  } else {
    if (value.is_int()) return value;
    if (value.is_double() && std::abs(value.AsDouble()) < 9e18) {
      return Value(static_cast<std::int64_t>(value.AsDouble()));
    }
    std::int64_t number = 0;
    if (value.is_string()) {
      const std::string& text = value.AsString();
      const auto end = text.data() + text.size();
      if (const auto read = std::from_chars(text.data(), end, number);
          read.ec == std::errc{} && read.ptr == end) {
        return Value(number);
      }
    }
  }
  return InvalidInput(fmt::format("{}: '{}' is no number", function, Printable(TextOf(value))));
}

}  // namespace

// One function a level of precedence, loosest first.
class Expression::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Expression> Parse() {
    HOLDFAST_ASSIGN_OR_RETURN(out_.root_, Choice(0));
    Skip();
    if (at_ != text_.size()) return Bad("an operator was expected");
    return std::move(out_);
  }

 private:
  using Made = Result<std::uint32_t>;

  Error Bad(const std::string& what) const {
    return InvalidInput(fmt::format("{}, at character {}", what, at_ + 1));
  }

  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }

  bool Take(std::string_view token) {
    Skip();
    if (text_.substr(at_, token.size()) != token) return false;
    if (IsWordStart(token[0]) && at_ + token.size() < text_.size() &&
        IsWord(text_[at_ + token.size()]))
      return false;
    at_ += token.size();
    return true;
  }

  std::uint32_t Add(Node node) {
    out_.nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(out_.nodes_.size() - 1);
  }

  Made Choice(int depth) {
    if (depth > kMaxDepth) return Bad("nested too deeply");
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t condition, Or(depth));
    if (!Take("?")) return condition;
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t yes, Choice(depth + 1));
    if (!Take(":")) return Bad("':' was expected");
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t no, Choice(depth + 1));
    return Add({Kind::kChoice, "?", {}, {condition, yes, no}});
  }

  Made Or(int depth) {
    HOLDFAST_ASSIGN_OR_RETURN(std::uint32_t left, And(depth));
    while (Take("||") || Take("or")) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t right, And(depth));
      left = Add({Kind::kOr, "||", {}, {left, right}});
    }
    return left;
  }

  Made And(int depth) {
    HOLDFAST_ASSIGN_OR_RETURN(std::uint32_t left, Comparison(depth));
    while (Take("&&") || Take("and")) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t right, Comparison(depth));
      left = Add({Kind::kAnd, "&&", {}, {left, right}});
    }
    return left;
  }

  Made Comparison(int depth) {
    HOLDFAST_ASSIGN_OR_RETURN(std::uint32_t left, Sum(depth));
    while (true) {
      std::string_view op;
      for (const std::string_view token : {"==", "!=", "<=", ">=", "<", ">", "in"}) {
        if (Take(token)) {
          op = token;
          break;
        }
      }
      if (op.empty()) return left;
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t right, Sum(depth));
      left = Add({Kind::kBinary, std::string(op), {}, {left, right}});
    }
  }

  Made Sum(int depth) {
    HOLDFAST_ASSIGN_OR_RETURN(std::uint32_t left, Product(depth));
    while (true) {
      const std::string_view op = Take("+") ? "+" : Take("-") ? "-" : "";
      if (op.empty()) return left;
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t right, Product(depth));
      left = Add({Kind::kBinary, std::string(op), {}, {left, right}});
    }
  }

  Made Product(int depth) {
    HOLDFAST_ASSIGN_OR_RETURN(std::uint32_t left, Unary(depth));
    while (true) {
      const std::string_view op = Take("*") ? "*" : Take("/") ? "/" : Take("%") ? "%" : "";
      if (op.empty()) return left;
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t right, Unary(depth));
      left = Add({Kind::kBinary, std::string(op), {}, {left, right}});
    }
  }

  Made Unary(int depth) {
    if (depth > kMaxDepth) return Bad("nested too deeply");
    Skip();
    if (text_.substr(at_, 2) != "!=" && (Take("!") || Take("not"))) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t inner, Unary(depth + 1));
      return Add({Kind::kNot, "!", {}, {inner}});
    }
    if (Take("-")) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t inner, Unary(depth + 1));
      return Add({Kind::kMinus, "-", {}, {inner}});
    }
    return Primary(depth);
  }

  Made Primary(int depth) {
    Skip();
    if (at_ == text_.size()) return Bad("it ends where a value was expected");
    const char c = text_[at_];
    if (Take("(")) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t inner, Choice(depth + 1));
      if (!Take(")")) return Bad("')' was expected");
      return inner;
    }
    if (Take("[")) {
      Node list{Kind::kList, "", {}, {}};
      if (!Take("]")) {
        do {
          HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t element, Choice(depth + 1));
          list.children.push_back(element);
        } while (Take(","));
        if (!Take("]")) return Bad("',' or ']' was expected");
      }
      return Add(std::move(list));
    }
    if (c == '"' || c == '\'') {
      HOLDFAST_ASSIGN_OR_RETURN(std::string text, Quoted());
      return Add({Kind::kLiteral, "", Value(std::move(text)), {}});
    }
    if (IsDigit(c)) return Number();
    if (!IsWordStart(c))
      return Bad(fmt::format("a value was expected, not '{}'", Printable(text_.substr(at_, 1))));
    return Word(depth);
  }

  Result<std::string> Quoted() {
    const char quote = text_[at_++];
    std::string text;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        ++at_;
        const char c = at_ < text_.size() ? text_[at_] : '\0';
        if (c == 'n') {
          text += '\n';
        } else if (c == 't') {
          text += '\t';
        } else if (c == '\\' || c == '"' || c == '\'') {
          text += c;
        } else {
          return Bad("an escape that is not known");
        }
        ++at_;
      } else {
        text += text_[at_++];
      }
    }
    if (at_ == text_.size()) return Bad("a text that is never closed");
    ++at_;
    return text;
  }

  Made Number() {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    if (at_ + 1 < text_.size() && text_[at_] == '.' && IsDigit(text_[at_ + 1])) {
      ++at_;
      while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
      double number = 0;
      std::from_chars(text_.data() + start, text_.data() + at_, number);
      return Add({Kind::kLiteral, "", Value(number), {}});
    }
    std::int64_t number = 0;
    if (std::from_chars(text_.data() + start, text_.data() + at_, number).ec != std::errc{}) {
      return Bad("an integer is too large");
    }
    return Add({Kind::kLiteral, "", Value(number), {}});
  }

  Made Word(int depth) {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsWord(text_[at_])) ++at_;
    std::string name(text_.substr(start, at_ - start));
    if (name == "true" || name == "false")
      return Add({Kind::kLiteral, "", Value(name == "true"), {}});
    if (Take("(")) {
      if (name != "asInt" && name != "asFloat" && name != "string") {
        at_ = start;
        return Bad(fmt::format("there is no function '{}'", name));
      }
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint32_t argument, Choice(depth + 1));
      if (!Take(")")) return Bad("')' was expected");
      return Add({Kind::kCall, std::move(name), {}, {argument}});
    }
    while (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '[')) {
      if (text_[at_++] == '.') {
        const std::size_t part = at_;
        while (at_ < text_.size() && IsWord(text_[at_])) ++at_;
        if (part == at_) return Bad("a name was expected");
        name += '.';
        name += text_.substr(part, at_ - part);
      } else {
        Skip();
        if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\''))
          return Bad("a quoted name was expected");
        HOLDFAST_ASSIGN_OR_RETURN(const std::string part, Quoted());
        if (!Take("]")) return Bad("']' was expected");
        name += '.';
        name += part;
      }
    }
    out_.variables_.push_back(name);
    return Add({Kind::kVariable, std::move(name), {}, {}});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Expression out_;
};

Result<Expression> Expression::Parse(std::string_view text) { return Parser(text).Parse(); }

Result<Value> Expression::EvaluateNode(std::uint32_t index, const Lookup& lookup) const {
  const Node& node = nodes_[index];
  switch (node.kind) {
    case Kind::kLiteral:
      return node.literal;
    case Kind::kVariable: {
      const std::string* text = lookup(node.name);
      if (text == nullptr)
        return InvalidInput(fmt::format("there is no variable '{}' here", Printable(node.name)));
      return Value(*text);
    }
    case Kind::kList: {
      Value::List list;
      for (const std::uint32_t child : node.children) {
        HOLDFAST_ASSIGN_OR_RETURN(Value element, EvaluateNode(child, lookup));
        list.push_back(std::move(element));
      }
      return Value(std::move(list));
    }
    case Kind::kAnd:
    case Kind::kOr: {
      for (const std::uint32_t child : node.children) {
        HOLDFAST_ASSIGN_OR_RETURN(const Value side, EvaluateNode(child, lookup));
        if (!side.is_bool())
          return InvalidInput(
              fmt::format("'{}' does not work on {}", node.name, NameOf(side.kind())));
        if (side.AsBool() == (node.kind == Kind::kOr)) return side;
      }
      return Value(node.kind == Kind::kAnd);
    }
    case Kind::kChoice: {
      HOLDFAST_ASSIGN_OR_RETURN(const Value condition, EvaluateNode(node.children[0], lookup));
      if (!condition.is_bool()) return InvalidInput("what stands before '?' is not true or false");
      return EvaluateNode(node.children[condition.AsBool() ? 1 : 2], lookup);
    }
    case Kind::kNot:
    case Kind::kMinus:
    case Kind::kCall: {
      HOLDFAST_ASSIGN_OR_RETURN(const Value inner, EvaluateNode(node.children[0], lookup));
      if (node.kind == Kind::kCall) return Convert(node.name, inner);
      if (node.kind == Kind::kMinus) return Calculate("-", Value(0), inner);
      if (!inner.is_bool())
        return InvalidInput(fmt::format("'!' does not work on {}", NameOf(inner.kind())));
      return Value(!inner.AsBool());
    }
    case Kind::kBinary: {
      HOLDFAST_ASSIGN_OR_RETURN(const Value a, EvaluateNode(node.children[0], lookup));
      HOLDFAST_ASSIGN_OR_RETURN(const Value b, EvaluateNode(node.children[1], lookup));
      if (node.name == "==") return Value(IsEqual(a, b));
      if (node.name == "!=") return Value(!IsEqual(a, b));
      if (node.name == "in") {
        if (!b.is_list()) return WrongKind("in", a, b);
        for (const Value& element : b.AsList()) {
          if (IsEqual(a, element)) return Value(true);
        }
        return Value(false);
      }
      if (node.name[0] == '<' || node.name[0] == '>') return Compare(node.name, a, b);
      return Calculate(node.name, a, b);
    }
  }
  return Internal("an expression of no known kind");
}

Result<Value> Expression::Evaluate(const Lookup& lookup) const {
  return EvaluateNode(root_, lookup);
}

Result<bool> Expression::EvaluateBool(const Lookup& lookup) const {
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, Evaluate(lookup));
  if (!value.is_bool())
    return InvalidInput(fmt::format("it is {}, not true or false", NameOf(value.kind())));
  return value.AsBool();
}

std::string TextOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
      return value.AsBool() ? "true" : "false";
    case Value::Kind::kInt:
      return fmt::format("{}", value.AsInt());
    case Value::Kind::kDouble:
      return fmt::format("{}", value.AsDouble());
    case Value::Kind::kString:
      return value.AsString();
    case Value::Kind::kList: {
      std::string text = "[";
      for (const Value& element : value.AsList()) {
        if (text.size() > 1) text += ' ';
        text += TextOf(element);
      }
      return text + "]";
    }
    case Value::Kind::kNull:
    case Value::Kind::kMap:
      break;
  }
  return "";
}

}  // namespace holdfast::local
