#pragma once

#include <string_view>

#include "plugins/sdk/error.h"

namespace holdfast {

// The error, and its causes, with the line's text from `source` wherever they name a line of
// `file` without it: so that Render can draw the caret.
Error WithSourceText(const Error& error, std::string_view file, std::string_view source);

}  // namespace holdfast
