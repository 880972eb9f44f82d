#pragma once

#include <atomic>
#include <compare>
#include <ostream>

#include <gtest/gtest.h>

namespace holdfast::testing {

// A time that a test moves while other threads ask for it.
template <typename Time>
class MovedTime {
 public:
  using duration = typename Time::duration;

  MovedTime() = default;
  MovedTime(Time time) : time_(time) {}  // NOLINT(google-explicit-constructor): it is one
  MovedTime(const MovedTime& other) : MovedTime(Time(other)) {}
  MovedTime& operator=(const MovedTime& other) { return *this = Time(other); }
  MovedTime& operator=(Time time) {
    time_ = time;
    return *this;
  }
  ~MovedTime() = default;

  operator Time() const { return time_; }  // NOLINT(google-explicit-constructor): it is one
  MovedTime& operator+=(duration by) { return *this = *this + by; }
  MovedTime& operator-=(duration by) { return *this = *this - by; }
  [[nodiscard]] duration time_since_epoch() const { return Time(*this).time_since_epoch(); }

  friend Time operator+(const MovedTime& time, duration by) { return Time(time) + by; }
  friend Time operator-(const MovedTime& time, duration by) { return Time(time) - by; }
  friend bool operator==(const MovedTime& one, const Time& other) { return Time(one) == other; }
  friend auto operator<=>(const MovedTime& one, const Time& other) { return Time(one) <=> other; }
  friend void PrintTo(const MovedTime& time, std::ostream* out) {
    *out << ::testing::PrintToString(Time(time));
  }

 private:
  std::atomic<Time> time_{Time{}};
};

}  // namespace holdfast::testing
