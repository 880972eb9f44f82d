#pragma once

#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "plugins/sdk/error.h"

namespace holdfast {

// A value or an Error. A class of its own because tl::expected is not nodiscard; it takes a bare
// Error, so that `return InvalidInput("...");` works.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): an Error is a failed Result.
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): so that expected's own combinators return ours.
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};

using Status = Result<void>;

inline Status Ok() { return {}; }

}  // namespace holdfast

#define HOLDFAST_CONCAT_INNER(a, b) a##b
#define HOLDFAST_CONCAT(a, b) HOLDFAST_CONCAT_INNER(a, b)

// Returns the error of a Status or Result from the enclosing function.
#define HOLDFAST_RETURN_IF_ERROR(expression)                        \
  do {                                                              \
    if (auto holdfast_status = (expression); !holdfast_status)      \
      return ::holdfast::Error(std::move(holdfast_status).error()); \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
// HOLDFAST_ASSIGN_OR_RETURN(auto x, F()): declares x with the value, or returns the error.
#define HOLDFAST_ASSIGN_OR_RETURN(declaration, expression)                                  \
  HOLDFAST_ASSIGN_OR_RETURN_INNER(HOLDFAST_CONCAT(holdfast_result_, __LINE__), declaration, \
                                  expression)
#define HOLDFAST_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                            \
  if (!result) return ::holdfast::Error(std::move(result).error());      \
  declaration = std::move(*result)

// The same two inside a coroutine (an Activity), where `return` is ill-formed.
#define HOLDFAST_CO_RETURN_IF_ERROR(expression)                        \
  do {                                                                 \
    if (auto holdfast_status = (expression); !holdfast_status)         \
      co_return ::holdfast::Error(std::move(holdfast_status).error()); \
  } while (false)
#define HOLDFAST_CO_ASSIGN_OR_RETURN(declaration, expression)                                  \
  HOLDFAST_CO_ASSIGN_OR_RETURN_INNER(HOLDFAST_CONCAT(holdfast_result_, __LINE__), declaration, \
                                     expression)
#define HOLDFAST_CO_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                               \
  if (!result) co_return ::holdfast::Error(std::move(result).error());      \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)
