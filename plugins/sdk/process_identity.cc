#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

// A small file of /proc as it is now; empty when it cannot be read.
std::string ReadProcFile(const std::string& path) {
  const OwnedDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::string out;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

// "pid:[4026531836]". Of ourselves, for every process that we find: its number is the one of our
// namespace.
std::string OwnPidNamespace() {
  std::array<char, 64> name{};
  const ssize_t n = ::readlink("/proc/self/ns/pid", name.data(), name.size());
  return n <= 0 ? std::string() : std::string(name.data(), static_cast<std::size_t>(n));
}

}  // namespace

bool SeesProcessesOf(const ProcessIdentity& self, const ProcessIdentity& other) {
  return !self.boot_id.empty() && !self.pid_namespace.empty() && self.host == other.host &&
         self.boot_id == other.boot_id && self.pid_namespace == other.pid_namespace;
}

std::optional<ProcessIdentity> FindProcess(int pid) {
  if (pid <= 0) return std::nullopt;
  const std::string stat = ReadProcFile(fmt::format("/proc/{}/stat", pid));
  // "pid (name) state ppid ...": the name may hold blanks and brackets, so count from its end.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 > stat.size()) return std::nullopt;
  const auto fields = Split(std::string_view(stat).substr(name_end + 2), ' ');
  constexpr std::size_t kState = 0;       // field 3 of proc(5)
  constexpr std::size_t kStartTime = 19;  // field 22
  if (fields.size() <= kStartTime) return std::nullopt;
  if (fields[kState] == "Z" || fields[kState] == "X") return std::nullopt;
  ProcessIdentity identity;
  const std::string_view start = fields[kStartTime];
  if (std::from_chars(start.data(), start.data() + start.size(), identity.start_time).ec !=
      std::errc()) {
    return std::nullopt;
  }
  identity.host = HostName();
  identity.boot_id = std::string(Trim(ReadProcFile("/proc/sys/kernel/random/boot_id")));
  identity.pid_namespace = OwnPidNamespace();
  identity.pid = pid;
  return identity;
}

ProcessIdentity OwnProcessIdentity() {
  return FindProcess(static_cast<int>(::getpid())).value_or(ProcessIdentity{});
}

std::string OwnUserAtHost() {
  const char* const user = std::getenv("USER");
  return (user == nullptr ? std::to_string(::getuid()) : std::string(user)) + "@" +
         OwnProcessIdentity().host;
}

}  // namespace holdfast
