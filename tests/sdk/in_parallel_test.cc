#include "plugins/sdk/in_parallel.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

TEST(InParallel, CallsEachIndexOnceAndReturnsWhenAllAreDone) {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 10'000U}) {
    std::vector<int> calls(count, 0);
    InParallel(count, [&calls](std::size_t index) { ++calls.at(index); });
    EXPECT_EQ(calls, std::vector<int>(count, 1));
  }
}

}  // namespace
}  // namespace holdfast
