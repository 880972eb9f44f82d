#include "runtime/lint/mistral_shorthand.h"

#include <algorithm>
#include <string>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_characters.h"

namespace holdfast::lint {
namespace {

// [\w.]+[^=(\s"]*, or an expression; 0: neither.
std::size_t WordLength(std::string_view text) {
  if (const std::size_t expression = ExpressionLength(text); expression > 0) return expression;
  if (!text.starts_with('.') && !IsAt(text, 0, character::kWord)) return 0;
  std::size_t end = 0;
  while (end < text.size() && std::string_view("=(\"").find(text[end]) == std::string_view::npos &&
         !IsAt(text, end, character::kBlank))
    end += CharacterAt(text, end).length;
  return end;
}

// An input's value: "..." or '...', an expression, [...], true, false, null, digits; 0: none of these.
std::size_t ValueLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == '"' || text[0] == '\'') {
    const std::size_t end = text.find(text[0], 1);
    return end == std::string_view::npos ? 0 : end + 1;
  }
  if (const std::size_t expression = ExpressionLength(text); expression > 0) return expression;
  if (text[0] == '[') {
    const std::size_t end = text.substr(0, text.find('\n')).rfind(']');
    return end == std::string_view::npos ? 0 : end + 1;
  }
  for (const std::string_view word : {"true", "false", "null"}) {
    if (text.starts_with(word)) return word.size();
  }
  return EndOf(text, 0, character::kDigit);
}

}  // namespace

std::size_t PairLength(std::string_view text, std::string_view begin, std::string_view end) {
  if (!text.starts_with(begin)) return 0;
  const std::size_t at = text.substr(0, text.find('\n')).find(end, begin.size());
  return at == std::string_view::npos ? 0 : at + end.size();
}

std::size_t ExpressionLength(std::string_view text) {
  return std::max(PairLength(text, "<%", "%>"), PairLength(text, "{{", "}}"));
}

bool HasExpression(std::string_view text) {
  for (std::size_t at = text.find_first_of("<{"); at != std::string_view::npos;
       at = text.find_first_of("<{", at + 1)) {
    if (ExpressionLength(text.substr(at)) > 0) return true;
  }
  return false;
}

bool MistralShorthand::Has(std::string_view input) const {
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const auto& one) { return one.first == input; });
}

MistralShorthand CutShorthand(std::string_view text) {
  MistralShorthand call;
  if (text.find(' ') == std::string_view::npos) {
    call.word = text;
    return call;
  }
  const std::size_t word = WordLength(text);
  if (word == 0) {
    call.cut = false;
    return call;
  }
  call.word = text.substr(0, word);
  std::size_t done = word;
  const auto passed_over = [&](std::size_t end) {
    if (!call.dropped.empty() || end <= done) return;
    const std::size_t begin = EndOf(text, done, character::kBlank);
    while (end > begin && IsBefore(text, end, character::kBlank)) end = BeginBefore(text, end);
    if (end > begin) call.dropped = text.substr(begin, end - begin);
  };
  // An input may even begin in the word: of "count=1 delay=0" all is input.
  std::size_t free = 0;
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    if (equals < free) continue;
    std::size_t begin = equals;
    while (begin > free && (text[begin - 1] == '-' || IsBefore(text, begin, character::kWord)))
      begin = BeginBefore(text, begin);
    const std::size_t length = ValueLength(text.substr(equals + 1));
    if (begin == equals || length == 0) continue;
    passed_over(begin);
    call.inputs.emplace_back(text.substr(begin, equals - begin), text.substr(equals + 1, length));
    free = equals + 1 + length;
    done = free;
  }
  passed_over(text.size());
  return call;
}

bool IsCallable(std::string_view word) { return WordLength(word) == word.size(); }

Value InputOfShorthand(std::string_view written) {
  if (written.starts_with('"') || written.starts_with('\''))
    return Value(written.substr(1, written.size() - 2));
  auto value = ParseJson(written, "");
  return value ? *std::move(value) : Value(written);
}

}  // namespace holdfast::lint
