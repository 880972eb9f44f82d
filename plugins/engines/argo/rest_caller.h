#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/engines/argo/credentials.h"
#include "plugins/engines/argo/kubeconfig.h"
#include "plugins/engines/argo/workflow_service.h"
#include "plugins/net/http_client.h"
#include "plugins/net/redaction.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

// Makes a transport; the real one is MakeCpprestClient.
using MakeTransport =
    std::function<Result<std::unique_ptr<net::HttpClient>>(net::TransportOptions options)>;

// One request to a server that speaks JSON.
struct Call {
  net::HttpMethod method = net::HttpMethod::kGet;
  std::string target;  // path and query, behind the server's URL
  std::string body;    // JSON; empty: none
  std::string content_type = "application/json";
  bool repeatable = false;  // GET is
  ByteSink* sink = nullptr;
  std::chrono::milliseconds deadline{0};  // zero: that of the parts
  std::chrono::milliseconds longest_silence{0};
};

// Sends calls as whoever the access says, tries again, renews credentials that were refused once, and turns
// what is no success into an error. One thread.
class RestCaller {
 public:
  // What is borrowed outlives this.
  RestCaller(ClusterAccess access, const ServiceParts& parts, MakeTransport make_transport);

  const ClusterAccess& access() const { return access_; }
  std::string Origin() const;
  // Takes the place of "Bearer <token>": of the Argo server, whose token says itself how it is sent.
  void set_authorization(std::string authorization);

  // The body of a success; kInvalidInput and so on as of WorkflowService.
  Result<std::string> Send(const Call& call);
  Result<Value> SendForValue(const Call& call);
  // The whole response, whatever its status is, where credentials were not refused.
  Result<net::HttpResponse> SendForResponse(const Call& call);
  // The JSON of a success; kCorrupt where it is none.
  Result<Value> JsonOf(const net::HttpResponse& response) const;
  // What a response that is no success means.
  Error ErrorOf(const net::HttpResponse& response) const;

 private:
  Status Connect();
  Result<net::HttpResponse> SendOnce(const Call& call);

  ClusterAccess access_;
  const ServiceParts parts_;
  MakeTransport make_transport_;
  Credentials credentials_;
  std::string authorization_;
  net::Redaction redaction_;
  std::unique_ptr<net::HttpClient> transport_;
  std::unique_ptr<net::RetryingHttpClient> retrying_;
  std::uint64_t generation_ = 0;
};

}  // namespace holdfast::engines::argo
