// What the module engine_mistral.so shows to the program that opens it (runtime/modules/engine_module.h).

#include "plugins/engines/mistral/rest_api.h"
#include "plugins/net/cpprest_client.h"

namespace mistral = holdfast::engines::mistral;

extern "C" __attribute__((visibility("default"))) const char* holdfast_module_build_id() {
  return HOLDFAST_BUILD_ID;
}

extern "C" __attribute__((visibility("default"))) void holdfast_mistral_open(
    const mistral::ApiParts& parts, holdfast::Result<std::unique_ptr<mistral::Api>>& api) {
  auto access = mistral::AccessOf(&holdfast::net::ProcessEnvironment);
  if (!access) {
    api = std::move(access).error();
    return;
  }
  api = mistral::MakeRestApi(std::move(*access), parts, &holdfast::net::MakeCpprestClient,
                             holdfast::net::RealWait());
}
