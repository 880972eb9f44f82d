#include "plugins/sdk/process_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <tuple>
#include <utility>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/process_group_guard.h"
#include "plugins/sdk/process_launch.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAtCancellationEvery{50};
constexpr std::size_t kLongestErrorLine = 64U << 10U;

struct Pipe {
  OwnedDescriptor read;
  OwnedDescriptor write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError(errno, "making a pipe");
  return Pipe{OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1])};
}

Status SetNonBlocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    return SystemError(errno, "preparing a pipe");
  }
  return Ok();
}

Result<OwnedDescriptor> OpenNull(int flags) {
  const int descriptor = ::open("/dev/null", flags | O_CLOEXEC);
  if (descriptor < 0) return SystemError(errno, "opening /dev/null");
  return OwnedDescriptor(descriptor);
}

bool WaitReadable(int descriptor, int stop) {
  std::array<pollfd, 2> waits{{{descriptor, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
  }
  return waits[0].revents != 0;
}

void BlockSigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Threads of a run must never take the signals that the program's own handlers wait for.
template <class Function>
std::thread QuietThread(Function function) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(function));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

// Copies `source` to the non-blocking `descriptor` until it ends, the reader is gone, or `stop`.
Status PumpInput(ByteSource& source, OwnedDescriptor descriptor, int stop) {
  BlockSigpipe();
  std::vector<std::byte> buffer(256U << 10U);
  for (;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, source.Read(buffer));
    if (got == 0) return Ok();
    std::size_t sent = 0;
    while (sent < got) {
      const ssize_t n = ::write(descriptor.get(), buffer.data() + sent, got - sent);
      if (n > 0) {
        sent += static_cast<std::size_t>(n);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno == EPIPE) return Ok();  // it reads no more; its exit code says whether that is bad
      if (errno != EAGAIN) return SystemError(errno, "writing to a process");
      std::array<pollfd, 2> waits{{{descriptor.get(), POLLOUT, 0}, {stop, POLLIN, 0}}};
      if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
        return SystemError(errno, "waiting for a process");
      }
      // The process has ended; only one that it left behind could still read.
      if (waits[0].revents == 0 && waits[1].revents != 0) return Ok();
    }
  }
}

// Copies the non-blocking `descriptor` to `sink` until its end, or, once `stop` is set, until
// nothing is left in it: a process left behind may hold it open for good.
Status PumpOutput(ByteSink& sink, int descriptor, int stop) {
  BlockSigpipe();
  std::vector<std::byte> buffer(256U << 10U);
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n == 0) return Ok();
    if (n > 0) {
      HOLDFAST_RETURN_IF_ERROR(sink.Write(std::span(buffer.data(), static_cast<std::size_t>(n))));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return SystemError(errno, "reading from a process");
    if (!WaitReadable(descriptor, stop)) return Ok();
  }
}

// Keeps the first bytes of a stream, and hands out its lines.
class Collector {
 public:
  Collector(std::uint64_t limit, const std::function<void(std::string_view)>& on_line)
      : limit_(limit), on_line_(on_line) {}

  void Add(std::string_view data) {
    if (kept_.size() < limit_) {
      kept_.append(data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                      data.size(), limit_ - kept_.size()))));
    }
    if (!on_line_) return;
    line_.append(data);
    std::size_t begin = 0;
    for (;;) {
      const auto end = line_.find('\n', begin);
      if (end == std::string::npos) break;
      on_line_(std::string_view(line_).substr(begin, end - begin));
      begin = end + 1;
    }
    line_.erase(0, begin);
    if (line_.size() > kLongestErrorLine) Finish();
  }
  void Finish() {
    if (on_line_ && !line_.empty()) on_line_(line_);
    line_.clear();
  }
  std::string Take() { return std::move(kept_); }

 private:
  std::uint64_t limit_;
  const std::function<void(std::string_view)>& on_line_;
  std::string kept_;
  std::string line_;
};

// Reads all that is there; false at the end of the stream.
bool ReadInto(Collector& collector, int descriptor) {
  std::array<char, 16U << 10U> buffer;
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n > 0) {
      collector.Add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    return n < 0 && errno == EAGAIN;
  }
}

bool HasEnded(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

// One child of Run: its threads and how it is brought to an end. The child is reaped last, so that
// its number, and that of its group, cannot be another's when they are signalled.
class Child {
 public:
  Child(const ProcessSpec& spec, pid_t pid, OwnedDescriptor stop, OwnedDescriptor failed)
      : spec_(spec),
        pid_(pid),
        stop_(std::move(stop)),
        failed_(std::move(failed)),
        error_(spec.output_limit, spec.on_error_line),
        output_(spec.output_limit, no_lines_) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { JoinAll(); }

  Result<ProcessOutcome> Wait(OwnedDescriptor input, OwnedDescriptor output, OwnedDescriptor error,
                              std::vector<std::pair<int, OwnedDescriptor>>&& extra) {
    pid_descriptor_ = OwnedDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (spec_.input != nullptr) {
      input_thread_ = QuietThread([this, in = std::move(input)]() mutable {
        input_status_ = PumpInput(*spec_.input, std::move(in), stop_.get());
        if (!input_status_) Notify(failed_);
      });
    }
    if (spec_.output != nullptr) {
      output_thread_ = QuietThread([this, descriptor = output.get()] {
        output_status_ = PumpOutput(*spec_.output, descriptor, stop_.get());
        if (!output_status_) Notify(failed_);
      });
    }
    for (auto& [number, ours] : extra) {
      extra_threads_.push_back(
          QuietThread([this, child_number = number, end = std::move(ours)]() mutable {
            BlockSigpipe();
            if (spec_.on_pipe) spec_.on_pipe(child_number, end.get());
          }));
    }
    Loop(output, error);
    // What is left of a group that was told to end, or that spoke over extra pipes, would keep
    // them open for good.
    if (ending_ || !extra_threads_.empty()) Signal(SIGKILL);
    JoinAll();
    if (spec_.output == nullptr) ReadInto(output_, output.get());
    ReadInto(error_, error.get());
    error_.Finish();
    Reap();
    HOLDFAST_RETURN_IF_ERROR(std::move(input_status_));
    HOLDFAST_RETURN_IF_ERROR(std::move(output_status_));
    outcome_.output = output_.Take();
    outcome_.error = error_.Take();
    return std::move(outcome_);
  }

 private:
  static void Notify(const OwnedDescriptor& event) {
    const std::uint64_t one = 1;
    std::ignore = ::write(event.get(), &one, sizeof one);
  }
  void Signal(int number) const { ::kill(-pid_, number); }

  void Loop(const OwnedDescriptor& output, const OwnedDescriptor& error) {
    const auto deadline = steady_clock::now() + spec_.deadline;
    auto kill_at = steady_clock::time_point::max();
    bool output_open = spec_.output == nullptr;
    bool error_open = true;
    bool killed = false;
    while (!HasEnded(pid_)) {
      const auto now = steady_clock::now();
      if (!ending_) {
        const bool cancelled = spec_.cancellation != nullptr && spec_.cancellation->is_set();
        if (cancelled || now >= deadline || pump_failed_) {
          ending_ = true;
          outcome_.cancelled = cancelled;
          outcome_.timed_out = !cancelled && !pump_failed_;
          kill_at = now + spec_.grace;
          Signal(SIGTERM);
          Signal(SIGCONT);  // a stopped process would not see it
        }
      } else if (!killed && now >= kill_at) {
        killed = true;
        Signal(SIGKILL);
      }
      const auto until = ending_ ? (killed ? now + kLookAtCancellationEvery : kill_at) : deadline;
      auto wait = std::chrono::duration_cast<milliseconds>(until - now) + milliseconds(1);
      if (spec_.cancellation != nullptr || !pid_descriptor_.valid() || killed) {
        wait = std::min(wait, kLookAtCancellationEvery);
      }
      std::array<pollfd, 4> waits{{{pid_descriptor_.get(), POLLIN, 0},
                                   {error_open ? error.get() : -1, POLLIN, 0},
                                   {output_open ? output.get() : -1, POLLIN, 0},
                                   {pump_failed_ ? -1 : failed_.get(), POLLIN, 0}}};
      const auto timeout = std::clamp<std::int64_t>(wait.count(), 0, 60'000);
      if (::poll(waits.data(), waits.size(), static_cast<int>(timeout)) <= 0) continue;
      if (waits[1].revents != 0) error_open = ReadInto(error_, error.get());
      if (waits[2].revents != 0) output_open = ReadInto(output_, output.get());
      if (waits[3].revents != 0) pump_failed_ = true;
    }
  }

  void JoinAll() {
    Notify(stop_);
    if (input_thread_.joinable()) input_thread_.join();
    if (output_thread_.joinable()) output_thread_.join();
    for (std::thread& thread : extra_threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  void Reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) outcome_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
  }

  const ProcessSpec& spec_;
  pid_t pid_;
  OwnedDescriptor stop_;    // readable once the child has ended
  OwnedDescriptor failed_;  // readable once input or output has failed
  const std::function<void(std::string_view)> no_lines_;
  Collector error_;
  Collector output_;
  OwnedDescriptor pid_descriptor_;
  std::thread input_thread_;
  std::thread output_thread_;
  std::vector<std::thread> extra_threads_;
  Status input_status_;
  Status output_status_;
  bool ending_ = false;
  bool pump_failed_ = false;
  ProcessOutcome outcome_;
};

class SystemProcessRunner final : public ProcessRunner {
 public:
  Result<ProcessOutcome> Run(const ProcessSpec& spec) override {
    OwnedDescriptor our_input;
    OwnedDescriptor child_input;
    if (spec.input != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
      HOLDFAST_RETURN_IF_ERROR(SetNonBlocking(pipe.write.get()));
      our_input = std::move(pipe.write);
      child_input = std::move(pipe.read);
    } else {
      HOLDFAST_ASSIGN_OR_RETURN(child_input, OpenNull(O_RDONLY));
    }
    HOLDFAST_ASSIGN_OR_RETURN(Pipe output, MakePipe());
    HOLDFAST_ASSIGN_OR_RETURN(Pipe error, MakePipe());
    HOLDFAST_RETURN_IF_ERROR(SetNonBlocking(output.read.get()));
    HOLDFAST_RETURN_IF_ERROR(SetNonBlocking(error.read.get()));
    std::vector<Placement> placements{
        {child_input.get(), 0}, {output.write.get(), 1}, {error.write.get(), 2}};
    std::vector<std::pair<int, OwnedDescriptor>> ours;
    std::vector<OwnedDescriptor> theirs;
    for (const ProcessSpec::ExtraPipe& extra : spec.extra_pipes) {
      if (extra.child_descriptor < 3) return Internal("an extra pipe would replace a standard one");
      HOLDFAST_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
      OwnedDescriptor& child_end = extra.child_reads ? pipe.read : pipe.write;
      OwnedDescriptor& our_end = extra.child_reads ? pipe.write : pipe.read;
      placements.push_back({child_end.get(), extra.child_descriptor});
      theirs.push_back(std::move(child_end));
      ours.emplace_back(extra.child_descriptor, std::move(our_end));
    }
    OwnedDescriptor stop(::eventfd(0, EFD_CLOEXEC));
    OwnedDescriptor failed(::eventfd(0, EFD_CLOEXEC));
    if (!stop.valid() || !failed.valid()) return SystemError(errno, "preparing a process");
    std::optional<ProcessGroupGuard> guard;
    if (spec.group_dies_with_us) {
      HOLDFAST_ASSIGN_OR_RETURN(ProcessGroupGuard started, ProcessGroupGuard::Start());
      guard.emplace(std::move(started));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const pid_t pid,
                              LaunchProcess(spec, placements, false, guard ? guard->socket() : -1));
    // Only the child may hold these now, or their other ends would never see an end.
    child_input.Reset();
    output.write.Reset();
    error.write.Reset();
    theirs.clear();
    Child child(spec, pid, std::move(stop), std::move(failed));
    return child.Wait(std::move(our_input), std::move(output.read), std::move(error.read),
                      std::move(ours));
  }

  Result<int> StartDetached(const ProcessSpec& spec, const std::string& log_file) override {
    HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor input, OpenNull(O_RDONLY));
    OwnedDescriptor log;
    if (log_file.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(log, OpenNull(O_WRONLY));
    } else {
      log = OwnedDescriptor(
          ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!log.valid()) {
        return SystemError(errno, fmt::format("opening log file '{}'", Printable(log_file)));
      }
    }
    return LaunchProcess(spec, {{input.get(), 0}, {log.get(), 1}, {log.get(), 2}}, true);
  }
};

}  // namespace

std::unique_ptr<ProcessRunner> MakeProcessRunner() {
  return std::make_unique<SystemProcessRunner>();
}

std::string DescribeOutcome(const ProcessOutcome& outcome) {
  std::string text;
  if (outcome.timed_out) {
    text = "it took too long and was ended";
  } else if (outcome.cancelled) {
    text = "it was stopped";
  } else if (outcome.signal != 0) {
    text = fmt::format("ended by signal {}", outcome.signal);
  } else {
    text = fmt::format("exit code {}", outcome.exit_code);
  }
  std::string_view last = Trim(outcome.error);
  if (const auto newline = last.rfind('\n'); newline != std::string_view::npos) {
    last = Trim(last.substr(newline + 1));
  }
  if (!last.empty()) text += ": " + Printable(last.substr(0, 500));
  return text;
}

}  // namespace holdfast
