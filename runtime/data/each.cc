#include "runtime/data/each.h"

#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/data/worker_thread.h"

namespace holdfast::runtime {

Status ForEach(std::size_t count, unsigned threads,
               const std::function<Status(std::size_t)>& work) {
  std::mutex mutex;
  std::size_t next = 0;         // guarded by mutex
  std::optional<Error> failed;  // guarded by mutex; the first one
  const auto loop = [&] {
    for (;;) {
      std::size_t index = 0;
      {
        const std::lock_guard lock(mutex);
        if (failed || next == count) return;
        index = next++;
      }
      Status done = work(index);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!failed) failed = std::move(done).error();
    }
  };
  std::vector<std::thread> started;
  for (std::size_t i = 1; i < threads && i < count; ++i) {
    auto thread = StartWorkerThread(loop);
    if (!thread) break;
    started.push_back(std::move(*thread));
  }
  loop();
  for (std::thread& thread : started) thread.join();
  if (failed) return *failed;
  return Ok();
}

}  // namespace holdfast::runtime
