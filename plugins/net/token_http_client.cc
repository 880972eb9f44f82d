#include "plugins/net/token_http_client.h"

#include <chrono>
#include <string>
#include <utility>

#include "plugins/net/url.h"

namespace holdfast::net {

namespace {

using std::chrono::milliseconds;

constexpr int kRefused = 401;
// Before each next time.
constexpr milliseconds kNoWait{0};
constexpr milliseconds kNextSecond{1'100};
constexpr milliseconds kBusy{5'000};

}  // namespace

TokenHttpClient::TokenHttpClient(HttpClient& inner, TokenSession& session, Wait wait)
    : inner_(inner), session_(session), wait_(std::move(wait)) {}

Result<HttpResponse> TokenHttpClient::Send(const HttpRequest& request, SteadyTime deadline) {
  HttpRequest sent = request;
  const auto send = [&]() -> Result<HttpResponse> {
    auto token = session_.Current(deadline, request.cancellation);
    if (!token) return std::move(token).error().While("a token for " + OriginOf(request.url));
    sent.headers["X-Auth-Token"] = (*token)->token.id;
    auto response = inner_.Send(sent, deadline);
    if (response && response->status == kRefused) session_.Refuse(*token);
    return response;
  };
  auto response = send();
  for (const milliseconds wait : {kNoWait, kNextSecond, kBusy}) {
    if (!response || response->status != kRefused) return response;
    if (request.source != nullptr && !request.rewind) return response;
    if (wait > kNoWait && (std::chrono::steady_clock::now() + wait >= deadline ||
                           !wait_(wait, request.cancellation))) {
      return response;
    }
    if (request.source != nullptr) HOLDFAST_RETURN_IF_ERROR(request.rewind());
    response = send();
  }
  return response;
}

}  // namespace holdfast::net
