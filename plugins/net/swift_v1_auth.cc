#include "plugins/net/swift_v1_auth.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <utility>

#include "plugins/net/json_answer.h"
#include "plugins/net/url.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

std::optional<std::chrono::seconds> SecondsIn(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

Result<SessionToken> AuthenticateV1(HttpClient& client, const SwiftV1Identity& identity,
                                    SteadyTime deadline, const Cancellation* cancellation) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(identity.auth_url));
  const std::string origin = "Swift's auth at " + url.Origin();
  HttpRequest request;
  request.url = identity.auth_url;
  request.headers["User-Agent"] = "holdfast";
  request.headers["X-Auth-User"] = identity.user;
  request.headers["X-Auth-Key"] = identity.key;
  request.cancellation = cancellation;
  HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client.Send(request, deadline));
  if (!response.ok()) {
    Error out(CodeOfStatus(response.status),
              fmt::format("{}: {} (status {})", origin,
                          response.status == 401 || response.status == 403
                              ? "it does not know this user and key"
                              : "it gives no token",
                          response.status));
    if (response.status == 401) return std::move(out).Hint("the user is of the form ACCOUNT:USER");
    if (response.status == 404)
      return std::move(out).Hint("the URL is of the form http://HOST:8080/auth/v1.0");
    return out;
  }
  SessionToken out;
  out.token.id = HeaderOf(response.headers, "X-Auth-Token");
  const std::string storage(HeaderOf(response.headers, "X-Storage-Url"));
  if (out.token.id.empty() || !ParseUrl(storage))
    return Corrupt(origin + " answered without a token, or without the URL of an account");
  out.token.catalog.push_back({"object-store", "public", "", storage});
  out.left = SecondsIn(HeaderOf(response.headers, "X-Auth-Token-Expires"));
  return out;
}

}  // namespace

AskForToken SwiftV1Tokens(HttpClient& client, SwiftV1Identity identity) {
  return [&client, identity = std::move(identity)](SteadyTime deadline,
                                                   const Cancellation* cancellation) {
    return AuthenticateV1(client, identity, deadline, cancellation);
  };
}

Result<SwiftAuth> FindSwiftAuth(HttpClient& client, const std::string& auth_url,
                                SteadyTime deadline, const Cancellation* cancellation) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(auth_url));
  std::string path = url.target;
  while (path.ends_with('/')) path.pop_back();
  for (const std::string_view end : {"/auth/v1.0", "/auth/v1", "/auth/1.0"}) {
    if (path.ends_with(end)) return SwiftAuth::kV1;
  }
  if (path.ends_with("/v2.0") || path.ends_with("/v2")) {
    return InvalidInput(url.Origin() + ": the URL asks for version 2 of Keystone")
        .Hint("version 3 is the one that there is: http://HOST:5000/v3");
  }
  HttpRequest request;
  request.url = WithVersion(auth_url, "/v3");
  request.headers["Accept"] = "application/json";
  request.headers["User-Agent"] = "holdfast";
  request.cancellation = cancellation;
  HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client.Send(request, deadline));
  if (!response.ok() && CodeOfStatus(response.status) == ErrorCode::kUnavailable) {
    return Unavailable(fmt::format("{} does not say which version of Keystone it is (status {})",
                                   url.Origin(), response.status));
  }
  const auto document = ParseJson(response.body, "answer");
  const Value* const version =
      response.ok() && document && document->is_map() ? document->Find("version") : nullptr;
  if (version != nullptr && version->is_map() && version->StringOr("id", "").starts_with("v3"))
    return SwiftAuth::kKeystone;
  return InvalidInput(fmt::format("{} is no Keystone of version 3 (status {})", url.Origin(),
                                  response.status))
      .Hint(
          "the URL is Keystone's, http://HOST:5000/v3, or that of Swift's own auth, "
          "http://HOST:8080/auth/v1.0");
}

}  // namespace holdfast::net
