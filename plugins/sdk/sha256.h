#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/hash.h"

namespace holdfast {

using Sha256 = Hash<HashKind::kSha256, 32>;

// SHA-256 in 64 lower-case hex digits.
std::string Sha256Hex(std::string_view data);

// A text that could be one of these.
bool IsSha256Hex(std::string_view text);

}  // namespace holdfast
