#include "plugins/banks/s3/signing_client.h"

#include <string>

#include "plugins/sdk/sha256.h"

namespace holdfast::banks::s3 {

Result<net::HttpResponse> SigningClient::Send(const net::HttpRequest& request,
                                              SteadyTime deadline) {
  net::HttpRequest sent = request;
  const std::string hash =
      request.source != nullptr ? std::string(net::kUnsignedPayload) : Sha256Hex(request.body);
  HOLDFAST_RETURN_IF_ERROR(net::SignForS3(sent, key_, clock_.Now(), hash));
  return inner_.Send(sent, deadline);
}

}  // namespace holdfast::banks::s3
