#pragma once

#include <string>

#include "plugins/net/keystone.h"
#include "plugins/net/token_session.h"

namespace holdfast::net {

// Asks Keystone for the tokens of a session. Where the identity names no project (and is no application credential, which
// has its own), the token is of the user's default project; where there is none, of the only project that the user has.
// kInvalidInput where there are several: it lists them, and says that `project_key` ("project") chooses one; kDenied
// where there is none. Else as Authenticate. How long a token lives is taken from Keystone's own clock; an identity that is a
// token is used until it is refused. `client` is not owned and outlives what comes back.
AskForToken KeystoneTokens(HttpClient& client, KeystoneIdentity identity, std::string project_key);

}  // namespace holdfast::net
