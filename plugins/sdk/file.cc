#include "plugins/sdk/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "plugins/sdk/descriptor_owner.h"

namespace holdfast {

namespace {

Status WriteAll(int descriptor, std::string_view data, const std::string& path) {
  std::string_view rest = data;
  while (!rest.empty()) {
    const ssize_t n = write(descriptor, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "writing " + path);
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return Ok();
}

// Renaming over a device or a pipe would destroy it.
Status WriteInto(const std::string& path, std::string_view contents) {
  // Without O_NONBLOCK a pipe that nobody reads would be waited for without end.
  const OwnedDescriptor descriptor(
      open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!descriptor.valid() && errno == ENXIO) return Unavailable("nobody reads the pipe " + path);
  if (!descriptor.valid()) return SystemError(errno, "writing " + path);
  const int flags = fcntl(descriptor.get(), F_GETFL);
  if (flags < 0 || fcntl(descriptor.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return SystemError(errno, "writing " + path);
  }
  return WriteAll(descriptor.get(), contents, path);
}

// Pipes without a name are those of a shell: /dev/stdin, <(...). One with a name may have no writer,
// and a device no end.
Status RequireReadable(int descriptor, const std::string& path) {
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return SystemError(errno, "reading " + path);
  if (S_ISREG(info.st_mode)) return Ok();
  if (S_ISDIR(info.st_mode)) return InvalidInput(path + " is a folder, not a file");
  struct statfs system {};
  const bool of_shell =
      S_ISFIFO(info.st_mode) && fstatfs(descriptor, &system) == 0 && system.f_type == PIPEFS_MAGIC;
  if (!of_shell && isatty(descriptor) != 1) {
    return InvalidInput(path + (S_ISFIFO(info.st_mode) ? " is a pipe" : " is a device") +
                        ", not a file");
  }
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) != 0)
    return SystemError(errno, "reading " + path);
  return Ok();
}

// Where a chain of symbolic links leads, also when there is no file yet.
Result<std::string> FollowLinks(std::string path) {
  constexpr int kMostLinks = 40;  // as the kernel
  for (int links = 0; links < kMostLinks; ++links) {
    std::array<char, 4096> target{};
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return path;
    const std::string_view next(target.data(), static_cast<std::size_t>(size));
    path = next.starts_with('/') ? std::string(next) : FolderOf(path) + "/" + std::string(next);
  }
  return SystemError(ELOOP, "writing " + path);
}

}  // namespace

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status WriteToDisk(int descriptor, std::string_view data, const std::string& path) {
  HOLDFAST_RETURN_IF_ERROR(WriteAll(descriptor, data, path));
  if (fsync(descriptor) != 0) return SystemError(errno, "writing " + path + " to the disk");
  return Ok();
}

Result<std::string> ReadFile(const std::string& path, std::uint64_t limit) {
  // Without O_NONBLOCK a pipe that nobody writes would be waited for without end.
  const OwnedDescriptor descriptor(
      open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!descriptor.valid() && errno == ENOTDIR)
    return InvalidInput("reading " + path + ": one of its folders is a file");
  if (!descriptor.valid() && errno == ENXIO) return InvalidInput(path + " is no file");
  if (!descriptor.valid()) return SystemError(errno, "reading " + path);
  HOLDFAST_RETURN_IF_ERROR(RequireReadable(descriptor.get(), path));
  std::string out;
  std::array<char, 64U << 10U> buffer{};
  while (true) {
    const ssize_t n = read(descriptor.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "reading " + path);
    if (n == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (out.size() > limit)
      return InvalidInput(path + " is larger than " + std::to_string(limit) + " bytes");
  }
}

bool IsFileOrAbsent(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

Status WriteFileDurably(const std::string& given, std::string_view contents) {
  struct stat before {};
  const bool is_there = stat(given.c_str(), &before) == 0;
  if (is_there && S_ISDIR(before.st_mode)) return InvalidInput(given + " is a folder");
  if (is_there && !S_ISREG(before.st_mode)) return WriteInto(given, contents);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string path, FollowLinks(given));
  if (const auto present = ReadFile(path); present && *present == contents) return Ok();
  // The process id keeps two writers apart; who renames last wins, whole either way.
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    const OwnedDescriptor descriptor(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!descriptor.valid()) {
      const int error = errno;
      Error failed = error == ENOTDIR
                         ? InvalidInput("writing " + path + ": one of its folders is a file")
                         : SystemError(error, "writing " + path);
      if (error != ENOENT) return failed;
      return std::move(failed).Hint("make the folder '" + FolderOf(path) + "' first");
    }
    Status status = WriteToDisk(descriptor.get(), contents, path);
    if (status && is_there && fchmod(descriptor.get(), before.st_mode & 07777) != 0) {
      status = SystemError(errno, "giving " + path + " its mode");
    }
    if (!status) {
      unlink(temporary.c_str());
      return status;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return SystemError(error, "writing " + path);
  }
  const OwnedDescriptor folder(open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || fsync(folder.get()) != 0)
    return SystemError(errno, "writing the folder of " + path + " to the disk");
  return Ok();
}

}  // namespace holdfast
