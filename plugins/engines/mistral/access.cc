#include "plugins/engines/mistral/access.h"

#include <fmt/format.h>

#include "plugins/sdk/file.h"
#include "plugins/sdk/ini.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::mistral {

namespace {

Result<bool> Truth(const net::Environment& environment, const char* name) {
  const std::string text = environment(name).value_or("");
  if (text.empty()) return false;
  if (const auto truth = ParseTruth(text)) return *truth;
  return InvalidInput(fmt::format("{} is true or false, not '{}'", name, Printable(text)));
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
    out.url = net::WithVersion(std::move(out.url), "/v2");
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
