#include "plugins/sdk/process_launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/text.h"

extern char** environ;

namespace holdfast {
namespace {

std::vector<std::string> ChildEnvironment(const ProcessSpec& spec) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    all.emplace(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  for (const std::string& name : spec.environment_removed) all.erase(name);
  for (const auto& [name, value] : spec.environment) all[name] = value;
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

std::string SearchPath(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

Error ProgramError(int error_number, const std::string& program) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return NotFound(fmt::format("there is no program '{}'", Printable(program)))
          .Hint("it is looked up in PATH; an absolute path works as well");
    case EACCES:
    case EPERM:
      return Error(ErrorCode::kDenied,
                   fmt::format("program '{}' may not be run", Printable(program)))
          .Hint("it must be executable for the user that runs this");
    case ENOEXEC:
      return InvalidInput(
          fmt::format("'{}' is no program: it has no '#!' line", Printable(program)));
    case E2BIG:
      return InvalidInput(fmt::format("the arguments of '{}' are too long", Printable(program)));
    default:
      return SystemError(error_number, fmt::format("starting '{}'", Printable(program)));
  }
}

// The file that execvp would run; the parent looks, because the child of a vfork must not allocate.
Result<std::string> FindProgram(const std::string& name,
                                const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  int problem = ENOENT;
  const std::string path = SearchPath(environment);
  for (const std::string_view folder : Split(path, ':')) {
    std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    struct stat info {};
    if (::stat(candidate.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    problem = EACCES;
  }
  return ProgramError(problem, name);
}

// What the child of a vfork needs, made ready by the parent.
struct Launch {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* folder;  // nullptr: stay
  const Placement* placements;
  std::size_t placement_count;
  bool detached;
  pid_t parent;
  int told;     // a socket for the number of the group; -1: none
  int failure;  // where a LaunchFailure is written to; closed by a successful exec
};

enum class LaunchStage { kNone, kSession, kFolder, kDescriptors, kExec };

struct LaunchFailure {
  LaunchStage stage = LaunchStage::kNone;
  int error_number = 0;
};

void MarkAllCloseOnExec() {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // A kernel before 5.11.
  for (int descriptor = 3; descriptor < 65536; ++descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags >= 0) ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
  }
}

// As "PID\n". No formatting of a library: it runs where LaunchInChild does.
void TellOwnNumber(int socket) {
  char line[24];
  char* begin = line + sizeof line;
  *--begin = '\n';
  for (pid_t rest = ::getpid(); rest > 0; rest /= 10) {
    *--begin = static_cast<char>('0' + rest % 10);
  }
  std::ignore =
      ::send(socket, begin, static_cast<std::size_t>(line + sizeof line - begin), MSG_NOSIGNAL);
}

// Runs in the child of a vfork, in the parent's memory: system calls only, and no return on success.
void LaunchInChild(const Launch& launch) {
  const auto fail = [&launch](LaunchStage stage) {
    // Through a pipe, not the shared memory: sanitizers make a fork of a vfork.
    const LaunchFailure failure{stage, errno};
    std::ignore = ::write(launch.failure, &failure, sizeof failure);
  };
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  if (launch.detached) {
    if (::setsid() < 0) return fail(LaunchStage::kSession);
  } else {
    if (::setpgid(0, 0) != 0) return fail(LaunchStage::kSession);
    // When we are killed nobody would wait for it, and a second attempt would start it again
    // beside the first.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launch.parent) ::_exit(127);
  }
  if (launch.told >= 0) TellOwnNumber(launch.told);
  if (launch.folder != nullptr && ::chdir(launch.folder) != 0) return fail(LaunchStage::kFolder);
  MarkAllCloseOnExec();
  for (std::size_t i = 0; i < launch.placement_count; ++i) {
    if (::dup2(launch.placements[i].ours, launch.placements[i].child) < 0) {
      return fail(LaunchStage::kDescriptors);
    }
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(launch.program, launch.argv, launch.environment);
  fail(LaunchStage::kExec);
}

// vfork, not fork: a fork copies the page tables of a process that may hold large buffers, and
// fork handlers of libraries that run threads have been seen to hang.
pid_t VforkAndLaunch(const Launch& launch) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a handler in the child would run in our memory
  const pid_t pid = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): see above
  if (pid == 0) {
    LaunchInChild(launch);
    ::_exit(127);
  }
  const int error_number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<std::string> FindProgram(const ProcessSpec& spec) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string found,
                            FindProgram(spec.argv.front(), ChildEnvironment(spec)));
  struct stat info {};
  if (::stat(found.c_str(), &info) != 0) return ProgramError(errno, found);
  if (!S_ISREG(info.st_mode) || ::faccessat(AT_FDCWD, found.c_str(), X_OK, AT_EACCESS) != 0) {
    return ProgramError(EACCES, found);
  }
  return found;
}

Result<pid_t> LaunchProcess(const ProcessSpec& spec, const std::vector<Placement>& wanted,
                            bool detached, int told) {
  if (spec.argv.empty() || spec.argv.front().empty())
    return InvalidInput("a command has no program");
  for (const std::string& argument : spec.argv) {
    if (argument.find('\0') != std::string::npos) return InvalidInput("a command holds a NUL byte");
  }
  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> environment = ChildEnvironment(spec);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string program, FindProgram(spec.argv.front(), environment));

  // Our ends move above every number that the child wants, so that no dup2 overwrites one that is
  // still to be placed.
  int above = 3;
  for (const Placement& placement : wanted) above = std::max(above, placement.child + 1);
  std::vector<OwnedDescriptor> moved;
  std::vector<Placement> placements;
  for (const Placement& placement : wanted) {
    const int high = ::fcntl(placement.ours, F_DUPFD_CLOEXEC, above);
    if (high < 0) return SystemError(errno, "preparing the descriptors of a process");
    moved.emplace_back(high);
    placements.push_back({high, placement.child});
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError(errno, "making a pipe");
  const OwnedDescriptor failures(ends[0]);
  OwnedDescriptor low_end(ends[1]);
  OwnedDescriptor failure_end(::fcntl(low_end.get(), F_DUPFD_CLOEXEC, above));
  if (!failure_end.valid()) return SystemError(errno, "preparing the descriptors of a process");
  low_end.Reset();
  std::vector<char*> argv_pointers = Pointers(argv);
  std::vector<char*> environment_pointers = Pointers(environment);
  const Launch launch{program.c_str(),
                      argv_pointers.data(),
                      environment_pointers.data(),
                      spec.working_folder.empty() ? nullptr : spec.working_folder.c_str(),
                      placements.data(),
                      placements.size(),
                      detached,
                      ::getpid(),
                      told,
                      failure_end.get()};
  const pid_t pid = VforkAndLaunch(launch);
  if (pid < 0) return SystemError(errno, "starting a process");
  failure_end.Reset();
  LaunchFailure failure;
  while (::read(failures.get(), &failure, sizeof failure) < 0 && errno == EINTR) {
  }
  if (failure.stage == LaunchStage::kNone) return pid;
  ::waitpid(pid, nullptr, 0);
  const int error_number = failure.error_number;
  switch (failure.stage) {
    case LaunchStage::kExec:
      return ProgramError(error_number, spec.argv.front());
    case LaunchStage::kFolder:
      return SystemError(error_number,
                         fmt::format("changing to folder '{}'", Printable(spec.working_folder)));
    default:
      return SystemError(error_number, "preparing a process");
  }
}

}  // namespace holdfast
