#include "plugins/sdk/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "plugins/sdk/descriptor_owner.h"

namespace holdfast {

namespace {

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status WriteAll(int descriptor, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t n = write(descriptor, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "writing " + path);
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(descriptor) != 0) return SystemError(errno, "writing " + path + " to the disk");
  return Ok();
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, std::uint64_t limit) {
  const OwnedDescriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.valid()) return SystemError(errno, "reading " + path);
  std::string out;
  std::array<char, 64U << 10U> buffer{};
  while (true) {
    const ssize_t n = read(descriptor.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "reading " + path);
    if (n == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (out.size() > limit) return InvalidInput(path + " is larger than " + std::to_string(limit) + " bytes");
  }
}

Status WriteFileDurably(const std::string& path, std::string_view contents) {
  if (const auto present = ReadFile(path); present && *present == contents) return Ok();
  // The process id keeps two writers apart; who renames last wins, whole either way.
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    const OwnedDescriptor descriptor(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!descriptor.valid()) return SystemError(errno, "creating " + temporary);
    if (auto status = WriteAll(descriptor.get(), contents, path); !status) {
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
  if (!folder.valid() || fsync(folder.get()) != 0) return SystemError(errno, "writing the folder of " + path + " to the disk");
  return Ok();
}

}  // namespace holdfast
