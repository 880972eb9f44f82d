#pragma once

#include <optional>
#include <string>

#include "plugins/net/http_client.h"
#include "plugins/net/keystone.h"
#include "plugins/net/url.h"
#include "plugins/sdk/result.h"

namespace holdfast::engines::mistral {

// Where Mistral is, and who we are there.
struct Access {
  std::string url;                                // with its /v2; empty: Keystone's catalog has it
  std::optional<net::KeystoneIdentity> keystone;  // nullopt: the server asks nobody who they are
  std::string interface = "public";
  std::string region;  // empty: any
  net::TransportOptions transport;
};

// As python-mistralclient and the openstack command read it: OS_MISTRAL_URL, OS_AUTH_URL and its like (KeystoneIdentityOf),
// OS_INTERFACE, OS_REGION_NAME, OS_CACERT, OS_INSECURE. kInvalidInput, saying what to set, without any.
Result<Access> AccessOf(const net::Environment& environment);

}  // namespace holdfast::engines::mistral
