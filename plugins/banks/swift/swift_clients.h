#pragma once

#include <memory>
#include <string>

#include "plugins/banks/object_store/transfer_settings.h"
#include "plugins/net/http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"

namespace holdfast::banks::swift {

// The settings of the bank, as a provider file has them.
struct Settings : TransferSettings {
  std::string auth_url;
  std::string karbors_auth_url;
  std::string auth_version;
  std::string user;
  SecretReference password;
  std::string project;
  std::string user_domain = "default";
  std::string project_domain = "default";
  std::string application_credential_id;
  SecretReference application_credential_secret;
  SecretReference token;
  std::string region;
  std::string interface = "public";
  std::string container;
  std::string storage_policy;

  template <class Fields>
  static void Describe(Fields& fields) {
    fields("auth_url", &Settings::auth_url,
           "where tokens come from: Keystone, or Swift's own auth (a URL that ends in /auth/v1.0)")
        .Alias("swift_auth_url");
    fields("bank_swift_auth_url", &Settings::karbors_auth_url,
           "the same, in a file for Karbor: then the container is called karbor");
    fields("auth_version", &Settings::auth_version,
           "1: Swift's own auth, 3: Keystone; empty: what auth_url says, else what answers there")
        .OneOf({"1", "1.0", "3"})
        .Alias("bank_swift_auth_version")
        .Alias("swift_auth_version");
    fields("user", &Settings::user, "user name; of Swift's own auth ACCOUNT:USER")
        .Alias("bank_swift_user")
        .Alias("swift_user");
    fields("password", &Settings::password, "the user's password; of Swift's own auth the key")
        .Alias("key")
        .Alias("bank_swift_key")
        .Alias("swift_key");
    fields("project", &Settings::project,
           "project name; empty: the user's default, else the only one that the user has")
        .Alias("tenant_name")
        .Alias("bank_swift_tenant_name")
        .Alias("swift_tenant_name");
    fields("user_domain", &Settings::user_domain, "id of the domain of the user");
    fields("project_domain", &Settings::project_domain, "id of the domain of the project");
    fields("application_credential_id", &Settings::application_credential_id,
           "in the place of user and password");
    fields("application_credential_secret", &Settings::application_credential_secret,
           "the secret of the application credential");
    fields("token", &Settings::token,
           "a token of Keystone, in the place of user and password; nobody renews it");
    fields("region", &Settings::region, "region in Keystone's catalog; empty: any");
    fields("interface", &Settings::interface, "interface in Keystone's catalog")
        .OneOf({"public", "internal", "admin"});
    fields("container", &Settings::container,
           "the container of the bank, which the first run makes; holdfast unless named")
        .Alias("bank_swift_object_container");
    fields("storage_policy", &Settings::storage_policy,
           "of a container that is made; empty: the cluster's default");
    DescribeTransfer<Settings>(fields, "bank_swift_");
  }
};

// The URL that counts of the two.
const std::string& AuthUrlOf(const Settings& settings);

// Finds fault with what no schema says.
Status CheckSettings(const Settings& settings);

// A client that sends with the account's token, and where the account is.
struct Account {
  std::shared_ptr<net::HttpClient> client;
  std::string storage_url;
};

// Reads the secrets, and asks for a token. kDenied where nobody knows them; else as net::HttpClient.
Result<Account> OpenAccount(const Settings& settings, const BankParts& parts, const Clock& clock,
                            SteadyTime deadline);

}  // namespace holdfast::banks::swift
