#include "plugins/exec/executable.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include "plugins/exec/bank_channel.h"
#include "plugins/exec/bank_server.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

constexpr std::string_view kPrefix = "exec:";
constexpr int kRequestDescriptor = 3;
constexpr int kAnswerDescriptor = 4;
constexpr std::size_t kLongestLogLine = 4000;

void Notify(const OwnedDescriptor& event) {
  const std::uint64_t one = 1;
  std::ignore = ::write(event.get(), &one, sizeof one);
}

// While it lives, a write to a plugin that reads no more is an error here, not the end of us.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {
    const timespec at_once{};
    if (::sigismember(&before_, SIGPIPE) == 0) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

// Our ends of the bank's pipes, on their way from the runner's threads to the one that serves.
class PipeHandover {
 public:
  explicit PipeHandover(const OwnedDescriptor& arrived) : arrived_(arrived) {}

  // The runner closes its own: this keeps a duplicate, so that the runner need not wait for us.
  void Take(int child_descriptor, int ours) {
    OwnedDescriptor copy(::fcntl(ours, F_DUPFD_CLOEXEC, 3));
    const std::lock_guard lock(mutex_);
    (child_descriptor == kRequestDescriptor ? requests_ : answers_) = std::move(copy);
    if (requests_.valid() && answers_.valid()) Notify(arrived_);
  }
  OwnedDescriptor TakeRequests() {
    const std::lock_guard lock(mutex_);
    return std::move(requests_);
  }
  OwnedDescriptor TakeAnswers() {
    const std::lock_guard lock(mutex_);
    return std::move(answers_);
  }

 private:
  const OwnedDescriptor& arrived_;
  std::mutex mutex_;
  OwnedDescriptor requests_;
  OwnedDescriptor answers_;
};

bool IsReadable(int descriptor, int timeout_ms) {
  pollfd wait{descriptor, POLLIN, 0};
  return ::poll(&wait, 1, timeout_ms) > 0 && wait.revents != 0;
}

// Runs the process on a thread of its own and serves its bank requests on this one.
Result<ProcessOutcome> RunWithBank(ProcessRunner& processes, ProcessSpec process,
                                   const CallSpec& spec, Status& bank_status) {
  const OwnedDescriptor ended(::eventfd(0, EFD_CLOEXEC));
  const OwnedDescriptor arrived(::eventfd(0, EFD_CLOEXEC));
  if (!ended.valid() || !arrived.valid())
    return SystemError(errno, "preparing a plugin's bank pipes");
  PipeHandover handover(arrived);
  Cancellation stop;
  process.cancellation = &stop;
  process.extra_pipes = {{kRequestDescriptor, false}, {kAnswerDescriptor, true}};
  process.on_pipe = [&handover](int child_descriptor, int ours) {
    handover.Take(child_descriptor, ours);
  };
  std::optional<Result<ProcessOutcome>> outcome;

  const SigpipeGuard sigpipe;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // Only threads of the program's own take its signals.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread runner([&] {
    outcome.emplace(processes.Run(process));
    Notify(ended);
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

  const auto pass_on_stop = [&] {
    if (spec.cancellation != nullptr && spec.cancellation->is_set()) stop.Set();
  };
  while (!IsReadable(arrived.get(), 20) && !IsReadable(ended.get(), 0)) pass_on_stop();
  Status protocol;
  BankServer server(*spec.checkpoint, spec.resources);
  if (IsReadable(arrived.get(), 0)) {
    BankChannel channel(handover.TakeRequests(), handover.TakeAnswers(), ended.get(), pass_on_stop);
    protocol = server.Serve(channel);
    if (!protocol) stop.Set();
  }
  // It has closed its end and works on, or is being ended.
  while (!IsReadable(ended.get(), 100)) pass_on_stop();
  runner.join();
  bank_status = protocol ? server.status() : std::move(protocol);
  return std::move(*outcome);
}

}  // namespace

Result<Executable> Executable::Open(std::string_view name) {
  const std::string path(name.substr(kPrefix.size()));
  if (path.empty() || path.front() != '/') {
    return InvalidInput(fmt::format("'{}' does not say where the executable is", Printable(name)))
        .Hint("write exec: and an absolute path, exec:/opt/holdfast/my-plugin");
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return InvalidInput(SystemError(errno, "the executable " + Printable(path)).message());
  }
  if (!S_ISREG(info.st_mode))
    return InvalidInput("the executable " + Printable(path) + " is no file");
  if (::access(path.c_str(), X_OK) != 0) {
    return Error(ErrorCode::kDenied, "the file " + Printable(path) + " may not be run")
        .Hint("chmod +x " + Printable(path));
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return Error(ErrorCode::kDenied,
                 "the executable " + Printable(path) + " may be changed by everybody")
        .Hint("chmod o-w " + Printable(path));
  }
  return Executable(std::string(name), path);
}

CallEnd Executable::Run(ProcessRunner& processes, Logger& log, const CallSpec& spec) const {
  CallEnd end;
  Value request = spec.request;
  request.Set("protocol", kProtocol).Set("call", NameOf(spec.call));
  auto text = DumpJson(request);
  if (!text) {
    end.fault = Error(std::move(text).error()).While("writing the request");
    return end;
  }
  *text += '\n';
  MemorySource input(*text);
  AnswerReader reader(spec.call, name_, log, spec.on_progress);
  ProcessSpec process;
  process.argv = {path_};
  process.deadline = spec.deadline;
  process.grace = spec.grace;
  process.group_dies_with_us = true;
  process.cancellation = spec.cancellation;
  process.input = &input;
  process.output = &reader;
  process.on_error_line = [&](std::string_view line) {
    log.Log(LogLevel::kInfo, Printable(line.substr(0, kLongestLogLine)),
            Value().Set("plugin", Printable(name_)));
  };

  Status bank_status;
  auto outcome = spec.checkpoint != nullptr
                     ? RunWithBank(processes, std::move(process), spec, bank_status)
                     : processes.Run(process);
  end.cancelled =
      spec.cancellation != nullptr && spec.cancellation->is_set() && outcome && outcome->cancelled;
  if (end.cancelled) {
    end.fault = CancelledError();
    return end;
  }
  if (!outcome) {
    end.fault = Error(std::move(outcome).error());
    return end;
  }
  // Said first what is wrong first: without its bank it cannot have ended well.
  if (outcome->cancelled && !bank_status) {
    end.fault = std::move(bank_status);
    return end;
  }
  if (outcome->timed_out) {
    end.fault = Unavailable(
        fmt::format("it took longer than {} and was ended",
                    HumanDuration(static_cast<double>(spec.deadline.count()) / 1000.0)));
    return end;
  }
  auto answer = reader.Take();
  if (!answer && outcome->ok()) {
    end.fault = Error(std::move(answer).error());
    return end;
  }
  if (!answer || !*answer) {
    Error error = Internal(fmt::format("it ended without a result: {}", DescribeOutcome(*outcome)));
    end.fault =
        bank_status ? std::move(error) : std::move(error).Because(std::move(bank_status).error());
    return end;
  }
  if ((*answer)->state != AnswerState::kFailed) {
    if (!bank_status) {
      end.fault = std::move(bank_status);
      return end;
    }
    if (!outcome->ok()) {
      end.fault = Internal(fmt::format("it said {}, but then: {}",
                                       (*answer)->state == AnswerState::kYield ? "yield" : "done",
                                       DescribeOutcome(*outcome)));
      return end;
    }
  }
  end.answer = std::move(**answer);
  return end;
}

Result<Answer> Executable::Ask(ProcessRunner& processes, Logger& log, const CallSpec& spec) const {
  CallEnd end = Run(processes, log, spec);
  const std::string what = fmt::format("{} of {}", NameOf(spec.call), Printable(name_));
  if (!end.fault) return Error(std::move(end.fault).error()).While(what);
  if (end.answer->state == AnswerState::kFailed) return end.answer->error().While(what);
  return std::move(*end.answer);
}

}  // namespace holdfast::plugins::exec
