#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/sha256.h"

namespace holdfast {

// SHA-256 of each of two texts, made side by side: of two that are about as long this takes little longer than of one, where the
// processor has instructions for it (x86's SHA extensions), since one hash alone mostly waits for itself. Elsewhere OpenSSL makes
// one after the other.
std::pair<Sha256::Digest, Sha256::Digest> Sha256OfBoth(std::string_view first,
                                                       std::string_view second);
// The same in lower-case hex digits.
std::pair<std::string, std::string> Sha256HexOfBoth(std::string_view first,
                                                    std::string_view second);

}  // namespace holdfast
