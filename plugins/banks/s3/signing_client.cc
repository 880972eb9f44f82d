#include "plugins/banks/s3/signing_client.h"

#include <span>
#include <string>

#include "plugins/banks/object_store/http_store.h"
#include "plugins/banks/s3/s3_answers.h"
#include "plugins/net/url.h"
#include "plugins/sdk/sha256.h"

namespace holdfast::banks::s3 {

namespace {

class NoSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte>) override { return Ok(); }
};

bool SaysSignatureIsWrong(const net::HttpResponse& response) {
  return response.status == kForbidden &&
         ParseS3Error(response.body).code == "SignatureDoesNotMatch";
}

}  // namespace

Result<net::HttpResponse> SigningClient::Send(const net::HttpRequest& request,
                                              SteadyTime deadline) {
  net::HttpRequest sent = request;
  std::string hash = request.body_sha256;
  if (request.source != nullptr)
    hash = net::kUnsignedPayload;
  else if (hash.empty())
    hash = Sha256Hex(request.body);
  HOLDFAST_RETURN_IF_ERROR(net::SignForS3(sent, key_, clock_.Now(), hash));
  auto response = inner_.Send(sent, deadline);
  if (!response) return response;
  if (response->ok()) was_accepted_ = true;
  if (!was_accepted_ || !IsSignatureRefused(request, *response, deadline)) return response;
  return Unavailable(net::OriginOf(request.url) + " no longer takes a key that it took before")
      .Hint("perhaps what it asks about keys does not answer; or the secret was changed");
}

// The answer to a HEAD has no body, and so does not say why: that to a GET does.
bool SigningClient::IsSignatureRefused(const net::HttpRequest& request,
                                       const net::HttpResponse& response, SteadyTime deadline) {
  if (response.status != kForbidden) return false;
  if (request.method != net::HttpMethod::kHead) return SaysSignatureIsWrong(response);
  net::HttpRequest ask = request;
  ask.method = net::HttpMethod::kGet;
  ask.headers["Range"] = "bytes=0-0";
  NoSink nowhere;
  ask.sink = &nowhere;
  if (!net::SignForS3(ask, key_, clock_.Now(), Sha256Hex(""))) return false;
  const auto said = inner_.Send(ask, deadline);
  if (!said) return said.error().code() == ErrorCode::kUnavailable;
  // Whoever is told something else about the object was let in.
  return said->status != kForbidden || SaysSignatureIsWrong(*said);
}

}  // namespace holdfast::banks::s3
