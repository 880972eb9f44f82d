#include "plugins/sdk/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace holdfast {

void InParallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  const std::size_t most = std::min<std::size_t>(count, std::thread::hardware_concurrency());
  while (threads.size() + 1 < most) {
    try {
      threads.emplace_back(take);
    } catch (const std::system_error&) {
      break;  // a limit of threads; the caller's does the work
    }
  }
  take();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace holdfast
