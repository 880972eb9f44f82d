#include "plugins/banks/s3/signing_client.h"

#include <string>

#include "plugins/sdk/sha256.h"

namespace holdfast::banks::s3 {

Result<net::HttpResponse> SigningClient::Send(const net::HttpRequest& request,
                                              SteadyTime deadline) {
  net::HttpRequest sent = request;
  std::string hash = request.body_sha256;
  if (request.source != nullptr)
    hash = net::kUnsignedPayload;
  else if (hash.empty())
    hash = Sha256Hex(request.body);
  HOLDFAST_RETURN_IF_ERROR(net::SignForS3(sent, key_, clock_.Now(), hash));
  return inner_.Send(sent, deadline);
}

}  // namespace holdfast::banks::s3
