#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "plugins/net/http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"

namespace holdfast::net {

struct RetryPolicy {
  unsigned most_tries = 6;
  std::chrono::milliseconds first_wait{250};  // doubled each time, with jitter
  std::chrono::milliseconds longest_wait{15'000};
  // One try of what no sink takes, no source gives, and for which the request itself names no longest silence: a server
  // that stalls must not use up the time of the next try.
  std::chrono::milliseconds longest_try{25'000};
  // No try begins later than this after the first one began: a deadline that leaves time for many bytes is none for a server
  // that is gone.
  std::chrono::milliseconds window = std::chrono::hours(24);
  // A server that says "later than this" is not waited for.
  std::chrono::milliseconds longest_retry_after{120'000};
};

// Waits, or returns early (false) when `cancellation` is set. Comes in from outside, so that tests need
// not wait.
using Wait = std::function<bool(std::chrono::milliseconds, const Cancellation* cancellation)>;
Wait RealWait();

// The one place where requests are sent again: what another client could not send (kUnavailable), 429,
// and 500, 502, 503, 504, and what a request names besides. Only what may be repeated; 429 says that nothing was carried out, so after that every
// request is. Retry-After is kept, and the wait that there would be without it comes on top: jitter. No try begins, and
// no wait ends, after the deadline: the last outcome is returned then. What a sink has taken a part of is not sent again, nor what was read from a source that cannot begin anew; where it
// fails to, that is what Send returns. Thread-safe.
class RetryingHttpClient final : public HttpClient {
 public:
  // `inner`, `clock` and `log` (may be nullptr) are not owned and outlive this; they and `wait` are thread-safe where this
  // is used by several threads.
  RetryingHttpClient(HttpClient& inner, const Clock& clock, Wait wait, RetryPolicy policy,
                     Logger* log);
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override;

 private:
  std::chrono::milliseconds WaitBefore(unsigned next_try);

  HttpClient& inner_;
  const Clock& clock_;
  Wait wait_;
  RetryPolicy policy_;
  Logger* log_;
  std::mutex mutex_;
  std::minstd_rand random_;  // guarded by mutex_
};

// The wait that a response asks for: seconds, or an HTTP date; nullopt: none, or none that is one.
std::optional<std::chrono::milliseconds> RetryAfter(const HttpHeaders& headers, WallTime now);

}  // namespace holdfast::net
