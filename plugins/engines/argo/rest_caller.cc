#include "plugins/engines/argo/rest_caller.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/net/json_answer.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

constexpr std::size_t kMostCauses = 20;

std::string WithoutSlash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace

RestCaller::RestCaller(ClusterAccess access, const ServiceParts& parts,
                       MakeTransport make_transport)
    : access_(std::move(access)),
      parts_(parts),
      make_transport_(std::move(make_transport)),
      credentials_(access_, *parts_.processes, *parts_.clock, parts_.cancellation) {
  access_.server = WithoutSlash(access_.server);
}

std::string RestCaller::Origin() const {
  const auto url = net::ParseUrl(access_.server);
  return url ? url->Origin() : "the server";
}

void RestCaller::set_authorization(std::string authorization) {
  authorization_ = std::move(authorization);
  redaction_.Add(authorization_.substr(authorization_.rfind(' ') + 1));
}

Status RestCaller::Connect() {
  HOLDFAST_ASSIGN_OR_RETURN(const Credential* const now, credentials_.Current());
  redaction_.Add(now->token);
  if (transport_ != nullptr && generation_ == now->certificate_generation) return Ok();
  net::TransportOptions options;
  options.ca_pem = access_.ca_pem;
  options.skip_verify = access_.skip_verify;
  options.server_name = access_.server_name;
  options.proxy_url = access_.proxy_url;
  options.client_certificate_pem = now->client_certificate_pem;
  options.client_key_pem = now->client_key_pem;
  auto transport = make_transport_(std::move(options));
  if (!transport) return std::move(transport).error().While("connecting to " + Origin());
  retrying_.reset();
  transport_ = std::move(*transport);
  retrying_ = std::make_unique<net::RetryingHttpClient>(*transport_, *parts_.clock, net::RealWait(),
                                                        net::RetryPolicy(), parts_.log);
  generation_ = now->certificate_generation;
  return Ok();
}

Result<net::HttpResponse> RestCaller::SendOnce(const Call& call) {
  HOLDFAST_RETURN_IF_ERROR(Connect());
  HOLDFAST_ASSIGN_OR_RETURN(const Credential* const now, credentials_.Current());
  net::HttpRequest request;
  request.method = call.method;
  request.url = access_.server + call.target;
  request.headers["Accept"] = "application/json, */*";  // a log is plain text
  request.headers["User-Agent"] = "holdfast";
  if (!authorization_.empty()) {
    request.headers["Authorization"] = authorization_;
  } else if (!now->token.empty()) {
    request.headers["Authorization"] = "Bearer " + now->token;
  }
  if (!call.body.empty()) {
    request.headers["Content-Type"] = call.content_type;
    request.body = call.body;
  }
  request.repeatable = call.repeatable || call.method == net::HttpMethod::kGet;
  request.sink = call.sink;
  request.longest_silence = call.longest_silence;
  request.cancellation = parts_.cancellation;
  const auto deadline =
      parts_.clock->Steady() + (call.deadline.count() > 0 ? call.deadline : parts_.call_deadline);
  return retrying_->Send(request, deadline);
}

Result<net::HttpResponse> RestCaller::SendForResponse(const Call& call) {
  auto response = SendOnce(call);
  // What was handed out may have been taken back before it expired.
  if (response && response->status == 401 && credentials_.Forget()) response = SendOnce(call);
  return response;
}

Result<std::string> RestCaller::Send(const Call& call) {
  HOLDFAST_ASSIGN_OR_RETURN(net::HttpResponse response, SendForResponse(call));
  if (!response.ok()) return ErrorOf(response);
  return std::move(response.body);
}

Result<Value> RestCaller::SendForValue(const Call& call) {
  HOLDFAST_ASSIGN_OR_RETURN(const net::HttpResponse response, SendForResponse(call));
  if (!response.ok()) return ErrorOf(response);
  return JsonOf(response);
}

Result<Value> RestCaller::JsonOf(const net::HttpResponse& response) const {
  return net::JsonOf(response, Origin());
}

Error RestCaller::ErrorOf(const net::HttpResponse& response) const {
  const auto body = ParseJson(response.body, "answer");
  std::string message = body && body->is_map() ? body->StringOr("message", "") : "";
  if (message.empty()) message = response.body.substr(0, 300);
  message = redaction_.Clean(message);
  Error error(net::CodeOfStatus(response.status),
              fmt::format("{}: {}{}", Origin(), message, message.empty() ? "" : " ") +
                  fmt::format("(status {})", response.status));
  if (body && body->is_map()) {
    const Value* const details = body->Find("details");
    const Value* const causes = details != nullptr ? details->Find("causes") : nullptr;
    if (causes != nullptr && causes->is_list()) {
      std::size_t count = 0;
      for (const Value& cause : causes->AsList()) {
        if (++count > kMostCauses) break;
        const std::string field = redaction_.Clean(cause.StringOr("field", ""));
        const std::string why = redaction_.Clean(cause.StringOr("message", ""));
        error = std::move(error).Because(InvalidInput(field.empty() ? why : field + ": " + why));
      }
    }
  }
  if (response.status == 401) {
    return std::move(error).Hint(
        "the server does not know these credentials: has the token expired, or is it of another "
        "cluster?");
  }
  if (response.status == 403) {
    return std::move(error).Hint(
        "the server knows who you are, and does not let you: ask for a role that may create, get, "
        "list, watch and patch workflows.argoproj.io here");
  }
  return error;
}

}  // namespace holdfast::engines::argo
