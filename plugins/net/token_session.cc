#include "plugins/net/token_session.h"

#include <algorithm>
#include <utility>

namespace holdfast::net {

namespace {

using std::chrono::milliseconds;

// A request may wait that long for its turn.
constexpr milliseconds kBeforeItExpires{60'000};
constexpr int kPartOfAShortOne = 4;
constexpr milliseconds kLookEvery{100};

bool IsSet(const Cancellation* cancellation) {
  return cancellation != nullptr && cancellation->is_set();
}

}  // namespace

TokenSession::TokenSession(AskForToken ask, const Clock& clock)
    : ask_(std::move(ask)), clock_(clock) {}

bool TokenSession::IsGood() const { return token_ != nullptr && clock_.Steady() < over_; }
bool TokenSession::IsDue() const { return clock_.Steady() >= due_; }

Result<TokenSession::Pointer> TokenSession::Current(SteadyTime deadline,
                                                    const Cancellation* cancellation) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (IsGood() && (!IsDue() || asking_)) return token_;
    if (!asking_) return Ask(lock, deadline, cancellation);
    HOLDFAST_RETURN_IF_ERROR(WaitForOther(lock, deadline, cancellation));
  }
}

Status TokenSession::WaitForOther(std::unique_lock<std::mutex>& lock, SteadyTime deadline,
                                  const Cancellation* cancellation) {
  const std::uint64_t before = asked_;
  while (asked_ == before) {
    if (IsSet(cancellation)) return Unavailable("waiting for a token: cancelled");
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= deadline) return Unavailable("there was no token before the deadline");
    changed_.wait_until(lock,
                        cancellation == nullptr ? deadline : std::min(deadline, now + kLookEvery));
  }
  if (failure_ && !IsGood()) return *failure_;
  return Ok();
}

Result<TokenSession::Pointer> TokenSession::Ask(std::unique_lock<std::mutex>& lock,
                                                SteadyTime deadline,
                                                const Cancellation* cancellation) {
  asking_ = true;
  lock.unlock();
  auto answer = ask_(deadline, cancellation);
  lock.lock();
  asking_ = false;
  ++asked_;
  failure_.reset();
  changed_.notify_all();
  if (answer) {
    const SteadyTime now = clock_.Steady();
    due_ = over_ = SteadyTime::max();
    if (answer->left) {
      const milliseconds left = *answer->left;
      over_ = now + left;
      due_ = over_ - std::min(kBeforeItExpires, left / kPartOfAShortOne);
    }
    token_ = std::make_shared<const SessionToken>(std::move(*answer));
    return token_;
  }
  const bool unavailable = answer.error().code() == ErrorCode::kUnavailable;
  if (!unavailable || (!IsSet(cancellation) && std::chrono::steady_clock::now() < deadline))
    failure_ = answer.error();
  if (unavailable && IsGood()) return token_;
  return std::move(answer).error();
}

void TokenSession::Refuse(const Pointer& token) {
  const std::lock_guard lock(mutex_);
  if (token_ == token) token_.reset();
}

}  // namespace holdfast::net
