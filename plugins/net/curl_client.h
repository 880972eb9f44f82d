#pragma once

#include <memory>

#include "plugins/net/http_client.h"

namespace holdfast::net {

// The transport of bulk data, over libcurl: certificates, proxies, HTTP/1.1. No thread of its own but the one that
// looks up a name; whatever is read from a source or written to a sink is so on the caller's thread, and 256 KiB at a time.
//
//   - Several threads may send at once, each over a connection of its own. Connections are kept for the next request
//     (16 idle ones at most); names and TLS sessions are remembered for all.
//   - A request on a connection that was kept, and that the server has closed meanwhile, is sent once more on a new one,
//     whatever its method, where nothing was answered and its body can begin anew.
//   - A cancellation is seen within 100 ms, a deadline at once, but for the time that a source or a sink takes.
//   - A connection that is not made after 30 s is kUnavailable.
//   - Headers of an answer are taken up to 256 KiB: kInvalidInput beyond.
//
// kInvalidInput for a certificate, key or proxy that is none.
Result<std::unique_ptr<HttpClient>> MakeCurlClient(TransportOptions options);

}  // namespace holdfast::net
