#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast {

// Bytes as RFC 4648 base64, with padding, on one line: for bytes that are no UTF-8 where text is
// wanted (file names in JSON and in parameters). And back; kInvalidInput for what is no base64.
std::string ToBase64(std::string_view bytes);
Result<std::string> FromBase64(std::string_view text);

}  // namespace holdfast
