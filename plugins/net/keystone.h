#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/net/http_client.h"
#include "plugins/net/url.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::net {

// Who somebody is to OpenStack's Keystone, v3. One of three: user and password, an application credential, a token.
// What is empty is not said.
struct KeystoneIdentity {
  std::string auth_url;  // with or without its /v3
  std::string user;      // a name in `user_domain`, or an id
  bool user_is_id = false;
  std::string user_domain = "default";
  bool user_domain_is_id = true;
  std::string password;
  std::string application_credential_id;
  std::string application_credential_secret;
  std::string token;
  // The scope: a name in `project_domain`, or an id; empty: what Keystone takes by default. An application credential
  // has its own.
  std::string project;
  bool project_is_id = false;
  std::string project_domain = "default";
  bool project_domain_is_id = true;
};

// A token and nothing else: it cannot be renewed.
bool IsToken(const KeystoneIdentity& identity);

// The OS_* variables, as the openstack command reads them; nullopt without OS_AUTH_URL. kInvalidInput where they
// contradict each other, are not enough, or are of a version that Keystone no longer has.
Result<std::optional<KeystoneIdentity>> KeystoneIdentityOf(const Environment& environment);

struct KeystoneEndpoint {
  std::string type;       // of the service: "workflowv2"
  std::string interface;  // "public", "internal", "admin"
  std::string region;
  std::string url;
};

struct KeystoneToken {
  std::string id;  // a secret
  // What was left of it when Keystone answered, by Keystone's own clock: ours may be another. 0: it has not said.
  std::chrono::seconds left{0};
  std::string project;  // its name; empty: the token has no project
  std::vector<KeystoneEndpoint> catalog;

  // The first that fits; an empty region fits each. kNotFound, naming those that there are.
  Result<std::string> EndpointOf(std::span<const std::string_view> types,
                                 std::string_view interface, std::string_view region) const;
};

// Asks for a token (https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management). An identity that
// is a token of the project that it asks for, or asks for none, is that token: what comes of an application credential or a
// trust Keystone does not exchange. kDenied when Keystone does not know the credentials; else as HttpClient::Send. No error
// has a secret.
Result<KeystoneToken> Authenticate(HttpClient& client, const KeystoneIdentity& identity,
                                   SteadyTime deadline, const Cancellation* cancellation);

}  // namespace holdfast::net
