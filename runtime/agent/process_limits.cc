#include "runtime/agent/process_limits.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace holdfast::agent {

namespace {

// While a process is started: two pipes, two events, /dev/null, what tells that exec failed; then the half of it.
constexpr rlim_t kOfAStep = 12;
// 64 connections, the calls to Mistral, files, the log.
constexpr rlim_t kOfTheRest = 160;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kLooksAtItself = true;
#elif defined(__has_feature)
constexpr bool kLooksAtItself = __has_feature(address_sanitizer);
#else
constexpr bool kLooksAtItself = false;
#endif

}  // namespace

Status AllowDescriptorsFor(unsigned jobs) {
  const rlim_t wanted = kOfTheRest + kOfAStep * jobs;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return SystemError(errno, "asking how many files may be open");
  // Not to the highest limit: steps inherit it, and programs that close all that they may have take long with a million.
  if (limit.rlim_cur >= wanted) return Ok();
  if (limit.rlim_max < wanted) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--jobs={} takes {} open files, and this process may have {}", jobs,
                             wanted, limit.rlim_max))
        .Hint("less --jobs, or more files: LimitNOFILE= of the service, ulimit -Hn");
  }
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return SystemError(errno, fmt::format("asking for {} open files", wanted));
  return Ok();
}

void KeepLittleMemory() {
  // Bytes. Once that is set glibc does not raise it after what it has seen.
  constexpr int kLarge = 64 * 1024;
  constexpr int kArenas = 2;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  ::mallopt(M_TRIM_THRESHOLD, kLarge);
  ::mallopt(M_ARENA_MAX, kArenas);
}

void CloseToOthers() {
  if constexpr (!kLooksAtItself) ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace holdfast::agent
