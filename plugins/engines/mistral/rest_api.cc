#include "plugins/engines/mistral/rest_api.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>

#include "plugins/net/json_answer.h"
#include "plugins/net/keystone_session.h"
#include "plugins/net/protocol_check.h"
#include "plugins/net/redaction.h"
#include "plugins/net/token_http_client.h"
#include "plugins/net/token_session.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::mistral {

namespace {

constexpr int kBadRequest = 400;
constexpr int kNotThere = 404;
constexpr int kWrongMethod = 405;
constexpr int kServerFault = 500;   // and all above it
constexpr int kManyVersions = 300;  // of another service of OpenStack
// What Mistral says of the API's root: {"uri": ...}.
constexpr std::string_view kOfTheRoot = "uri";
constexpr std::array<std::string_view, 2> kServiceTypes{"workflowv2", "workflow"};

class RestApi final : public Api {
 public:
  RestApi(Access access, const ApiParts& parts, std::unique_ptr<net::HttpClient> transport,
          const net::Wait& wait)
      : access_(std::move(access)),
        parts_(parts),
        transport_(std::make_unique<net::ProtocolCheckedClient>(std::move(transport))),
        // Mistral answers what it validates when it has, and one try may take all of the deadline.
        retrying_(*transport_, *parts_.clock, wait, {.longest_try = parts_.call_deadline},
                  parts_.log),
        url_(access_.url) {
    if (!access_.keystone) return;
    Redact("");
    session_ = std::make_unique<net::TokenSession>(
        [this, ask = net::KeystoneTokens(retrying_, *access_.keystone, "OS_PROJECT_NAME")](
            SteadyTime deadline, const Cancellation* cancellation) {
          auto token = ask(deadline, cancellation);
          if (token) Redact(token->token.id);
          return token;
        },
        *parts_.clock);
    with_token_ = std::make_unique<net::TokenHttpClient>(retrying_, *session_, wait);
  }

  std::string Place() const override {
    if (url_.empty()) return "Mistral of " + access_.keystone->auth_url;
    const auto url = net::ParseUrl(url_);
    return "Mistral at " + (url ? url->Origin() : url_);
  }

  Result<Answer> Send(const Call& call) override {
    const SteadyTime deadline = parts_.clock->Steady() + parts_.call_deadline;
    HOLDFAST_RETURN_IF_ERROR(FindMistral(deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const net::HttpResponse response, SendIt(call, deadline));
    if (MayComeFromAnotherPlace(call, response.status))
      HOLDFAST_RETURN_IF_ERROR(CheckItIsMistral(deadline));
    if (!response.ok()) return ErrorOf(response);
    Answer answer;
    answer.date = net::ParseHttpDate(net::HeaderOf(response.headers, "Date"));
    if (response.body.empty()) return answer;
    HOLDFAST_ASSIGN_OR_RETURN(answer.body, net::JsonOf(response, Place()));
    is_mistral_ = true;
    return answer;
  }

 private:
  // Where the catalog of the token that is in use has it.
  Status FindMistral(SteadyTime deadline) {
    if (session_ == nullptr) return Ok();
    const auto token = session_->Current(deadline, parts_.cancellation);
    if (!token && token.error().code() == ErrorCode::kInvalidInput && token.error().hint().empty())
      return Error(token.error()).Hint("OS_AUTH_URL is where Keystone is: http://HOST:5000/v3");
    if (!token) return token.error();
    if (!access_.url.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(
        std::string endpoint,
        (*token)->token.EndpointOf(kServiceTypes, access_.interface, access_.region));
    url_ = net::WithVersion(std::move(endpoint), "/v2");
    return Ok();
  }

  // Below one of Mistral's own collections its API answers with 400 or 500. Who does not want a call to be sent again asks
  // itself whether Mistral is there.
  static bool MayComeFromAnotherPlace(const Call& call, int status) {
    if (status >= kServerFault) return call.repeatable.value_or(true);
    return status == kBadRequest || status == kNotThere || status == kWrongMethod;
  }

  // What the address should be.
  std::string AddressHint() const {
    if (access_.url.empty())
      return "Keystone's catalog says that Mistral is there; OS_MISTRAL_URL goes over it";
    constexpr std::string_view kBelow = "/v2/";
    const std::size_t below = access_.url.find(kBelow);
    return "OS_MISTRAL_URL is where Mistral's API begins, with or without its /v2: " +
           (below == std::string::npos
                ? "http://HOST:8989/v2"
                : Printable(access_.url.substr(0, below + kBelow.size() - 1)));
  }

  // Below a wrong address nothing is there: then a run that is not there says nothing of runs. What is not told from its
  // answer (401 for access rules, 503) passes.
  Status CheckItIsMistral(SteadyTime deadline) {
    if (is_mistral_) return Ok();
    net::HttpRequest request;
    request.url = url_ + "/";
    request.headers["Accept"] = "application/json";
    request.headers["User-Agent"] = "holdfast";
    request.cancellation = parts_.cancellation;
    if (session_ != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto token, session_->Current(deadline, parts_.cancellation));
      request.headers["X-Auth-Token"] = token->token.id;
    }
    // Once: who waits for its answer waits for the one to its own question.
    const auto root = transport_->Send(request, deadline);
    if (!root) return Ok();
    const auto body = ParseJson(root->body, "answer");
    is_mistral_ = root->ok() && body && body->is_map() && !body->StringOr(kOfTheRoot, "").empty();
    if (is_mistral_ || (!root->ok() && root->status != kNotThere && root->status != kManyVersions))
      return Ok();
    const auto url = net::ParseUrl(url_);
    return InvalidInput(fmt::format("{} does not speak version 2 of Mistral's API (status {})",
                                    url ? url->Origin() + Printable(url->target) : Place(),
                                    root->status))
        .Hint(AddressHint());
  }

  // What is to be in no error: the credentials, this token and the one before.
  void Redact(const std::string& token) {
    redaction_ = net::Redaction();
    const net::KeystoneIdentity& identity = *access_.keystone;
    const std::array<std::string_view, 5> secrets{identity.password,
                                                  identity.application_credential_secret,
                                                  identity.token, last_token_, token};
    for (const std::string_view secret : secrets) redaction_.Add(secret);
    last_token_ = token;
  }

  Result<net::HttpResponse> SendIt(const Call& call, SteadyTime deadline) {
    net::HttpRequest request;
    request.method = call.method;
    request.url = url_ + call.target;
    // To "anything" Mistral answers in XML. What takes a definition as plain text demands that plain text may come back; but
    // where that is as good as JSON, a token that is refused comes as a 500 without a word (Mistral 15).
    request.headers["Accept"] = call.content_type == "application/json"
                                    ? "application/json"
                                    : "application/json, text/plain;q=0.5";
    request.headers["User-Agent"] = "holdfast";
    if (!call.body.empty()) {
      request.headers["Content-Type"] = std::string(call.content_type);
      request.body = call.body;
    }
    request.repeatable = call.repeatable;
    request.cancellation = parts_.cancellation;
    auto response = with_token_ != nullptr ? with_token_->Send(request, deadline)
                                           : retrying_.Send(request, deadline);
    if (!response && response.error().code() == ErrorCode::kInvalidInput && !is_mistral_ &&
        response.error().hint().empty()) {
      return std::move(response).error().Hint(AddressHint());
    }
    if (!response && with_token_ == nullptr && response.error().code() == ErrorCode::kUnavailable) {
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
  net::RetryingHttpClient retrying_;
  // Both nullptr without Keystone.
  std::unique_ptr<net::TokenSession> session_;
  std::unique_ptr<net::TokenHttpClient> with_token_;
  net::Redaction redaction_;
  std::string last_token_;
  std::string url_;          // empty before the catalog was asked
  bool is_mistral_ = false;  // it has said so, or behaved like it
};

}  // namespace

Result<std::unique_ptr<Api>> MakeRestApi(Access access, const ApiParts& parts,
                                         const MakeTransport& make_transport,
                                         const net::Wait& wait) {
  HOLDFAST_ASSIGN_OR_RETURN(auto transport, make_transport(access.transport));
  return std::unique_ptr<Api>(new RestApi(std::move(access), parts, std::move(transport), wait));
}

}  // namespace holdfast::engines::mistral
