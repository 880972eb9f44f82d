#include "plugins/net/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

using AddressBytes = std::vector<std::uint8_t>;

// Four bytes, or sixteen; none: this is no address.
AddressBytes BytesOf(const std::string& text) {
  AddressBytes bytes(sizeof(in6_addr));
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in_addr));
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

bool IsIpv6(const std::string& text) { return BytesOf(text).size() == sizeof(in6_addr); }

bool IsLoopback(const AddressBytes& address) {
  constexpr std::uint8_t kNetwork = 127;
  if (address.size() == sizeof(in_addr)) return address.front() == kNetwork;
  return address.size() == sizeof(in6_addr) &&
         std::equal(address.begin(), address.end(), std::begin(in6addr_loopback.s6_addr));
}

template <class Number>
std::optional<Number> NumberOf(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

bool SameBits(const AddressBytes& a, const AddressBytes& b, std::size_t bits) {
  constexpr std::size_t kByte = 8;
  if (a.empty() || a.size() != b.size() || bits > a.size() * kByte) return false;
  const std::size_t whole = bits / kByte;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const std::size_t rest = bits % kByte;
  return rest == 0 || (a[whole] ^ b[whole]) >> (kByte - rest) == 0;
}

// Does an entry of NO_PROXY cover the host?
bool Covers(std::string_view entry, const Url& url) {
  if (entry == "*") return true;
  std::string pattern = Lowered(entry);
  if (const std::size_t slash = pattern.find('/'); slash != std::string::npos) {
    const auto bits = NumberOf<std::uint32_t>(std::string_view(pattern).substr(slash + 1));
    return bits && SameBits(BytesOf(pattern.substr(0, slash)), BytesOf(url.host), *bits);
  }
  // A port stands behind the one colon that is not in brackets; an IPv6 address without them has none.
  const std::size_t colon = pattern.rfind(':');
  if (colon != std::string::npos &&
      (pattern.find(':') == colon || pattern.rfind("]:") + 1 == colon)) {
    if (NumberOf<std::uint16_t>(std::string_view(pattern).substr(colon + 1)) != url.port)
      return false;
    pattern.resize(colon);
  }
  if (pattern.starts_with('[') && pattern.ends_with(']'))
    pattern = pattern.substr(1, pattern.size() - 2);
  if (pattern == url.host) return true;
  // An IPv6 address can be written in several ways.
  if (const AddressBytes host = BytesOf(url.host); !host.empty()) return BytesOf(pattern) == host;
  if (pattern.starts_with("*.")) pattern.erase(0, 1);
  const bool below_only = pattern.starts_with('.');
  if (!below_only) pattern.insert(0, 1, '.');
  return pattern.size() > 1 && url.host.size() > pattern.size() && url.host.ends_with(pattern);
}

}  // namespace

bool Url::IsAddress() const { return !BytesOf(host).empty(); }

std::string Url::HostInUrl() const {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string Url::Origin() const {
  return scheme + "://" + HostInUrl() + ":" + std::to_string(port);
}

Result<Url> ParseUrl(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return InvalidInput("this is no http or https URL: " + std::string(why));
  };
  Url url;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return wrong("it has no '://'");
  url.scheme = Lowered(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return wrong("its scheme is another one");
  std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  rest.remove_prefix(end);
  if (const std::size_t fragment = rest.find('#'); fragment != std::string_view::npos)
    rest = rest.substr(0, fragment);
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  for (const char c : url.target) {
    if (c <= ' ' || c == '\x7f') return wrong("its path has a blank or a control character");
  }
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = std::string(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("a bracket is open");
    url.host = Lowered(authority.substr(1, close - 1));
    if (!IsIpv6(url.host)) return wrong("there is no IPv6 address in its brackets");
    authority.remove_prefix(close + 1);
    if (!authority.empty() && !authority.starts_with(':')) return wrong("its host is none");
    port = authority.empty() ? authority : authority.substr(1);
  } else {
    const std::size_t at = authority.find(':');
    url.host = Lowered(authority.substr(0, at));
    port = at == std::string_view::npos ? std::string_view() : authority.substr(at + 1);
    const bool plain = std::all_of(url.host.begin(), url.host.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
    if (url.host.empty() || !plain) return wrong("its host is none");
  }
  if (port.empty()) {
    url.port = url.scheme == "https" ? 443 : 80;
  } else {
    const auto number = NumberOf<std::uint16_t>(port);
    if (!number || *number == 0) return wrong("its port is none");
    url.port = *number;
  }
  return url;
}

std::string OriginOf(std::string_view url) {
  const auto parsed = ParseUrl(url);
  return parsed ? parsed->Origin() : "(no URL)";
}

std::string WithVersion(std::string url, std::string_view version) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with(version)) url += version;
  return url;
}

std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

std::optional<std::string> ProxyFor(const Url& url, const Environment& environment) {
  const auto either = [&environment](std::string_view upper) -> std::optional<std::string> {
    for (const std::string& name : {std::string(upper), Lowered(upper)}) {
      // CGI sets HTTP_PROXY from a header of whoever asks; there only the lower case one is meant.
      if (name == "HTTP_PROXY" && environment("REQUEST_METHOD")) continue;
      if (auto value = environment(name); value && !value->empty()) return value;
    }
    return std::nullopt;
  };
  auto proxy = either(url.scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (!proxy) return std::nullopt;
  if (url.host == "localhost" || IsLoopback(BytesOf(url.host))) return std::nullopt;
  if (const auto none = either("NO_PROXY")) {
    for (const std::string_view entry : Split(*none, ',')) {
      if (!Trim(entry).empty() && Covers(Trim(entry), url)) return std::nullopt;
    }
  }
  if (proxy->find("://") == std::string::npos) proxy->insert(0, "http://");
  return proxy;
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace holdfast::net
