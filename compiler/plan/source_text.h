#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// A file that a user wrote, kept so that errors can show its lines.
struct SourceText {
  std::string file;  // its name in errors
  std::string text;

  // The same error, with the lines of this file put in wherever it or one of its causes points
  // into it without showing one.
  Error WithLines(const Error& error) const;
  // A kInvalidInput error at a place of this file, `width` columns underlined.
  Error At(Position position, std::string message, std::size_t width = 1) const;
};

// Several faults as one error: the first, the others its causes, in the order of the file, each
// once. `faults` is not empty; causes of a fault are taken as faults beside it.
Error Together(const std::vector<Error>& faults);

}  // namespace holdfast::compiler
