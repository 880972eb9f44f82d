#include "runtime/local/step_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "plugins/sdk/text.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX says so

namespace holdfast::local {
namespace {

// The file that execve is to run. What is there but may not be run is told apart from what is not
// there, as a shell does.
Result<std::string> FindProgram(const std::string& name,
                                const std::map<std::string, std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  const auto path = environment.find("PATH");
  const std::string folders =
      path == environment.end() ? "/usr/local/bin:/usr/bin:/bin" : path->second;
  bool denied = false;
  for (const std::string_view folder : Split(folders, ':')) {
    std::string candidate = folder.empty() ? "./" + name : fmt::format("{}/{}", folder, name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    denied = denied || errno == EACCES;
  }
  return SystemError(denied ? EACCES : ENOENT, fmt::format("cannot start '{}'", Printable(name)));
}

// Everything between fork and exec: only calls that are safe there.
[[noreturn]] void BecomeStep(const char* program, char* const* argv, char* const* environment,
                             int log, int parent, int report) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have died before the line above: then nobody would ever tell us.
  if (getppid() != parent) _exit(128 + SIGTERM);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): there is no wrapper in every libc
  syscall(SYS_close_range, 3U, ~0U, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC));
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2}) {
    sigaction(signal, &plain, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(program, argv, environment);
  const int failed = errno;
  [[maybe_unused]] const auto written = write(report, &failed, sizeof(failed));
  _exit(127);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    number_ = other.Release();
  }
  return *this;
}

int Descriptor::Release() { return std::exchange(number_, -1); }

void Descriptor::Close() {
  if (number_ >= 0) close(number_);
  number_ = -1;
}

std::map<std::string, std::string> OwnEnvironment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

Result<StepProcess> StepProcess::Start(const StepProcessSpec& spec) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string program, FindProgram(spec.argv[0], spec.environment));
  const Descriptor log(
      open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.open())
    return SystemError(errno, fmt::format("cannot write the log '{}'", spec.log_file));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError(errno, "cannot make a pipe");
  const Descriptor report_out(ends[0]);
  Descriptor report_in(ends[1]);

  // All memory is taken before the fork.
  std::vector<std::string> variables;
  variables.reserve(spec.environment.size());
  for (const auto& [name, value] : spec.environment)
    variables.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> argv;
  argv.reserve(spec.argv.size() + 1);
  for (const std::string& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  environment.reserve(variables.size() + 1);
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  // No handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int parent = getpid();
  const int pid = fork();
  if (pid == 0)
    BecomeStep(program.c_str(), argv.data(), environment.data(), log.number(), parent,
               report_in.number());
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return SystemError(fork_error, "cannot start a process");
  setpgid(pid, pid);  // also here: whoever is first
  report_in.Close();

  int exec_error = 0;
  ssize_t got = 0;
  do {
    got = read(report_out.number(), &exec_error, sizeof(exec_error));
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof(exec_error))) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return SystemError(exec_error, fmt::format("cannot start '{}'", Printable(spec.argv[0])));
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): there is no wrapper in this libc
  Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)));
  if (!pidfd.open()) {
    const Error error = SystemError(errno, "cannot watch a process");
    kill(-pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return error;
  }
  return StepProcess(pid, std::move(pidfd));
}

Result<std::optional<int>> StepProcess::Collect(bool end_group) {
  siginfo_t info = {};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    if (errno == EINTR) return std::optional<int>{};
    return SystemError(errno, "cannot wait for a step");
  }
  if (info.si_pid == 0) return std::optional<int>{};
  // While it is not reaped, its number belongs to no other group.
  if (end_group) KillGroup();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return SystemError(errno, "cannot wait for a step");
  }
  return std::optional<int>(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void StepProcess::Signal(int signal) const { kill(pid_, signal); }

void StepProcess::KillGroup() const { kill(-pid_, SIGKILL); }

}  // namespace holdfast::local
