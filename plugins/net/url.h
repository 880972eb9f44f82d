#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast::net {

// The parts of an http or https URL.
struct Url {
  std::string scheme;  // "http", "https"
  std::string user_info;
  std::string host;  // of an IPv6 address without its brackets; lower case
  std::uint16_t port = 0;
  std::string target;  // path and query, at least "/"

  bool IsAddress() const;         // the host is an IP address, not a name
  std::string HostInUrl() const;  // an IPv6 address in brackets
  std::string Origin() const;     // "https://host:port", what errors show
};

// kInvalidInput for what is no http or https URL; the message never repeats user and password.
Result<Url> ParseUrl(std::string_view text);

// The origin of a URL, as a message shows it; "(no URL)" of what is none.
std::string OriginOf(std::string_view url);

// The URL of an API, as people write it with or without its version: without a slash at its end, and with `version`
// ("/v3") there.
std::string WithVersion(std::string url, std::string_view version);

// Everything but letters, digits and -._~ as %XX: a segment of a path, or a value of a query.
std::string PercentEncoded(std::string_view text);

// The proxy that the environment names for this URL, as curl and Go read it: HTTPS_PROXY or HTTP_PROXY by
// scheme (upper or lower case), not for a host that NO_PROXY names: itself, a domain above it,
// an address, a CIDR range of either IP, "*"; nor for localhost, 127.0.0.0/8 and ::1. nullopt: none.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> ProxyFor(const Url& url, const Environment& environment);

// The environment of this process.
std::optional<std::string> ProcessEnvironment(const std::string& name);

}  // namespace holdfast::net
