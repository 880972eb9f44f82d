#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "plugins/sdk/clock.h"

namespace holdfast::agent {

// Lets `rate` through a second, and after a rest twice as many at once. Thread-safe.
class TokenBucket {
 public:
  TokenBucket(double rate, const Clock& clock)
      : rate_(rate), clock_(clock), tokens_(2 * rate), filled_(clock.Steady()) {}

  bool Take() {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    tokens_ =
        std::min(2 * rate_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double rate_;
  const Clock& clock_;
  std::mutex mutex_;
  double tokens_;
  SteadyTime filled_;
};

}  // namespace holdfast::agent
