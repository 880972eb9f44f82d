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
  // Starts it before the group that it is for.
  static Result<ProcessGroupGuard> Start();
  ProcessGroupGuard(ProcessGroupGuard&& other) noexcept;
  ProcessGroupGuard& operator=(ProcessGroupGuard&&) = delete;
  ~ProcessGroupGuard();

  // A socket that takes the number of the group as a line; whoever starts the group lets its first
  // process write there before that can start another one (LaunchProcess). A number that we wrote
  // ourselves would come too late where we die in between.
  int socket() const { return ours_.get(); }

 private:
  ProcessGroupGuard(pid_t shell, OwnedDescriptor ours) : shell_(shell), ours_(std::move(ours)) {}

  pid_t shell_;
  OwnedDescriptor ours_;
};

}  // namespace holdfast
