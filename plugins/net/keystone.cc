#include "plugins/net/keystone.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/net/json_answer.h"
#include "plugins/net/redaction.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

constexpr std::string_view kTokenHeader = "X-Subject-Token";

// Is the token one of the project that is asked for, if any is?
bool HasScope(const Value& token, const KeystoneIdentity& identity) {
  if (identity.project.empty()) return true;
  const Value* const project = token.Find("project");
  if (project == nullptr || !project->is_map()) return false;
  if (identity.project_is_id) return project->StringOr("id", "") == identity.project;
  const Value* const domain = project->Find("domain");
  return project->StringOr("name", "") == identity.project && domain != nullptr &&
         domain->is_map() &&
         domain->StringOr(identity.project_domain_is_id ? "id" : "name", "") ==
             identity.project_domain;
}

// To the microsecond, as OpenStack writes times; whole seconds will do.
Result<WallTime> TimeIn(const Value& token, const char* key) {
  constexpr std::size_t kWholeSeconds = 19;
  return ParseTime(token.StringOr(key, "").substr(0, kWholeSeconds) + "Z");
}

// A user or a project: by its id, or by its name in a domain.
Value Named(const std::string& what, bool is_id, const std::string& domain, bool domain_is_id) {
  if (is_id) return Value().Set("id", what);
  return Value().Set("name", what).Set("domain", Value().Set(domain_is_id ? "id" : "name", domain));
}

Value BodyOf(const KeystoneIdentity& identity) {
  Value how;
  if (!identity.application_credential_id.empty()) {
    how.Set("methods", Value::List{"application_credential"})
        .Set("application_credential", Value()
                                           .Set("id", identity.application_credential_id)
                                           .Set("secret", identity.application_credential_secret));
  } else if (IsToken(identity)) {
    how.Set("methods", Value::List{"token"}).Set("token", Value().Set("id", identity.token));
  } else {
    Value user =
        Named(identity.user, identity.user_is_id, identity.user_domain, identity.user_domain_is_id);
    user.Set("password", identity.password);
    how.Set("methods", Value::List{"password"})
        .Set("password", Value().Set("user", std::move(user)));
  }
  Value auth = Value().Set("identity", std::move(how));
  if (!identity.project.empty() && identity.application_credential_id.empty()) {
    auth.Set("scope",
             Value().Set("project", Named(identity.project, identity.project_is_id,
                                          identity.project_domain, identity.project_domain_is_id)));
  }
  return Value().Set("auth", std::move(auth));
}

std::vector<KeystoneEndpoint> CatalogOf(const Value& token) {
  std::vector<KeystoneEndpoint> out;
  const Value* const catalog = token.Find("catalog");
  if (catalog == nullptr || !catalog->is_list()) return out;
  for (const Value& service : catalog->AsList()) {
    const Value* const endpoints = service.Find("endpoints");
    if (endpoints == nullptr || !endpoints->is_list()) continue;
    for (const Value& endpoint : endpoints->AsList()) {
      out.push_back({service.StringOr("type", ""), endpoint.StringOr("interface", ""),
                     endpoint.StringOr("region_id", endpoint.StringOr("region", "")),
                     endpoint.StringOr("url", "")});
    }
  }
  return out;
}

}  // namespace

Result<std::optional<KeystoneIdentity>> KeystoneIdentityOf(const Environment& environment) {
  const auto text = [&environment](const char* name) { return environment(name).value_or(""); };
  KeystoneIdentity out;
  out.auth_url = text("OS_AUTH_URL");
  if (out.auth_url.empty()) return std::nullopt;
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(out.auth_url));
  if (const std::string version = text("OS_IDENTITY_API_VERSION");
      url.target.starts_with("/v2") || version.starts_with("2")) {
    return InvalidInput("OS_AUTH_URL or OS_IDENTITY_API_VERSION asks for version 2 of Keystone")
        .Hint("version 3 is the one that there is: OS_AUTH_URL=https://HOST:5000/v3");
  }
  // By an id where there is one, as the openstack command does.
  const auto named = [&](const char* by_id, const char* by_name, std::string& what, bool& is_id) {
    what = text(by_id);
    is_id = !what.empty();
    if (!is_id) what = text(by_name);
  };
  named("OS_USER_ID", "OS_USERNAME", out.user, out.user_is_id);
  named("OS_PROJECT_ID", "OS_PROJECT_NAME", out.project, out.project_is_id);
  const auto domain = [&](const char* by_id, const char* by_name, std::string& what, bool& is_id) {
    if (std::string id = text(by_id); !id.empty()) {
      what = std::move(id);
    } else if (std::string name = text(by_name); !name.empty()) {
      what = std::move(name);
      is_id = false;
    } else if (std::string both = text("OS_DEFAULT_DOMAIN"); !both.empty()) {
      what = std::move(both);
    }
  };
  domain("OS_USER_DOMAIN_ID", "OS_USER_DOMAIN_NAME", out.user_domain, out.user_domain_is_id);
  domain("OS_PROJECT_DOMAIN_ID", "OS_PROJECT_DOMAIN_NAME", out.project_domain,
         out.project_domain_is_id);
  out.password = text("OS_PASSWORD");
  out.application_credential_id = text("OS_APPLICATION_CREDENTIAL_ID");
  out.application_credential_secret = text("OS_APPLICATION_CREDENTIAL_SECRET");
  out.token = text("OS_TOKEN");
  if (!out.application_credential_id.empty()) {
    if (out.application_credential_secret.empty()) {
      return InvalidInput(
          "OS_APPLICATION_CREDENTIAL_ID is set, OS_APPLICATION_CREDENTIAL_SECRET is not");
    }
    return out;
  }
  if (!out.token.empty()) return out;
  if (out.user.empty() || out.password.empty()) {
    return InvalidInput(std::string("OS_AUTH_URL is set, but ") +
                        (out.user.empty() ? "OS_USERNAME" : "OS_PASSWORD") + " is not")
        .Hint(
            "a file 'openrc' of your cloud sets them; OS_APPLICATION_CREDENTIAL_ID and _SECRET, or "
            "OS_TOKEN, do as well");
  }
  return out;
}

bool IsToken(const KeystoneIdentity& identity) {
  return !identity.token.empty() && identity.application_credential_id.empty();
}

Result<std::string> KeystoneToken::EndpointOf(std::span<const std::string_view> types,
                                              std::string_view interface,
                                              std::string_view region) const {
  std::set<std::string> known;
  for (const std::string_view type : types) {
    for (const KeystoneEndpoint& endpoint : catalog) {
      if (endpoint.type == type && endpoint.interface == interface &&
          (region.empty() || endpoint.region == region)) {
        return endpoint.url;
      }
      known.insert(endpoint.type + " (" + endpoint.interface + ", " + endpoint.region + ")");
    }
  }
  std::string message = fmt::format("the catalog of Keystone has no {} endpoint of type {}",
                                    interface, types.empty() ? "" : types.front());
  if (!region.empty()) message += " in region " + std::string(region);
  return NotFound(Printable(message))
      .Hint(Printable(known.empty() ? "the catalog is empty: has the token a project?"
                                    : "it has " + Join({known.begin(), known.end()}, ", ")));
}

namespace {

// What Keystone says where it gives no token.
Error RefusalOf(const HttpResponse& response, const KeystoneIdentity& identity,
                const std::string& origin) {
  Redaction redaction;
  for (const std::string& secret :
       {identity.password, identity.application_credential_secret, identity.token}) {
    redaction.Add(secret);
  }
  const auto answer = ParseJson(response.body, "answer");
  const Value* const error = answer && answer->is_map() ? answer->Find("error") : nullptr;
  Error out(CodeOfStatus(response.status),
            // Never the whole body: what echoes requests has the password in it.
            fmt::format("{}: {} (status {})", origin,
                        redaction.Clean(error == nullptr || !error->is_map()
                                            ? "an answer that is not Keystone's"
                                            : error->StringOr("message", "")),
                        response.status));
  if (response.status == 401) {
    return std::move(out).Hint(
        IsToken(identity)
            ? "Keystone does not know the token (OS_TOKEN, or the token of a provider), or does "
              "not know it any more: `openstack token issue` makes another one"
            : "Keystone does not know these credentials: are user, password, project and their "
              "domains those of your openrc, or has the application credential been deleted or "
              "expired?");
  }
  if (response.status == 404)
    return std::move(out).Hint(
        "is that the URL of Keystone, version 3 (OS_AUTH_URL, or auth_url of a provider)?");
  return out;
}

std::chrono::seconds LeftOf(WallTime expires, const HttpResponse& response, const Value& token) {
  // Without a date, that of the token: right for a new one, and of another one too much, so that it is refused before.
  Result<WallTime> now = TimeIn(token, "issued_at");
  if (const auto date = ParseHttpDate(HeaderOf(response.headers, "Date"))) now = *date;
  constexpr std::chrono::seconds kLongest = std::chrono::hours(24 * 365);
  if (!now || *now >= expires) return std::chrono::seconds(0);
  if (*now < expires - kLongest) return kLongest;
  return std::chrono::duration_cast<std::chrono::seconds>(expires - *now);
}

struct Answered {
  KeystoneToken token;
  bool has_scope = false;
};

// Asks for a token, or for what the one that there is may do.
Result<Answered> Ask(HttpClient& client, HttpMethod method, const KeystoneIdentity& identity,
                     SteadyTime deadline, const Cancellation* cancellation) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(identity.auth_url));
  const std::string origin = "Keystone at " + url.Origin();
  std::string body;
  HttpRequest request;
  request.method = method;
  request.url = WithVersion(identity.auth_url, "/v3") + "/auth/tokens";
  request.headers["Accept"] = "application/json";
  request.headers["User-Agent"] = "holdfast";
  if (method == HttpMethod::kPost) {
    HOLDFAST_ASSIGN_OR_RETURN(body, DumpJson(BodyOf(identity)));
    request.headers["Content-Type"] = "application/json";
    request.body = body;
  } else {
    request.headers["X-Auth-Token"] = identity.token;
    request.headers[std::string(kTokenHeader)] = identity.token;
  }
  request.repeatable = true;  // another token does no harm
  request.cancellation = cancellation;
  HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client.Send(request, deadline));
  if (!response.ok()) return RefusalOf(response, identity, origin);
  HOLDFAST_ASSIGN_OR_RETURN(const Value answer, JsonOf(response, origin));
  Answered out;
  out.token.id = HeaderOf(response.headers, kTokenHeader);
  if (method == HttpMethod::kGet) out.token.id = identity.token;
  const Value* const token = answer.is_map() ? answer.Find("token") : nullptr;
  const auto expires = token == nullptr || !token->is_map() ? Result<WallTime>(Corrupt("no token"))
                                                            : TimeIn(*token, "expires_at");
  if (out.token.id.empty() || !expires)
    return Corrupt(origin + " answered with what is no token of version 3");
  out.token.left = LeftOf(*expires, response, *token);
  if (const Value* const project = token->Find("project"); project != nullptr)
    out.token.project = project->StringOr("name", "");
  out.token.catalog = CatalogOf(*token);
  out.has_scope = HasScope(*token, identity);
  return out;
}

}  // namespace

Result<KeystoneToken> Authenticate(HttpClient& client, const KeystoneIdentity& identity,
                                   SteadyTime deadline, const Cancellation* cancellation) {
  if (IsToken(identity)) {
    HOLDFAST_ASSIGN_OR_RETURN(Answered itself,
                              Ask(client, HttpMethod::kGet, identity, deadline, cancellation));
    if (itself.has_scope) return std::move(itself.token);
  }
  HOLDFAST_ASSIGN_OR_RETURN(Answered made,
                            Ask(client, HttpMethod::kPost, identity, deadline, cancellation));
  return std::move(made.token);
}

}  // namespace holdfast::net
