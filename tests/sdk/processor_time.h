#pragma once

#include <ctime>

namespace holdfast::testing {

/// What all threads of this process have taken of the processors so far, in seconds: other processes beside it change it least.
inline double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

}  // namespace holdfast::testing
