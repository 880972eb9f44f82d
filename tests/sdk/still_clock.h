#pragma once

#include "plugins/sdk/clock.h"
#include "tests/sdk/moved_time.h"

namespace holdfast::testing {

// Stands still until a test moves it.
class StillClock final : public Clock {
 public:
  StillClock() = default;
  explicit StillClock(WallTime at) : wall(at) {}
  WallTime Now() const override { return wall; }
  SteadyTime Steady() const override { return steady; }
  MovedTime<WallTime> wall{};
  MovedTime<SteadyTime> steady{};
};

}  // namespace holdfast::testing
