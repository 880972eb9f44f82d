#include "plugins/engines/argo/kubeconfig.h"

#include "plugins/engines/argo/credentials.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::engines;

// A kubeconfig, or what an exec plugin wrote.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  const auto credential = argo::ParseExecCredential(text, "client.authentication.k8s.io/v1");
  if (credential) {
    for (const char c : credential->token)
      fuzz::Require(c > ' ' && c < '\x7f', "a token fits into a header");
  } else {
    (void)credential.error().Render();
  }
  const auto file = argo::ParseKubeconfig(text, "fuzz/config");
  if (!file) {
    (void)file.error().Render();
    return 0;
  }
  for (const auto& [name, value] : file->contexts) {
    const auto access = argo::SelectContext({*file}, name);
    if (!access) (void)access.error().Render();
    if (access) fuzz::Require(net::ParseUrl(access->server).has_value(), "the server is a URL");
  }
  return 0;
}
