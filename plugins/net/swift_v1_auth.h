#pragma once

#include <string>

#include "plugins/net/http_client.h"
#include "plugins/net/token_session.h"

namespace holdfast::net {

// Who somebody is to Swift's own auth (v1; tempauth and its like).
struct SwiftV1Identity {
  std::string auth_url;  // "http://host:8080/auth/v1.0"
  std::string user;      // "account:user"
  std::string key;       // a secret
};

// Asks it for the tokens of a session (https://docs.openstack.org/swift/latest/overview_auth.html#tempauth). kDenied when it
// does not know the user and the key; else as HttpClient::Send. No error has a secret. `client` is not owned and outlives
// what comes back.
AskForToken SwiftV1Tokens(HttpClient& client, SwiftV1Identity identity);

// Who gives out tokens at a URL that somebody named for Swift.
enum class SwiftAuth { kV1, kKeystone };

// By its path: /auth/v1.0 (/auth/v1, /auth/1.0) is v1; else the URL is asked for the document of version 3 of Keystone's API.
// kInvalidInput where it has none, and for version 2; else as HttpClient::Send.
Result<SwiftAuth> FindSwiftAuth(HttpClient& client, const std::string& auth_url,
                                SteadyTime deadline, const Cancellation* cancellation);

}  // namespace holdfast::net
