#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/hash.h"

namespace holdfast {

// RFC 1321, for servers that name objects' bytes by it: against accidents, not against attackers.
using Md5 = Hash<HashKind::kMd5, 16>;

// In 32 lower-case hex digits.
inline std::string Md5Hex(std::string_view data) { return Hex(Md5::Of(data)); }

}  // namespace holdfast
