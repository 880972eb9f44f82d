#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

namespace holdfast::testing {

/// How many cases a property is tried on: HOLDFAST_PROPERTY_CASES of them (.ci/run: 100, the soak: 5000), or `usual` without it. Of
/// one whose case is worth `worth` of those of others, that part of them, and not fewer than `least`.
inline int PropertyCases(int usual, int worth = 1, int least = 1) {
  const char* const cases = std::getenv("HOLDFAST_PROPERTY_CASES");
  return cases == nullptr ? usual : std::max(least, std::atoi(cases) / worth);
}

/// Has RapidCheck try that many, if RC_PARAMS does not say otherwise: before main, since it reads its configuration once.
inline bool TryPropertiesOn(int cases) {
  return setenv("RC_PARAMS", ("max_success=" + std::to_string(cases)).c_str(), 0) == 0;
}

}  // namespace holdfast::testing
