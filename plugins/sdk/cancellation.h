#pragma once

#include <atomic>

namespace holdfast {

// Set once (by SIGTERM, Ctrl-C or a deadline), read by whoever works. Set() is safe in a signal
// handler; all members are thread-safe.
class Cancellation {
 public:
  void Set() noexcept { set_.store(true, std::memory_order_relaxed); }
  bool is_set() const noexcept { return set_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> set_{false};
};

}  // namespace holdfast
