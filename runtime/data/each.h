#pragma once

#include <cstddef>
#include <functional>

#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Calls work(0) to work(count - 1), each at most once, on the caller's thread and on at most `threads` - 1 more:
// for what waits for a bank, not for a processor. Once one has failed no further one begins; its error is
// returned when all that had begun have returned. Where the system gives no more threads, on fewer.
Status ForEach(std::size_t count, unsigned threads, const std::function<Status(std::size_t)>& work);

}  // namespace holdfast::runtime
