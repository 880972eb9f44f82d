#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::net {

// Header names do not tell upper from lower case.
struct IgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using HttpHeaders = std::map<std::string, std::string, IgnoringCase>;
// The value of a header; empty where there is none. Good as long as the headers are.
std::string_view HeaderOf(const HttpHeaders& headers, std::string_view name);

// "Fri, 27 Nov 2026 02:30:00 GMT" (RFC 9110, IMF-fixdate); one that a WallTime cannot hold becomes the nearest that it
// can. nullopt for everything else.
std::optional<WallTime> ParseHttpDate(std::string_view text);

enum class HttpMethod { kGet, kHead, kPost, kPut, kPatch, kDelete };
std::string_view NameOf(HttpMethod method);

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;  // http or https, percent-encoded, without user and password
  HttpHeaders headers;
  // Borrowed, and whole in memory: so every request can be sent again.
  std::string_view body;
  // SHA-256 of `body` in lower-case hex digits, for who signs it; empty: not made yet.
  std::string body_sha256;
  // In the place of `body`, for what is not whole in memory: read on the caller's thread as it is sent. Not owned. It has
  // `source_size` bytes, or Send returns kInvalidInput, and the server has not got a whole body; a failure of it is
  // what Send returns. What a server answers before it has taken all leaves the rest unread. Nothing interrupts its Read.
  ByteSource* source = nullptr;
  std::uint64_t source_size = 0;
  // Makes `source` begin anew. Where this is empty, a request of which anything was read is not sent again by anybody.
  std::function<Status()> rewind;
  // May it be sent again although the first one may have been carried out? nullopt: what the method
  // says (GET, HEAD, PUT and DELETE may).
  std::optional<bool> repeatable;
  // Of this request another status, too, says no more than "not now": it is sent again after it as after 503. 0: there is none.
  int passing_status = 0;
  // Of the response's body, where no sink takes it: kInvalidInput beyond.
  std::uint64_t most_body = std::uint64_t{64} << 20U;
  // Not owned. Takes the body of a 2xx response piece by piece as it comes, on the caller's thread; its
  // failure ends the transfer and is what Send returns. Bodies of other responses are collected.
  ByteSink* sink = nullptr;
  // kUnavailable once nothing has come for this long, nor been taken of a body that a transport for bulk data sends (to which
  // what trickles, less than 16 KiB of a body, is nothing); zero: only the deadline counts.
  std::chrono::milliseconds longest_silence{0};
  const Cancellation* cancellation = nullptr;  // Not owned. Set: Send returns kUnavailable soon.
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;  // empty where a sink took it, and of what answers HEAD

  bool ok() const { return status >= 200 && status < 300; }
};

// Sends requests. Every whole response is a value, whatever its status; an error means that there is
// none: kUnavailable when the same call may succeed later (no connection, a reset, a body that ended
// early, the deadline), kDenied when the other side's certificate or ours was refused, kInvalidInput for a
// URL that is none and a body that is too large. An answer that comes before the server has taken the whole body of the
// request is one unless it says success: then that is kUnavailable. Errors name the server, never a header or a query.
// Redirects are not followed. Thread-safe, but Send blocks.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // `deadline` bounds everything: connecting, the request, the whole body.
  virtual Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) = 0;
};

// How to reach servers. Certificates and keys are PEM texts; what is empty is not used.
struct TransportOptions {
  std::string ca_pem;  // trusted instead of the system's
  std::string client_certificate_pem;
  std::string client_key_pem;  // never shown
  bool skip_verify = false;
  std::string server_name;  // that the certificate is for, and SNI; empty: the URL's host
  // http://[USER:PASSWORD@]HOST:PORT for all requests; empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or in
  // lower case) decide.
  std::string proxy_url;
};

}  // namespace holdfast::net
