#pragma once

#include <optional>

#include "plugins/sdk/clock.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

// When a protected resource that quiesces was at rest, in the epoch that counts.
struct AtRest {
  WallTime since;                 // the start of its pre
  std::optional<WallTime> until;  // the end of what let it go on; nullopt: nothing has
};

// nullopt: it does not quiesce, or nothing has brought it to rest (a pre that failed has undone
// what it did, one that is half done has not). Its pre_finish lets it go on, or its post, whoever
// ran that: the first that succeeded.
std::optional<AtRest> AtRestOf(const runtime::ResourceReport& resource);

}  // namespace holdfast::cli
