#include "plugins/net/http_client.h"

#include <time.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>

namespace holdfast::net {

namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool IgnoringCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return Lower(x) < Lower(y); });
}

std::string_view HeaderOf(const HttpHeaders& headers, std::string_view name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  // Its names are English whatever the locale is (a program's is "C").
  std::tm fields{};
  const std::string whole(text);
  const char* const rest = ::strptime(whole.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  using std::chrono::seconds;
  const auto most = std::chrono::duration_cast<seconds>(WallTime::max().time_since_epoch());
  const std::int64_t since = std::clamp<std::int64_t>(::timegm(&fields), 0, most.count());
  return WallTime(seconds(since));
}

std::string_view NameOf(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kPatch:
      return "PATCH";
    case HttpMethod::kDelete:
      return "DELETE";
  }
  return "GET";
}

}  // namespace holdfast::net
