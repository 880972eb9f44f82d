#include "plugins/sdk/sha256.h"

#include <tuple>

namespace holdfast {

std::string Sha256Hex(std::string_view data) { return Hex(Sha256::Of(data)); }

bool IsSha256Hex(std::string_view text) {
  constexpr std::size_t kDigits = 2 * std::tuple_size_v<Sha256::Digest>;
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace holdfast
