#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast::net {

// Where a server listens.
struct ListenAddress {
  std::string host;  // an address of this machine in digits, IPv4 or IPv6, without brackets
  std::uint16_t port = 0;
  bool loopback = false;  // nobody outside of this machine (or its network namespace) reaches it

  std::string Text() const;  // "127.0.0.1:8779", "[::1]:8779"
};

// "127.0.0.1:8779", "[::1]:8779"; port 0 is a free one. kUsage for what is none: a name is not looked up, as it may
// stand for more addresses than one.
Result<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace holdfast::net
