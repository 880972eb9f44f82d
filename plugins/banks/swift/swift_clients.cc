#include "plugins/banks/swift/swift_clients.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "plugins/banks/object_store/sending_client.h"
#include "plugins/net/keystone_session.h"
#include "plugins/net/swift_v1_auth.h"
#include "plugins/net/token_http_client.h"
#include "plugins/net/token_session.h"

namespace holdfast::banks::swift {

namespace {

// All that a token client is made of.
struct TokenClient {
  std::shared_ptr<net::HttpClient> sending;
  std::unique_ptr<net::TokenSession> session;
  std::unique_ptr<net::TokenHttpClient> client;
};

Result<net::KeystoneIdentity> IdentityOf(const Settings& settings) {
  net::KeystoneIdentity identity;
  identity.auth_url = AuthUrlOf(settings);
  identity.user = settings.user;
  identity.user_domain = settings.user_domain;
  identity.project = settings.project;
  identity.project_domain = settings.project_domain;
  identity.application_credential_id = settings.application_credential_id;
  HOLDFAST_ASSIGN_OR_RETURN(identity.password, settings.password.ReadIfGiven());
  HOLDFAST_ASSIGN_OR_RETURN(identity.application_credential_secret,
                            settings.application_credential_secret.ReadIfGiven());
  HOLDFAST_ASSIGN_OR_RETURN(identity.token, settings.token.ReadIfGiven());
  return identity;
}

Result<net::SwiftAuth> AuthOf(net::HttpClient& client, const Settings& settings,
                              SteadyTime deadline) {
  if (settings.auth_version == "3") return net::SwiftAuth::kKeystone;
  if (!settings.auth_version.empty()) return net::SwiftAuth::kV1;
  return net::FindSwiftAuth(client, AuthUrlOf(settings), deadline, nullptr);
}

Result<net::AskForToken> TokensOf(net::HttpClient& client, const Settings& settings,
                                  SteadyTime deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const net::SwiftAuth auth, AuthOf(client, settings, deadline));
  if (auth == net::SwiftAuth::kKeystone) {
    HOLDFAST_ASSIGN_OR_RETURN(net::KeystoneIdentity identity, IdentityOf(settings));
    return net::KeystoneTokens(client, std::move(identity), "project");
  }
  HOLDFAST_ASSIGN_OR_RETURN(std::string key, settings.password.ReadIfGiven());
  return net::SwiftV1Tokens(client, {AuthUrlOf(settings), settings.user, std::move(key)});
}

}  // namespace

const std::string& AuthUrlOf(const Settings& settings) {
  return settings.auth_url.empty() ? settings.karbors_auth_url : settings.auth_url;
}

Status CheckSettings(const Settings& settings) {
  if (AuthUrlOf(settings).empty()) return InvalidInput("'auth_url' is missing");
  const bool application = !settings.application_credential_id.empty();
  const int ways =
      (settings.user.empty() ? 0 : 1) + (application ? 1 : 0) + (settings.token.given() ? 1 : 0);
  if (ways != 1)
    return InvalidInput("one of 'user', 'application_credential_id' and 'token' says who we are");
  if (!settings.user.empty() && !settings.password.given())
    return InvalidInput("'password' is missing, of " + settings.user)
        .Hint("password_file = PATH, or password_env = NAME");
  if (application && !settings.application_credential_secret.given())
    return InvalidInput("'application_credential_secret' is missing")
        .Hint("application_credential_secret_file = PATH");
  return Ok();
}

Result<Account> OpenAccount(const Settings& settings, const BankParts& parts, const Clock& clock,
                            SteadyTime deadline) {
  auto all = std::make_shared<TokenClient>();
  HOLDFAST_ASSIGN_OR_RETURN(all->sending, MakeSendingClient(settings, parts, clock));
  HOLDFAST_ASSIGN_OR_RETURN(auto ask, TokensOf(*all->sending, settings, deadline));
  all->session = std::make_unique<net::TokenSession>(std::move(ask), clock);
  all->client = std::make_unique<net::TokenHttpClient>(*all->sending, *all->session,
                                                       WaitUnless(parts.cancellation));
  HOLDFAST_ASSIGN_OR_RETURN(const auto token, all->session->Current(deadline, nullptr));
  constexpr std::array<std::string_view, 1> kTypes{"object-store"};
  Account account;
  HOLDFAST_ASSIGN_OR_RETURN(account.storage_url,
                            token->token.EndpointOf(kTypes, settings.interface, settings.region));
  while (account.storage_url.ends_with('/')) account.storage_url.pop_back();
  net::HttpClient* const client = all->client.get();
  account.client = std::shared_ptr<net::HttpClient>(std::move(all), client);
  return account;
}

}  // namespace holdfast::banks::swift
