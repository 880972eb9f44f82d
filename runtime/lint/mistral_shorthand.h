#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/value.h"

namespace holdfast::lint {

// A text that calls something, with its inputs: 'std.echo output="x"', `fail msg=1`, `count=2 delay=0`.
struct MistralShorthand {
  std::string_view word;                                              // what is called
  std::vector<std::pair<std::string_view, std::string_view>> inputs;  // with their quotes
  std::string_view dropped;  // the first part that Mistral passes over; empty: none
  bool cut = true;           // false: Mistral refuses the text

  bool Has(std::string_view input) const;
};

// As Mistral cuts it: a text without a blank is a word, whatever is in it, and what does not look like an input is
// passed over. Its views are into `text`.
MistralShorthand CutShorthand(std::string_view text);

// Is a word one that Mistral would cut out of a text with inputs, too?
bool IsCallable(std::string_view word);

// What an input of such a text is: what stands in quotes is a text, else it is read as JSON where that is one.
Value InputOfShorthand(std::string_view written);

// True for a text that has an expression, of either language.
bool HasExpression(std::string_view text);
// Where the first such pair from `at` on begins, and the place behind it; npos: there is none. It ends on the line that it
// begins on: Mistral's patterns do not reach over the end of a line. Linear, however many begin and are not closed.
std::pair<std::size_t, std::size_t> FindPair(std::string_view text, std::string_view begin,
                                             std::string_view end, std::size_t at = 0);
// Where one of Mistral's expressions begins at the beginning of `text`, its length: <%...%> or {{...}}, on one line.
// 0 where there is none.
std::size_t ExpressionLength(std::string_view text);

}  // namespace holdfast::lint
