#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "plugins/sdk/result.h"

namespace holdfast {

// How far an activity is; what a yield says.
struct Progress {
  Progress() = default;
  // A constructor, not an aggregate: g++ 12 copies an aggregate temporary in a co_yield byte for
  // byte, and its string is then freed wrongly.
  Progress(std::uint64_t done_so_far, std::uint64_t all, std::string doing)
      : done(done_so_far), total(all), what(std::move(doing)) {}

  std::uint64_t done = 0;   // bytes or items
  std::uint64_t total = 0;  // 0 = not known
  std::string what;         // "copying", "waiting for the snapshot"
};

// The coroutine of one activity: a plugin's method returns it.
//   - `co_return status` ends it: Ok() or an Error.
//   - `co_yield Progress{...}` means "poll me again later": the runtime waits (poll_interval,
//     growing to poll_interval_max) and resumes it, unless its deadline has passed: then it is
//     destroyed at the yield, so that destructors release what the process holds.
// What must survive a crash between two polls is journaled before (Checkpoint::Journal).
// Arguments are references that outlive the coroutine. One thread at a time. An exception that
// leaves the body becomes a kInternal error.
class [[nodiscard]] Activity {
 public:
  struct promise_type {
    Activity get_return_object() {
      return Activity(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(Progress value) {
      progress = std::move(value);
      return {};
    }
    void return_value(Status status) { outcome.emplace(std::move(status)); }
    void unhandled_exception() noexcept;

    Progress progress;
    std::optional<Status> outcome;
  };

  Activity(Activity&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Activity& operator=(Activity&& other) noexcept {
    if (this != &other) {
      Destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Activity() { Destroy(); }

  // Runs to the next yield or to the end; true when it has ended. Not to be called after that.
  bool Resume();
  // What the last yield said.
  const Progress& progress() const { return handle_.promise().progress; }
  // The outcome, once Resume has returned true.
  Status TakeOutcome();

 private:
  explicit Activity(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  void Destroy() {
    if (handle_) handle_.destroy();
    handle_ = nullptr;
  }
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace holdfast
