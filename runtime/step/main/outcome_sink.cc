#include "runtime/step/main/outcome_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "plugins/sdk/json.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/places.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

constexpr int kFirstFreeDescriptor = 3;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string NameOfLog(const StepOptions& options) {
  const std::string step = options.Get("step");
  if (options.command == "run" && !step.empty()) return KeyPart(step);
  if (options.command == "run") {
    return KeyPart(options.Get("resource")) + "." + KeyPart(options.Get("activity"));
  }
  return step.empty() ? options.command : options.command + "." + KeyPart(step);
}

// Whole lines at the end of what stands behind `begin`.
std::string EndOfLog(const std::string& path, std::uint64_t begin) {
  constexpr std::uint64_t kMost = 2'000;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::uint64_t>(file.tellg()) : 0;
  if (size <= begin) return {};
  const std::uint64_t from = std::max(begin, size - std::min(size, kMost));
  file.seekg(static_cast<std::streamoff>(from));
  std::string text(size - from, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  // Whole lines, unless there is but the end of one.
  if (const std::size_t line = text.find('\n');
      from > begin && line != std::string::npos && line + 1 < text.size())
    text.erase(0, line + 1);
  std::string out;
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.empty()) out += Printable(line) + "\n";
  }
  return out;
}

}  // namespace

std::string LogFolder(const StepOptions& options) {
  if (std::string given = options.Get("log-dir", Variable("HOLDFAST_LOG_DIR")); !given.empty())
    return given;
  if (::geteuid() == 0) return "/var/log/holdfast";
  return UserStateFolder() + "/holdfast/log";
}

OutcomeSink::~OutcomeSink() {
  if (report_ >= 0) ::close(report_);
}

void OutcomeSink::Report() {
  // Whatever is printed by mistake, by a library or by what the step starts, must not become part of the line.
  report_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, kFirstFreeDescriptor);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(nowhere, STDERR_FILENO);
  ::close(nowhere);
}

Status OutcomeSink::OpenLog(const StepOptions& options) {
  const std::string folder = LogFolder(options) + "/" + KeyPart(options.Get("run"));
  const auto failed = [](int number, const std::string& path) {
    // What passes by itself is worth another try.
    const bool passes = number == ENOSPC || number == EDQUOT || number == EIO || number == EMFILE ||
                        number == ENFILE;
    return Error(passes ? ErrorCode::kUnavailable : ErrorCode::kDenied,
                 fmt::format("cannot write the step's log '{}': {}", Printable(path),
                             std::generic_category().message(number)))
        .Hint("--log-dir or HOLDFAST_LOG_DIR names a folder that this user may write to");
  };
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failed(error.value(), folder);
  const std::string path = folder + "/" + NameOfLog(options) + ".log";
  // What a step says of a tenant's data is not for everybody on the machine.
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return failed(errno, path);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::close(file);
  log_file_ = path;
  struct stat there {};
  if (::fstat(STDOUT_FILENO, &there) == 0) log_begin_ = static_cast<std::uint64_t>(there.st_size);
  return Ok();
}

void OutcomeSink::AskBundle(const BankSection& tenant, const std::string& bundle) {
  if (termination_log_.empty() && report_ < 0) return;
  reason_.AskBundle(tenant, bundle);
}

int OutcomeSink::Tell(ExitCode code, std::string_view why) const {
  if (!termination_log_.empty() && code != ExitCode::kOk) {
    // Never made here: the engine has made it, or does not look.
    const int file = ::open(termination_log_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file >= 0) {
      const std::string line = reason_.Line(code, why);
      [[maybe_unused]] const ssize_t written = ::write(file, line.data(), line.size());
      ::close(file);
    }
  }
  if (report_ < 0) return static_cast<int>(code);
  Value report;
  report.Set("exit", static_cast<int>(code)).Set("message", reason_.Line(code, why));
  if (!log_file_.empty()) report.Set("log", OwnProcessIdentity().host + ":" + log_file_);
  // What was left out because of another step says nothing that its reason does not.
  if (!log_file_.empty() && code != ExitCode::kOk && code != ExitCode::kOmitted &&
      !reason_.hides_names())
    report.Set("log_tail", EndOfLog(log_file_, log_begin_));
  const auto line = DumpJson(report);
  if (!line) return static_cast<int>(code);
  const std::string text = *line + "\n";
  const ssize_t written = ::write(report_, text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : static_cast<int>(code);
}

}  // namespace holdfast::runtime
