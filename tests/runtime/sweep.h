#pragma once

#include <cstdint>
#include <random>

#include "tests/sdk/property_cases.h"

namespace holdfast::testing_runtime {

/// Which of the moments 1, 2, 3... a test that takes long for each of them tries: first(), first() + stride(), and so on. All of them
/// with HOLDFAST_PROPERTY_CASES of at least 1000 (the soak), else one of four, other ones each time.
class Sweep {
 public:
  std::uint64_t first() const { return first_; }
  std::uint64_t stride() const { return stride_; }

 private:
  std::uint64_t stride_ = testing::PropertyCases(0) >= 1000 ? 1 : 4;
  std::uint64_t first_ = 1 + std::random_device{}() % stride_;
};

}  // namespace holdfast::testing_runtime
