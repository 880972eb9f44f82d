#pragma once

#include "plugins/net/http_client.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/net/token_session.h"

namespace holdfast::net {

// Sends each request with the session's token, as X-Auth-Token. After a 401 it says so to the session and sends the request
// again with the next token; once more a second later, since Keystone takes back all that it gave out in a second; and once
// more 5 s later, since a service whose Keystone is too busy to say whose a token is says 401, too. The last 401 is
// returned, and so is the first where the request has a source that cannot begin anew: then the next request has another
// token. What asking for a token fails with is what Send returns. Thread-safe.
class TokenHttpClient final : public HttpClient {
 public:
  // `inner` and `session` are not owned and outlive this. Over a RetryingHttpClient, not below: a 401 is none of its.
  TokenHttpClient(HttpClient& inner, TokenSession& session, Wait wait);
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override;

 private:
  HttpClient& inner_;
  TokenSession& session_;
  Wait wait_;
};

}  // namespace holdfast::net
