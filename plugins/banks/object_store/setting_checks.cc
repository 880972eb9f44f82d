#include "plugins/banks/object_store/setting_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks {

namespace {

constexpr std::size_t kShortestBucket = 3;
constexpr std::size_t kLongestBucket = 63;
constexpr std::size_t kLongestContainer = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetterOrDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z'); }

bool CanBeBucket(std::string_view name) {
  const auto allowed = [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '-'; };
  if (name.size() < kShortestBucket || name.size() > kLongestBucket ||
      !std::all_of(name.begin(), name.end(), allowed) || !IsLetterOrDigit(name.front()) ||
      !IsLetterOrDigit(name.back()) || name.find("..") != std::string_view::npos)
    return false;
  // What has the form of an address is one to whoever asks for BUCKET.ENDPOINT.
  constexpr int kDotsOfAnAddress = 3;
  return std::count(name.begin(), name.end(), '.') != kDotsOfAnAddress ||
         !std::all_of(name.begin(), name.end(), [](char c) { return IsDigit(c) || c == '.'; });
}

bool CanBeContainer(std::string_view name) {
  return name.size() <= kLongestContainer && name.find('/') == std::string_view::npos &&
         name != "." && name != "..";
}

Status CheckName(const Value& settings, std::string_view key, bool (*can_be)(std::string_view),
                 const char* hint) {
  const Value* const name = settings.Find(key);
  if (name == nullptr || !name->is_string() || name->AsString().empty() || can_be(name->AsString()))
    return Ok();
  return InvalidInput(fmt::format("'{}': no server has a {} called '{}'", key, key,
                                  Printable(name->AsString())))
      .At(PlaceOf(settings, key))
      .Hint(hint);
}

}  // namespace

Where PlaceOf(const Value& settings, std::string_view key) {
  const Value* const value = settings.Find(key);
  if (value == nullptr) return {};
  return {"", value->position().line, value->position().column, {}, 1};
}

Status CheckUrl(const Value& settings, std::string_view key) {
  const std::string text = settings.StringOr(key, "");
  if (text.empty()) return Ok();
  auto url = net::ParseUrl(text);
  if (url) return Ok();
  Error error = std::move(url).error().While(fmt::format("'{}'", key));
  if (text.find('@') != std::string::npos) return error;
  return std::move(error).At(PlaceOf(settings, key));
}

Status CheckBucketName(const Value& settings) {
  return CheckName(
      settings, "bucket", &CanBeBucket,
      "3 to 63 of a-z, 0-9, '.' and '-', the first and the last one a letter or digit, no "
      "two dots side by side, and no IP address");
}

Status CheckContainerName(const Value& settings) {
  return CheckName(settings, "container", &CanBeContainer,
                   "1 to 256 bytes without '/', and neither '.' nor '..'");
}

}  // namespace holdfast::banks
