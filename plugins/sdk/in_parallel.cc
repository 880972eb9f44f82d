#include "plugins/sdk/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace holdfast {

namespace {

// Threads that calls in this process have started and that still work, beside those that called.
std::atomic<std::size_t> started{0};

}  // namespace

void InParallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  // A call within another one would else take the processor from what that one does beside it.
  while (threads.size() + 1 < std::min(count, processors)) {
    if (started.fetch_add(1) + 1 >= processors) {
      --started;
      break;
    }
    try {
      threads.emplace_back([&take] {
        take();
        --started;
      });
    } catch (const std::system_error&) {
      --started;
      break;  // a limit of threads; the caller's does the work
    }
  }
  take();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace holdfast
