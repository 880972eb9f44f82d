#pragma once

#include <atomic>

#include "plugins/net/http_client.h"
#include "plugins/net/sigv4.h"
#include "plugins/sdk/clock.h"

namespace holdfast::banks::s3 {

// Signs each request, and each time that it is sent again anew. Bodies in memory are covered by their SHA-256; what comes
// from a source is not (UNSIGNED-PAYLOAD). kUnavailable where a server says of a key that it has taken before that the
// signature is wrong: one that asks another about keys (Swift's s3token asks Keystone) says so also when that does not
// answer. Thread-safe. `inner` and `clock` are not owned and outlive this.
class SigningClient final : public net::HttpClient {
 public:
  SigningClient(net::HttpClient& inner, net::SigV4Key key, const Clock& clock)
      : inner_(inner), key_(std::move(key)), clock_(clock) {}
  Result<net::HttpResponse> Send(const net::HttpRequest& request, SteadyTime deadline) override;

 private:
  bool IsSignatureRefused(const net::HttpRequest& request, const net::HttpResponse& response,
                          SteadyTime deadline);

  net::HttpClient& inner_;
  const net::SigV4Key key_;
  const Clock& clock_;
  std::atomic<bool> was_accepted_{false};
};

}  // namespace holdfast::banks::s3
