#include "plugins/sdk/context.h"

#include <algorithm>

namespace holdfast {

std::chrono::milliseconds Context::TimeLeft(std::chrono::milliseconds at_most) const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock_.Steady());
  return std::max(std::chrono::milliseconds(1), std::min(left, at_most));
}

void Context::Report(const Progress&) {}

Error CancelledError() { return Unavailable("stopped before it was done"); }

}  // namespace holdfast
