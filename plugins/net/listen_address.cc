#include "plugins/net/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <charconv>

#include "plugins/sdk/text.h"

namespace holdfast::net {

std::string ListenAddress::Text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto wrong = [text] {
    return Error(ErrorCode::kUsage, "'" + Printable(text) + "' is no address to listen at")
        .Hint("ADDRESS:PORT in digits: 127.0.0.1:8779, [::1]:8779, 0.0.0.0:8779");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  const std::string_view port = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  ListenAddress out;
  out.host = std::string(host);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return wrong();
  in_addr four{};
  in6_addr six{};
  if (!in_brackets && ::inet_pton(AF_INET, out.host.c_str(), &four) == 1) {
    constexpr std::uint32_t kLoopbackNet = 127;
    constexpr unsigned kFirstByte = 24;
    out.loopback = (ntohl(four.s_addr) >> kFirstByte) == kLoopbackNet;
    return out;
  }
  if (in_brackets && ::inet_pton(AF_INET6, out.host.c_str(), &six) == 1) {
    out.loopback = IN6_IS_ADDR_LOOPBACK(&six);
    return out;
  }
  return wrong();
}

}  // namespace holdfast::net
