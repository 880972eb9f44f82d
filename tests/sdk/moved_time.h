#pragma once

#include <atomic>
#include <compare>

namespace holdfast::testing {

// A time that one thread of a test moves while others ask for it.
template <typename Time>
class MovedTime {
 public:
  using duration = typename Time::duration;

  MovedTime() = default;
  MovedTime(Time time) : time_(time) {}  // NOLINT(google-explicit-constructor): it is one
  MovedTime& operator=(const MovedTime& other) { return *this = Time(other); }
  MovedTime& operator=(Time time) {
    time_ = time;
    return *this;
  }

  operator Time() const { return time_; }  // NOLINT(google-explicit-constructor): it is one
  MovedTime& operator+=(duration by) { return *this = *this + by; }
  MovedTime& operator-=(duration by) { return *this = *this - by; }
  [[nodiscard]] duration time_since_epoch() const { return Time(*this).time_since_epoch(); }

  friend Time operator+(const MovedTime& time, duration by) { return Time(time) + by; }
  friend Time operator-(const MovedTime& time, duration by) { return Time(time) - by; }
  friend bool operator==(const MovedTime& one, const Time& other) { return Time(one) == other; }
  friend auto operator<=>(const MovedTime& one, const Time& other) { return Time(one) <=> other; }

 private:
  std::atomic<Time> time_{Time{}};
};

}  // namespace holdfast::testing
