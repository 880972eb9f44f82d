#pragma once

#include <sys/types.h>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// For process_runner.cc. Kills a process group when this process dies, however it dies: the kernel
// does that for a child (PR_SET_PDEATHSIG of prctl(2)), but not for what the child has started.
// A small shell waits for the end of a socket of ours; it ends with this object and then kills
// nothing. For one thread.
class ProcessGroupGuard {
 public:
  // Starts it before the group that it is for: it can only begin to watch late, not early.
  static Result<ProcessGroupGuard> Start();
  ProcessGroupGuard(ProcessGroupGuard&& other) noexcept;
  ProcessGroupGuard& operator=(ProcessGroupGuard&&) = delete;
  ~ProcessGroupGuard();

  void Watch(pid_t group) const;

 private:
  ProcessGroupGuard(pid_t shell, OwnedDescriptor ours) : shell_(shell), ours_(std::move(ours)) {}

  pid_t shell_;
  OwnedDescriptor ours_;
};

}  // namespace holdfast
