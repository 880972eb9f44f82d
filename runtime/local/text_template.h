#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/expression.h"

namespace holdfast::local {

// A text of a workflow file with its {{...}} tags, parsed once. {{name}} is a variable,
// {{=expression}} an expression. Every {{ must be closed.
class TextTemplate {
 public:
  TextTemplate() = default;
  static Result<TextTemplate> Parse(std::string_view text);

  // Puts the values in. kInvalidInput for an unknown variable, for an expression that fails, and
  // for a value that itself contains "{{": Argo would interpret it in a later pass. {{retries}}
  // stays as it is where `lookup` does not know it, as in Argo.
  Result<std::string> Fill(const Lookup& lookup) const;

  // The variables that it names, those of its expressions included.
  std::vector<std::string> Variables() const;
  // As it stands in the file.
  const std::string& source() const { return source_; }

 private:
  struct Segment {
    enum class Kind : std::uint8_t { kText, kVariable, kExpression };
    Kind kind = Kind::kText;
    std::string text;  // literal text, or the variable's name
    Expression expression;
  };
  std::string source_;
  std::vector<Segment> segments_;
};

}  // namespace holdfast::local
