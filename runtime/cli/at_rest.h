#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "plugins/sdk/clock.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

// A time in which a protected resource that quiesces was at rest.
struct AtRest {
  std::uint64_t epoch = 1;        // in which it was brought to rest
  WallTime since;                 // the start of its pre
  std::optional<WallTime> until;  // the end of what let it go on; nullopt: nothing has

  // Of one that is over.
  std::chrono::milliseconds length() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(*until - since);
  }
};

// Every such time in the record, the earliest first; only the last one may still last. Empty: it
// does not quiesce, or nothing has brought it to rest (a pre that failed has undone what it did, one
// that is half done has not). Its pre_finish lets it go on, or its post, whoever ran that: the first
// that succeeded. Where none of its epoch has, the rest goes over into that of the next epoch.
std::vector<AtRest> AtRestOf(const runtime::ResourceReport& resource);

}  // namespace holdfast::cli
