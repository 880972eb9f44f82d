#pragma once

#include <algorithm>
#include <chrono>

namespace holdfast::agent {

// The row of an action may come later to the database that Mistral's API reads than a short step ends, and whoever gave the
// agent credentials of another project notices that within a day.
inline constexpr std::chrono::hours kLongestUnknown{24};

// How long to wait after so many failures: `first` after one, twice as long after each more, up to `longest`.
inline std::chrono::milliseconds WaitAfter(int failures, std::chrono::milliseconds first,
                                           std::chrono::milliseconds longest) {
  constexpr int kMostDoublings = 16;
  return std::min(first * (1 << std::clamp(failures - 1, 0, kMostDoublings)), longest);
}

}  // namespace holdfast::agent
