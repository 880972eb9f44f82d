#pragma once

#include <string>
#include <vector>

#include "runtime/store/listing.h"

namespace holdfast::cli {

// The chain of steps, each of which comes after the one before it, whose times add up to the most:
// what the run of this record waited for, as "parallel of data (5.1 s)" each. Only steps that ran are
// named. Empty when nothing ran.
std::vector<std::string> CriticalPath(const runtime::RecordReport& report);

}  // namespace holdfast::cli
