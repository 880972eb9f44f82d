#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::local {

// Gives a variable's text, or nullptr when there is no such variable where it is asked for.
using Lookup = std::function<const std::string*(std::string_view name)>;

// The expressions of retryStrategy.expression and of {{=...}}: numbers, "text", true, false,
// [lists], variables (a.b.c, a['b-c']; their values are texts), ||, &&, !, or, and, not, ==, !=, <,
// <=, >, >=, in, +, -, *, /, %, c ? a : b, asInt(x), asFloat(x), string(x). Anything else is an
// error that says at which character. Parsed once; nesting is limited to 100.
class Expression {
 public:
  static Result<Expression> Parse(std::string_view text);

  // kInvalidInput for a variable that `lookup` does not know, for operands of the wrong kind, for
  // an integer overflow and for a text that is no number.
  Result<Value> Evaluate(const Lookup& lookup) const;
  // The same for an expression that must be true or false.
  Result<bool> EvaluateBool(const Lookup& lookup) const;

  // The variables that it names, with repetitions.
  const std::vector<std::string>& variables() const { return variables_; }

 private:
  enum class Kind : std::uint8_t {
    kLiteral,
    kVariable,
    kList,
    kCall,
    kNot,
    kMinus,
    kAnd,
    kOr,
    kBinary,
    kChoice
  };
  struct Node {
    Kind kind = Kind::kLiteral;
    std::string name;  // variable, function or operator
    Value literal;
    std::vector<std::uint32_t> children;
  };
  class Parser;

  Result<Value> EvaluateNode(std::uint32_t index, const Lookup& lookup) const;

  std::vector<Node> nodes_;
  std::uint32_t root_ = 0;
  std::vector<std::string> variables_;
};

// How a value is written into text: an integer in decimal, a text as it is, true, false.
std::string TextOf(const Value& value);

}  // namespace holdfast::local
