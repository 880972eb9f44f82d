#include "runtime/local/text_template.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::local {

Result<TextTemplate> TextTemplate::Parse(std::string_view text) {
  TextTemplate out;
  out.source_ = text;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find("{{", at);
    if (open != at) {
      out.segments_.push_back({Segment::Kind::kText, std::string(text.substr(at, open - at)), {}});
      if (open == std::string_view::npos) break;
    }
    const std::size_t close = text.find("}}", open + 2);
    if (close == std::string_view::npos) {
      return InvalidInput(fmt::format("'{{{{' at character {} is never closed", open + 1))
          .Hint("Argo interprets every '{{' of a workflow, and knows no escape for it");
    }
    const std::string_view tag = Trim(text.substr(open + 2, close - open - 2));
    if (tag.starts_with('=')) {
      auto expression = Expression::Parse(tag.substr(1));
      if (!expression) {
        return std::move(expression).error().While(fmt::format("'{{{{{}}}}}'", Printable(tag)));
      }
      out.segments_.push_back(
          {Segment::Kind::kExpression, std::string(tag), std::move(*expression)});
    } else {
      out.segments_.push_back({Segment::Kind::kVariable, std::string(tag), {}});
    }
    at = close + 2;
  }
  return out;
}

Result<std::string> TextTemplate::Fill(const Lookup& lookup) const {
  std::string out;
  for (const Segment& segment : segments_) {
    if (segment.kind == Segment::Kind::kText) {
      out += segment.text;
      continue;
    }
    std::string value;
    if (segment.kind == Segment::Kind::kExpression) {
      auto result = segment.expression.Evaluate(lookup);
      if (!result) {
        return std::move(result).error().While(
            fmt::format("'{{{{{}}}}}'", Printable(segment.text)));
      }
      value = TextOf(*result);
    } else if (const std::string* found = lookup(segment.text)) {
      value = *found;
    } else if (segment.text == "retries") {
      out += "{{retries}}";
      continue;
    } else {
      return InvalidInput(
          fmt::format("there is no variable '{{{{{}}}}}' here", Printable(segment.text)));
    }
    if (value.find("{{") != std::string::npos) {
      return InvalidInput(
          fmt::format("the value of '{{{{{}}}}}' contains '{{{{', which Argo would interpret",
                      Printable(segment.text)));
    }
    out += value;
  }
  return out;
}

std::vector<std::string> TextTemplate::Variables() const {
  std::vector<std::string> names;
  for (const Segment& segment : segments_) {
    if (segment.kind == Segment::Kind::kVariable) names.push_back(segment.text);
    const auto& inner = segment.expression.variables();
    names.insert(names.end(), inner.begin(), inner.end());
  }
  return names;
}

}  // namespace holdfast::local
