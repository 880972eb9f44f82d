#include "plugins/sdk/safe_name.h"

namespace holdfast {

std::string SafeName(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string out;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (is_letter(lower) || (lower >= '0' && lower <= '9')) {
      // Task names of Argo begin with a letter.
      if (out.empty() && !is_letter(lower)) out = "r-";
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() >= kLongestSafeName) break;
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

}  // namespace holdfast
