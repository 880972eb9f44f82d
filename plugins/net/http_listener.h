#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plugins/net/http_client.h"
#include "plugins/net/listen_address.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"

namespace holdfast::net {

// A request before its body. What a client sends is as it wrote it: nothing of it is decoded.
struct HttpHead {
  std::string method;   // "GET"
  std::string target;   // "/v1/steps?x=y"
  HttpHeaders headers;  // one that is given twice has both values, with ", " between them
  std::string peer;     // the client's address, for logs
};

// An answer with a JSON text, or without a body. Content-Type, Content-Length and Connection are the listener's.
struct HttpReply {
  int status = 200;
  std::string body;
  HttpHeaders headers;
};
// {"error": "..."}; bytes of the text that are no UTF-8 are shown, not sent.
HttpReply ErrorReply(int status, std::string_view why);

// What answers. Called on the threads of the listener, on several at once; neither may block for long.
class HttpService {
 public:
  virtual ~HttpService() = default;
  // A request that is answered without its body, which is then never read: who sends it, where to, how often.
  virtual std::optional<HttpReply> Refuse(const HttpHead& head) = 0;
  virtual HttpReply Answer(const HttpHead& head, std::string body) = 0;
  // The listener's own answer to what it cannot read, in the form of this service. Who has sent it is not known: not all
  // headers may have been read, or none.
  virtual HttpReply Shape(HttpReply reply) { return reply; }
};

struct ListenerLimits {
  std::uint64_t most_body = std::uint64_t{1} << 20U;    // bytes
  std::uint64_t short_body = std::uint64_t{64} << 10U;  // bytes; see below
  unsigned most_long_bodies = 2;                        // at once
  std::uint32_t most_head = std::uint32_t{16} << 10U;   // bytes of the request line and the headers
  std::chrono::milliseconds head_deadline{5'000};       // from the connection to the whole head
  std::chrono::milliseconds request_deadline{30'000};   // from there to the whole request
  std::chrono::milliseconds reply_deadline{30'000};     // for the client to take the answer
  std::chrono::milliseconds longest_farewell{1'000};    // see below
  std::uint64_t most_farewell = std::uint64_t{4} << 20U;  // bytes
  std::chrono::milliseconds longest_end{2'000};           // what Stop waits for requests at work
  unsigned most_connections = 64;
};

struct ListenerOptions {
  ListenAddress address;
  // PEM texts; both, or neither: then it speaks plain HTTP. TLS is 1.2 at least.
  std::string certificate_pem;  // with what it is signed by, if need be
  std::string key_pem;          // never shown
  ListenerLimits limits;
  unsigned threads = 4;
};

// An HTTP/1.1 server for a few requests of a few clients, which bears every other: what a client can make it hold is
// bounded by the limits, whatever it sends.
//
//   - One request a connection: the answer says "Connection: close". So nothing is idle, and no byte behind a request is
//     taken for another one.
//   - A body that is declared beyond `most_body` is refused (413) at once, one without a length where it comes to the
//     limit; a head beyond `most_head` is refused with 431, what is no HTTP with 400, so is a request of HTTP/1.1 without a
//     Host, or one with two of them; a Transfer-Encoding other than chunked with 501. A connection that has not sent its
//     head or its request by the deadline is closed.
//   - Of bodies of more than `short_body`, and of those without a length, `most_long_bodies` are read at once, of whatever
//     connections; one more is refused with 503. So all clients together make it hold little more than
//     most_connections * short_body + most_long_bodies * 3 * most_body: what has no length grows as it comes.
//   - A connection beyond `most_connections` takes the place of the oldest one that has not sent its head, or has its
//     answer, which is closed; where all are worked on, the new one is.
//   - Of a client that is refused while it sends, what it goes on to send is thrown away for `longest_farewell`, and up to
//     `most_farewell`, so that it can read why; then it sees a reset.
//
// Source: RFC 9110, RFC 9112. Thread-safe.
class HttpListener {
 public:
  // `service` and `log` are not owned, and outlive it. kInvalidInput for a certificate or key that is none, and for
  // two that do not belong together; kConflict when the address is in use; kDenied for a port that is not ours.
  static Result<std::unique_ptr<HttpListener>> Start(ListenerOptions options, HttpService& service,
                                                     Logger& log);
  virtual ~HttpListener() = default;
  // With the port that was chosen.
  virtual const ListenAddress& address() const = 0;
  // Takes no more connections, waits for the requests at work, and ends: then the address is free. Again: nothing. The
  // destructor does the same.
  virtual void Stop() = 0;
};

}  // namespace holdfast::net
