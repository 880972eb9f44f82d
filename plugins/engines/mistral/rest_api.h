#pragma once

#include <functional>
#include <memory>

#include "plugins/engines/mistral/access.h"
#include "plugins/engines/mistral/api.h"
#include "plugins/net/http_client.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/sdk/result.h"

namespace holdfast::engines::mistral {

// Makes a transport; the real one is MakeCpprestClient.
using MakeTransport =
    std::function<Result<std::unique_ptr<net::HttpClient>>(net::TransportOptions options)>;

// Nothing is sent yet; a token is asked for with the first call, and anew before it expires or when it is refused.
Result<std::unique_ptr<Api>> MakeRestApi(Access access, const ApiParts& parts,
                                         const MakeTransport& make_transport,
                                         const net::Wait& wait);

}  // namespace holdfast::engines::mistral
