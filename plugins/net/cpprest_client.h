#pragma once

#include <memory>

#include "plugins/net/http_client.h"

namespace holdfast::net {

// The transport of REST calls, over cpprestsdk: certificates, proxies, HTTP/1.1. At most 4 threads of its
// pool, however many clients there are; none before the first. A request on a connection that was kept, and that the
// server has closed meanwhile, is sent once more on a new one, whatever its method. Do not fork() once there is one: exec.
// kInvalidInput for a certificate, key or proxy that is none.
Result<std::unique_ptr<HttpClient>> MakeCpprestClient(TransportOptions options);

}  // namespace holdfast::net
