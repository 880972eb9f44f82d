#include "plugins/sdk/counted.h"

namespace holdfast {

std::string Counted(std::uint64_t count, std::string_view one, std::string_view many) {
  std::string out = std::to_string(count) + " ";
  if (count == 1) return out.append(one);
  if (!many.empty()) return out.append(many);
  return out.append(one) + "s";
}

}  // namespace holdfast
