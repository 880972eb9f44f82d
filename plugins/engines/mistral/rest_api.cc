#include "plugins/engines/mistral/rest_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "plugins/net/json_answer.h"
#include "plugins/net/keystone.h"
#include "plugins/net/redaction.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::mistral {

namespace {

// A token is not used in its last minute, where it has more: a call may wait that long for its turn.
constexpr std::chrono::milliseconds kBeforeItExpires{60'000};
constexpr int kPartOfAShortOne = 4;
// Keystone knows seconds: a token that it gives out in the second in which it takes others back counts as one of these.
constexpr std::chrono::milliseconds kNextSecond{1'100};
constexpr std::array<std::string_view, 2> kServiceTypes{"workflowv2", "workflow"};

class RestApi final : public Api {
 public:
  RestApi(Access access, const ApiParts& parts, std::unique_ptr<net::HttpClient> transport,
          net::Wait wait)
      : access_(std::move(access)),
        parts_(parts),
        transport_(std::move(transport)),
        // Mistral answers what it validates when it has, and one try may take all of the deadline.
        wait_(wait),
        retrying_(*transport_, *parts_.clock, std::move(wait),
                  {.longest_try = parts_.call_deadline}, parts_.log),
        url_(access_.url) {
    Redact(std::nullopt);
  }

  std::string Place() const override {
    if (url_.empty()) return "Mistral of " + access_.keystone->auth_url;
    const auto url = net::ParseUrl(url_);
    return "Mistral at " + (url ? url->Origin() : url_);
  }

  Result<Answer> Send(const Call& call) override {
    const SteadyTime deadline = parts_.clock->Steady() + parts_.call_deadline;
    HOLDFAST_RETURN_IF_ERROR(Connect(deadline));
    HOLDFAST_ASSIGN_OR_RETURN(net::HttpResponse response, SendOnce(call, deadline));
    // What was handed out may have been taken back before it expired.
    for (const auto wait : {std::chrono::milliseconds(0), kNextSecond}) {
      if (response.status != 401 || !access_.keystone) break;
      if (wait.count() > 0 &&
          (net::IsToken(*access_.keystone) || !wait_(wait, parts_.cancellation)))
        break;
      token_.reset();
      HOLDFAST_RETURN_IF_ERROR(Connect(deadline));
      HOLDFAST_ASSIGN_OR_RETURN(response, SendOnce(call, deadline));
    }
    if (!response.ok()) return ErrorOf(response);
    Answer answer;
    answer.date = net::ParseHttpDate(net::HeaderOf(response.headers, "Date"));
    if (response.body.empty()) return answer;
    HOLDFAST_ASSIGN_OR_RETURN(answer.body, net::JsonOf(response, Place()));
    return answer;
  }

 private:
  Status Connect(SteadyTime deadline) {
    if (!access_.keystone) return Ok();
    const SteadyTime now = parts_.clock->Steady();
    if (token_ && now < renewed_at_) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(
        net::KeystoneToken token,
        net::Authenticate(retrying_, *access_.keystone, deadline, parts_.cancellation));
    const std::chrono::milliseconds left = token.left;
    // One that cannot be renewed is used until it is refused.
    renewed_at_ = net::IsToken(*access_.keystone)
                      ? SteadyTime::max()
                      : now + left - std::min(kBeforeItExpires, left / kPartOfAShortOne);
    Redact(token.id);
    token_ = std::move(token);
    if (!access_.url.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(std::string endpoint,
                              token_->EndpointOf(kServiceTypes, access_.interface, access_.region));
    url_ = net::WithVersion(std::move(endpoint), "/v2");
    return Ok();
  }

  // What is to be in no error: the credentials, this token and the one before.
  void Redact(std::optional<std::string> token) {
    redaction_ = net::Redaction();
    if (!access_.keystone) return;
    redaction_.Add(access_.keystone->password);
    redaction_.Add(access_.keystone->application_credential_secret);
    redaction_.Add(access_.keystone->token);
    redaction_.Add(last_token_);
    if (!token) return;
    redaction_.Add(*token);
    last_token_ = std::move(*token);
  }

  Result<net::HttpResponse> SendOnce(const Call& call, SteadyTime deadline) {
    net::HttpRequest request;
    request.method = call.method;
    request.url = url_ + call.target;
    // To "anything" Mistral answers in XML. What takes a definition as plain text demands that plain text may come back; but
    // where that is as good as JSON, a token that is refused comes as a 500 without a word (Mistral 15).
    request.headers["Accept"] = call.content_type == "application/json"
                                    ? "application/json"
                                    : "application/json, text/plain;q=0.5";
    request.headers["User-Agent"] = "holdfast";
    if (token_) request.headers["X-Auth-Token"] = token_->id;
    if (!call.body.empty()) {
      request.headers["Content-Type"] = std::string(call.content_type);
      request.body = call.body;
    }
    request.repeatable = call.repeatable;
    request.cancellation = parts_.cancellation;
    auto response = retrying_.Send(request, deadline);
    if (!response && response.error().code() == ErrorCode::kUnavailable && !access_.keystone) {
      return std::move(response).error().Hint(
          "is OS_MISTRAL_URL right, and does Mistral run there?");
    }
    return response;
  }

  Error ErrorOf(const net::HttpResponse& response) const {
    const auto body = ParseJson(response.body, "answer");
    std::string message;
    if (body && body->is_map()) {
      message = body->StringOr("faultstring", "");
      // What checks tokens before Mistral has other forms.
      const Value* const error = body->Find("error");
      if (message.empty() && error != nullptr && error->is_map())
        message = error->StringOr("message", "");
      if (message.empty()) message = body->StringOr("description", "");
    }
    constexpr std::size_t kMostOfUnknown = 300;
    message = message.empty() ? redaction_.Clean(response.body, kMostOfUnknown)
                              : redaction_.Clean(message);
    Error error(net::CodeOfStatus(response.status),
                fmt::format("{}: {}{}(status {})", Place(), message, message.empty() ? "" : " ",
                            response.status));
    if (response.status == 401 && access_.keystone) {
      return std::move(error).Hint(
          "Keystone gives a token that Mistral refuses: does Mistral ask the same Keystone, and do "
          "the access rules of the application credential, if it has any, allow this?");
    }
    if (response.status == 401 && !access_.keystone) {
      return std::move(error).Hint(
          "this Mistral wants to know who asks: source the openrc file of your cloud (OS_AUTH_URL "
          "and its like)");
    }
    if (response.status == 403) {
      return std::move(error).Hint(
          "Mistral knows who you are, and does not let you: it takes a role in the project");
    }
    return error;
  }

  const Access access_;
  const ApiParts parts_;
  std::unique_ptr<net::HttpClient> transport_;
  const net::Wait wait_;
  net::RetryingHttpClient retrying_;
  net::Redaction redaction_;
  std::optional<net::KeystoneToken> token_;
  std::string last_token_;
  SteadyTime renewed_at_{};
  std::string url_;  // empty before the catalog was asked
};

}  // namespace

Result<std::unique_ptr<Api>> MakeRestApi(Access access, const ApiParts& parts,
                                         const MakeTransport& make_transport, net::Wait wait) {
  HOLDFAST_ASSIGN_OR_RETURN(auto transport, make_transport(access.transport));
  return std::unique_ptr<Api>(
      new RestApi(std::move(access), parts, std::move(transport), std::move(wait)));
}

}  // namespace holdfast::engines::mistral
