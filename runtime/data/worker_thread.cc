#include "runtime/data/worker_thread.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <system_error>

namespace holdfast::runtime {

unsigned ComputeAtOnce(unsigned threads) {
  // Of those that this process may use; 0 where the system does not say.
  const unsigned processors = std::thread::hardware_concurrency();
  return std::max(processors == 0 ? threads : std::min(processors, threads), 1U);
}

std::optional<std::thread> StartWorkerThread(std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::optional<std::thread> started;
  try {
    started.emplace(std::move(work));
  } catch (const std::system_error&) {
    // EAGAIN: a limit of threads. The caller has a slower way.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace holdfast::runtime
