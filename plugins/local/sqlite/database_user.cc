#include "plugins/local/sqlite/database_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::sqlite {
namespace {

DatabaseUser UserWithId(pid_t process) {
  if (process <= 0) return {};
  std::ifstream comm(fmt::format("/proc/{}/comm", process));
  std::string name;
  std::getline(comm, name);
  return {process, name.empty() ? fmt::format("{}", process)
                                : fmt::format("{} ({})", process, Printable(name))};
}

std::optional<DatabaseUser> LockHolderOf(int file) {
  // Where SQLite locks, in every version: its "pending" byte and the 511 behind it.
  constexpr off_t kLockBytes = 0x40000000;
  constexpr off_t kLockLength = 512;
  // Who keeps readers out; else whoever reads, and so keeps out one that wants the file alone.
  for (const short kind : {short{F_RDLCK}, short{F_WRLCK}}) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = kLockBytes;
    lock.l_len = kLockLength;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): there is no other way to ask
    if (::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) return UserWithId(lock.l_pid);
  }
  return std::nullopt;
}

// O_NONBLOCK: a fifo that stands there must not hold us.
OwnedDescriptor OpenToAsk(const std::string& path) {
  return OwnedDescriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
}

// Which file it is. What is cached is enough: a file system that hangs, of a file that some process
// has open, must not hold us.
std::optional<struct statx> FileAt(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &info) != 0)
    return std::nullopt;
  return info;
}

bool HasOpenForWriting(const std::string& descriptors, const struct statx& file) {
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(descriptors, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string link = it->path();
    struct stat how {};  // of the link: its permissions are what the file is open for
    if (::lstat(link.c_str(), &how) != 0 || (how.st_mode & S_IWUSR) == 0) continue;
    const auto open = FileAt(link);
    if (open && open->stx_ino == file.stx_ino && open->stx_dev_major == file.stx_dev_major &&
        open->stx_dev_minor == file.stx_dev_minor) {
      return true;
    }
  }
  return false;
}

std::optional<DatabaseUser> WriterSeenInProc(const struct statx& file) {
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator("/proc", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename();
    pid_t process = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (failed != std::errc() || end != name.data() + name.size() || process == ::getpid())
      continue;
    // Those of another user cannot be looked into: an error, and none is seen.
    if (HasOpenForWriting("/proc/" + name + "/fd", file)) return UserWithId(process);
  }
  return std::nullopt;
}

}  // namespace

std::optional<DatabaseUser> LockHolder(const std::string& path) {
  const OwnedDescriptor file = OpenToAsk(path);
  return file.valid() ? LockHolderOf(file.get()) : std::nullopt;
}

Result<std::optional<DatabaseUser>> UserOfDatabase(const std::string& path) {
  const auto which = FileAt(path);
  if (which) {
    if (auto writer = WriterSeenInProc(*which)) return writer;
  }
  const OwnedDescriptor file = OpenToAsk(path);
  if (file.valid()) return LockHolderOf(file.get());
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<DatabaseUser>();
  return SystemError(errno, fmt::format("looking who uses '{}'", Printable(path)));
}

}  // namespace holdfast::plugins::sqlite
