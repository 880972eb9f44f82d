#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "plugins/net/http_client.h"
#include "plugins/net/url.h"

namespace holdfast::net {

// What a server answers with, where one is.
struct Spoken {
  enum class Protocol {
    kUnknown,  // it is away, or has said nothing in time
    kHttp,
    kTls,
    kOther,
  };
  Protocol protocol = Protocol::kUnknown;
  std::string words;  // of kOther: the beginning of what it says, where that is text
};

// Connects to the URL's server, itself and not through a proxy, and says to it what no HTTP server (http) or TLS server
// (https) leaves unanswered. Waits no longer than until `deadline`.
Spoken WhatIsSpokenAt(const Url& url, SteadyTime deadline);

// Tells a server that speaks something else than what its URL says, an sshd for example, from one that is away: Send returns
// kInvalidInput then, since the same call never succeeds. Goes below a RetryingHttpClient, which would ask it again and
// again. A server that has answered once is not doubted any more, nor one behind a proxy of the environment. Thread-safe.
class ProtocolCheckedClient final : public HttpClient {
 public:
  explicit ProtocolCheckedClient(std::unique_ptr<HttpClient> inner) : inner_(std::move(inner)) {}
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override;

 private:
  bool HasAnswered(const std::string& origin);

  const std::unique_ptr<HttpClient> inner_;
  std::mutex mutex_;
  std::set<std::string> have_answered_;  // origins
};

}  // namespace holdfast::net
