#include "compiler/plan/source_text.h"

#include <algorithm>
#include <set>
#include <utility>

#include "plugins/sdk/source_text.h"

namespace holdfast::compiler {
namespace {

std::pair<std::uint32_t, std::uint32_t> PlaceOf(const Error& error) {
  return error.where() ? std::pair(error.where()->line, error.where()->column) : std::pair(0U, 0U);
}

void Flatten(const Error& error, std::vector<Error>& out) {
  Error alone(error.code(), error.message());
  if (!error.hint().empty()) alone = std::move(alone).Hint(error.hint());
  if (error.where()) alone = std::move(alone).At(*error.where());
  out.push_back(std::move(alone));
  for (const Error& cause : error.causes()) Flatten(cause, out);
}

}  // namespace

Error SourceText::WithLines(const Error& error) const { return WithSourceText(error, file, text); }

Error SourceText::At(Position position, std::string message, std::size_t width) const {
  return WithLines(InvalidInput(std::move(message))
                       .At({file,
                            position.line,
                            position.column,
                            {},
                            static_cast<std::uint32_t>(std::max<std::size_t>(width, 1))}));
}

Error Together(const std::vector<Error>& faults) {
  std::vector<Error> flat;
  for (const Error& fault : faults) Flatten(fault, flat);
  std::stable_sort(flat.begin(), flat.end(),
                   [](const Error& a, const Error& b) { return PlaceOf(a) < PlaceOf(b); });
  std::set<std::string> said;
  std::erase_if(flat, [&said](const Error& error) { return !said.insert(error.OneLine()).second; });
  Error first = std::move(flat.front());
  for (std::size_t i = 1; i < flat.size(); ++i)
    first = std::move(first).Because(std::move(flat[i]));
  return first;
}

}  // namespace holdfast::compiler
