#pragma once

namespace holdfast {

// Prints the failed condition and ends the process with exit code 1: for bugs of ours only, never
// for input. Never returns.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace holdfast

#define HOLDFAST_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::holdfast::CheckFailed(#condition, __FILE__, __LINE__))
