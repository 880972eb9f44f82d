#include "plugins/sdk/cluster_name.h"

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;
// A name of at most 255, a tag of at most 128, a digest. std::regex goes deeper with every character, too.
constexpr std::size_t kLongestImage = 460;

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool IsLetterOrDigit(char c) { return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z'); }
bool IsInName(char c) { return IsLetterOrDigit(c) || c == '-' || c == '_' || c == '.'; }

// Of any length: Kubernetes limits a subdomain as a whole.
bool IsLabel(std::string_view text) {
  return !text.empty() && IsLowerOrDigit(text.front()) && IsLowerOrDigit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == '-'; });
}

// https://github.com/distribution/reference, without digests that are not SHA-256.
std::regex ImagePattern() {
  const std::string label = "[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?";
  const std::string host = "(?:(?:localhost|" + label + "(?:\\." + label +
                           ")+|\\[[0-9a-fA-F:]+\\])" + "(?::[0-9]+)?|" + label + ":[0-9]+)";
  const std::string part = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
  return std::regex("(?:" + host + "/)?" + part + "(?:/" + part + ")*" +
                    "(?::[A-Za-z0-9_][-.A-Za-z0-9_]{0,127})?(?:@sha256:[0-9a-f]{64})?");
}

}  // namespace

bool IsDnsLabel(std::string_view name) { return name.size() <= kLongestLabel && IsLabel(name); }

bool IsDnsSubdomain(std::string_view name) {
  if (name.size() > kLongestName) return false;
  const std::vector<std::string_view> labels = Split(name, '.');
  return std::all_of(labels.begin(), labels.end(), IsLabel);
}

bool IsLabelKey(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash != std::string_view::npos && !IsDnsSubdomain(key.substr(0, slash))) return false;
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  return !name.empty() && IsLabelValue(name);
}

bool IsLabelValue(std::string_view value) {
  return value.empty() ||
         (value.size() <= kLongestLabel && IsLetterOrDigit(value.front()) &&
          IsLetterOrDigit(value.back()) && std::all_of(value.begin(), value.end(), IsInName));
}

bool IsConfigKey(std::string_view key) {
  return !key.empty() && key.size() <= kLongestName && key != "." && !key.starts_with("..") &&
         std::all_of(key.begin(), key.end(), IsInName);
}

bool IsImageName(std::string_view image) {
  static const std::regex kPattern = ImagePattern();
  return image.size() <= kLongestImage && std::regex_match(image.begin(), image.end(), kPattern);
}

}  // namespace holdfast
