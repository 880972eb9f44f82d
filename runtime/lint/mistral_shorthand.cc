#include "runtime/lint/mistral_shorthand.h"

#include <algorithm>
#include <array>
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

// Where such a pair begins at the beginning of `text` and ends on the same line, its length; else 0.
std::size_t PairLength(std::string_view text, std::string_view begin, std::string_view end) {
  if (!text.starts_with(begin)) return 0;
  for (std::size_t at = begin.size(); at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == end.front() && text.substr(at).starts_with(end)) return at + end.size();
  }
  return 0;
}

// Up to the last ']' of the line.
std::size_t ListLength(std::string_view text) {
  const std::size_t end = text.substr(0, text.find('\n')).rfind(']');
  return end == std::string_view::npos ? 0 : end + 1;
}

// The values of a text's inputs: "..." or '...', an expression, [...], true, false, null, digits.
class InputValues {
 public:
  explicit InputValues(std::string_view text) : text_(text) {}

  // How long the one is that begins at `at`, which only grows; 0: it is none of these.
  std::size_t LengthAt(std::size_t at) {
    const std::string_view rest = text_.substr(at);
    if (rest.starts_with('"') || rest.starts_with('\'')) {
      const std::size_t end = rest.find(rest.front(), 1);
      return end == std::string_view::npos ? 0 : end + 1;
    }
    for (Kind& kind : kinds_) {
      if (rest.starts_with(kind.begin)) return LengthOf(kind, at);
    }
    for (const std::string_view word : {"true", "false", "null"}) {
      if (rest.starts_with(word)) return word.size();
    }
    return EndOf(rest, 0, character::kDigit);
  }

 private:
  struct Kind {
    std::string_view begin;
    std::size_t (*length)(std::string_view);
    std::size_t open_before = 0;  // the end of a line, up to which none is closed any more
  };

  // What is not closed is not looked for again on its line: a text may begin very many.
  std::size_t LengthOf(Kind& kind, std::size_t at) {
    if (at < kind.open_before) return 0;
    const std::size_t length = kind.length(text_.substr(at));
    if (length == 0) kind.open_before = std::min(text_.find('\n', at), text_.size());
    return length;
  }

  std::string_view text_;
  std::array<Kind, 3> kinds_{
      Kind{"<%", &ExpressionLength}, {"{{", &ExpressionLength}, {"[", &ListLength}};
};

}  // namespace

std::pair<std::size_t, std::size_t> FindPair(std::string_view text, std::string_view begin,
                                             std::string_view end, std::size_t at) {
  while ((at = text.find(begin, at)) != std::string_view::npos) {
    if (const std::size_t length = PairLength(text.substr(at), begin, end); length > 0)
      return {at, at + length};
    // Where the first of a line is not closed, none behind it is.
    at = std::min(text.find('\n', at), text.size());
  }
  return {std::string_view::npos, std::string_view::npos};
}

std::size_t ExpressionLength(std::string_view text) {
  return std::max(PairLength(text, "<%", "%>"), PairLength(text, "{{", "}}"));
}

bool HasExpression(std::string_view text) {
  return FindPair(text, "<%", "%>").first != std::string_view::npos ||
         FindPair(text, "{{", "}}").first != std::string_view::npos;
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
  InputValues values(text);
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    if (equals < free) continue;
    std::size_t begin = equals;
    while (begin > free && (text[begin - 1] == '-' || IsBefore(text, begin, character::kWord)))
      begin = BeginBefore(text, begin);
    const std::size_t length = values.LengthAt(equals + 1);
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
