#pragma once

#include <cstddef>
#include <functional>

namespace holdfast {

// Calls work(0) to work(count - 1), each once and in no order, on the caller's thread and on one for each further
// processor; returns when all have returned. Calls within calls share the processors. Where the system gives no more
// threads, on fewer. What `work` writes is of its index alone; it throws nothing. Thread-safe.
void InParallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace holdfast
