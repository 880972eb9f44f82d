#include "plugins/sdk/process_group_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "plugins/sdk/process_launch.h"

namespace holdfast {

Result<ProcessGroupGuard> ProcessGroupGuard::Start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return SystemError(errno, "making a socket");
  OwnedDescriptor ours(ends[0]);
  const OwnedDescriptor theirs(ends[1]);
  const OwnedDescriptor null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null.valid()) return SystemError(errno, "opening /dev/null");
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", R"(read -r group && { read -r end; kill -s KILL -- "-$group"; })"};
  spec.working_folder = "/";
  HOLDFAST_ASSIGN_OR_RETURN(
      const pid_t shell,
      LaunchProcess(spec, {{theirs.get(), 0}, {null.get(), 1}, {null.get(), 2}}, true));
  return ProcessGroupGuard(shell, std::move(ours));
}

ProcessGroupGuard::ProcessGroupGuard(ProcessGroupGuard&& other) noexcept
    : shell_(std::exchange(other.shell_, 0)), ours_(std::move(other.ours_)) {}

ProcessGroupGuard::~ProcessGroupGuard() {
  if (shell_ <= 0) return;
  // Before our end of the socket closes.
  ::kill(shell_, SIGKILL);
  while (::waitpid(shell_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace holdfast
