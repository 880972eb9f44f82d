#include "plugins/engines/mistral/access.h"

#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::mistral {

namespace {

Result<bool> Truth(const net::Environment& environment, const char* name) {
  const std::string text = Lowered(environment(name).value_or(""));
  for (const char* const word : {"1", "true", "yes", "on"}) {
    if (text == word) return true;
  }
  for (const char* const word : {"", "0", "false", "no", "off"}) {
    if (text == word) return false;
  }
  return InvalidInput(std::string(name) + " is true or false, not '" + Printable(text) + "'");
}

}  // namespace

Result<Access> AccessOf(const net::Environment& environment) {
  const auto text = [&environment](const char* name) { return environment(name).value_or(""); };
  Access out;
  out.url = text("OS_MISTRAL_URL");
  HOLDFAST_ASSIGN_OR_RETURN(out.keystone, net::KeystoneIdentityOf(environment));
  if (out.url.empty() && !out.keystone) {
    return InvalidInput("nothing says where Mistral is")
        .Hint(
            "source the openrc file of your cloud (OS_AUTH_URL and its like); of a Mistral without "
            "Keystone, "
            "OS_MISTRAL_URL=http://HOST:8989/v2 is enough");
  }
  if (!out.url.empty()) {
    if (const auto url = net::ParseUrl(out.url); !url)
      return Error(url.error()).While("OS_MISTRAL_URL");
    while (out.url.ends_with('/')) out.url.pop_back();
    if (!out.url.ends_with("/v2")) out.url += "/v2";
  }
  if (std::string interface = text("OS_INTERFACE"); !interface.empty()) {
    // Old files say publicURL.
    if (interface.ends_with("URL")) interface.resize(interface.size() - 3);
    out.interface = std::move(interface);
  }
  out.region = text("OS_REGION_NAME");
  if (const std::string file = text("OS_CACERT"); !file.empty()) {
    auto pem = ReadFile(file);
    if (!pem) return std::move(pem).error().While("OS_CACERT");
    out.transport.ca_pem = std::move(*pem);
  }
  HOLDFAST_ASSIGN_OR_RETURN(out.transport.skip_verify, Truth(environment, "OS_INSECURE"));
  return out;
}

}  // namespace holdfast::engines::mistral
