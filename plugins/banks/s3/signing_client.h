#pragma once

#include "plugins/net/http_client.h"
#include "plugins/net/sigv4.h"
#include "plugins/sdk/clock.h"

namespace holdfast::banks::s3 {

// Signs each request, and each time that it is sent again anew. Bodies in memory are covered by their SHA-256; what comes
// from a source is not (UNSIGNED-PAYLOAD). Thread-safe. `inner` and `clock` are not owned and outlive this.
class SigningClient final : public net::HttpClient {
 public:
  SigningClient(net::HttpClient& inner, net::SigV4Key key, const Clock& clock)
      : inner_(inner), key_(std::move(key)), clock_(clock) {}
  Result<net::HttpResponse> Send(const net::HttpRequest& request, SteadyTime deadline) override;

 private:
  net::HttpClient& inner_;
  const net::SigV4Key key_;
  const Clock& clock_;
};

}  // namespace holdfast::banks::s3
