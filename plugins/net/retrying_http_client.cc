#include "plugins/net/retrying_http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <thread>

#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

using std::chrono::milliseconds;

bool Repeatable(const HttpRequest& request) {
  if (request.repeatable) return *request.repeatable;
  return request.method == HttpMethod::kGet || request.method == HttpMethod::kHead ||
         request.method == HttpMethod::kPut || request.method == HttpMethod::kDelete;
}

bool IsPassing(const HttpRequest& request, int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504 ||
         status == request.passing_status;
}

// Says whether anything has reached the real one.
class WatchedSink final : public ByteSink {
 public:
  explicit WatchedSink(ByteSink& sink) : sink_(sink) {}
  Status Write(std::span<const std::byte> data) override {
    touched_ = touched_ || !data.empty();
    return sink_.Write(data);
  }
  bool touched() const { return touched_; }

 private:
  ByteSink& sink_;
  bool touched_ = false;
};

// Says whether anything of the real one was read, and so is gone.
class WatchedSource final : public ByteSource {
 public:
  explicit WatchedSource(ByteSource& source) : source_(source) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    touched_ = true;
    return source_.Read(buffer);
  }
  bool touched() const { return touched_; }

 private:
  ByteSource& source_;
  bool touched_ = false;
};

}  // namespace

Wait RealWait() {
  return [](milliseconds how_long, const Cancellation* cancellation) {
    constexpr milliseconds kSlice{100};
    const auto end = std::chrono::steady_clock::now() + how_long;
    for (;;) {
      if (cancellation != nullptr && cancellation->is_set()) return false;
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= left.zero()) return true;
      std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(left, kSlice));
    }
  };
}

std::optional<milliseconds> RetryAfter(const HttpHeaders& headers, WallTime now) {
  const std::string text(Trim(HeaderOf(headers, "Retry-After")));
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty())
    return std::chrono::seconds(seconds);
  const auto date = ParseHttpDate(text);
  if (!date) return std::nullopt;
  return std::max(milliseconds::zero(), std::chrono::duration_cast<milliseconds>(*date - now));
}

RetryingHttpClient::RetryingHttpClient(HttpClient& inner, const Clock& clock, Wait wait,
                                       RetryPolicy policy, Logger* log)
    : inner_(inner),
      clock_(clock),
      wait_(std::move(wait)),
      policy_(policy),
      log_(log),
      random_(
          static_cast<std::minstd_rand::result_type>(clock.Steady().time_since_epoch().count())) {}

// Between half of it and all of it: many clients that failed at once do not come back at once.
milliseconds RetryingHttpClient::WaitBefore(unsigned next_try) {
  const milliseconds full =
      std::min(policy_.longest_wait, policy_.first_wait * (1U << std::min(next_try, 16U)));
  std::uniform_int_distribution<milliseconds::rep> any(full.count() / 2, full.count());
  const std::lock_guard lock(mutex_);
  return milliseconds(any(random_));
}

Result<HttpResponse> RetryingHttpClient::Send(const HttpRequest& request, SteadyTime deadline) {
  const SteadyTime last_begin = std::min(deadline, clock_.Steady() + policy_.window);
  for (unsigned tries = 0;; ++tries) {
    HttpRequest sent = request;
    std::optional<WatchedSink> watched;
    if (request.sink != nullptr) sent.sink = &watched.emplace(*request.sink);
    std::optional<WatchedSource> read;
    if (request.source != nullptr) sent.source = &read.emplace(*request.source);
    const bool may_be_long = watched || read || request.longest_silence.count() > 0;
    const SteadyTime until =
        may_be_long ? deadline : std::min(deadline, clock_.Steady() + policy_.longest_try);
    Result<HttpResponse> outcome = inner_.Send(sent, until);
    if (outcome && !IsPassing(request, outcome->status)) return outcome;
    if (!outcome && outcome.error().code() != ErrorCode::kUnavailable) return outcome;
    const bool not_carried_out = outcome && outcome->status == 429;
    if (tries + 1 >= policy_.most_tries || (watched && watched->touched()) ||
        (read && read->touched() && !request.rewind) ||
        (!not_carried_out && !Repeatable(request)) ||
        (request.cancellation != nullptr && request.cancellation->is_set())) {
      return outcome;
    }
    milliseconds wait = WaitBefore(tries);
    if (outcome) {
      if (const auto asked = RetryAfter(outcome->headers, clock_.Now())) {
        if (*asked > policy_.longest_retry_after) return outcome;
        // Many who were told the same time are not to come back at once.
        wait += *asked;
      }
    }
    if (clock_.Steady() + wait >= last_begin) return outcome;
    if (log_ != nullptr) {
      log_->Log(LogLevel::kInfo, fmt::format("{} {} again in {} ms: {}", NameOf(request.method),
                                             OriginOf(request.url), wait.count(),
                                             outcome ? "status " + std::to_string(outcome->status)
                                                     : outcome.error().OneLine()));
    }
    if (!wait_(wait, request.cancellation)) return outcome;
    if (read && read->touched()) HOLDFAST_RETURN_IF_ERROR(request.rewind());
  }
}

}  // namespace holdfast::net
