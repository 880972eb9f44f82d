#include "plugins/local/staging/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "plugins/sdk/file.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::staging {
namespace {

Error FileError(int error_number, std::string_view doing, const std::string& path) {
  return SystemError(error_number, fmt::format("{} '{}'", doing, Printable(path)));
}

}  // namespace

std::string HiddenToken(const Checkpoint& checkpoint, const Resource& resource) {
  return Sha256Hex(fmt::format("{}\n{}\n{}\n{}", checkpoint.record_id(), checkpoint.epoch(),
                               resource.key.type, resource.key.id))
      .substr(0, 16);
}

std::string HiddenName(const Checkpoint& checkpoint, const Resource& resource,
                       std::string_view suffix) {
  return fmt::format(".holdfast-{}.{}", HiddenToken(checkpoint, resource), suffix);
}

Result<OwnedDescriptor> CreatePrivateFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(errno, "removing", path);
  OwnedDescriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return FileError(errno, "creating", path);
  return file;
}

Result<OwnedDescriptor> OpenForReading(const std::string& path) {
  OwnedDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError(errno, "opening", path);
  return file;
}

Result<bool> Exists(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return FileError(errno, "looking at", path);
}

Status SyncFile(int descriptor, const std::string& path) {
  if (::fsync(descriptor) != 0) return FileError(errno, "syncing", path);
  return Ok();
}

Status SyncFolder(const std::string& folder) {
  const OwnedDescriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open.valid()) return FileError(errno, "opening folder", folder);
  return SyncFile(open.get(), folder);
}

namespace {

Error RenameError(int why, const std::string& from, const std::string& to) {
  return SystemError(why, fmt::format("renaming '{}' to '{}'", Printable(from), Printable(to)));
}

Status SyncRename(const std::string& from, const std::string& to) {
  HOLDFAST_RETURN_IF_ERROR(SyncFolder(FolderOf(to)));
  if (FolderOf(from) != FolderOf(to)) HOLDFAST_RETURN_IF_ERROR(SyncFolder(FolderOf(from)));
  return Ok();
}

}  // namespace

Status RenameDurably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return RenameError(errno, from, to);
  return SyncRename(from, to);
}

Status RenameToFree(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return SyncRename(from, to);
  if (errno == EEXIST)
    return Error(ErrorCode::kConflict, fmt::format("'{}' exists already", Printable(to)));
  if (errno != EINVAL && errno != ENOSYS) return RenameError(errno, from, to);
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, Exists(to));
  if (there) return Error(ErrorCode::kConflict, fmt::format("'{}' exists already", Printable(to)));
  return RenameDurably(from, to);
}

Status RemoveDurably(const std::string& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Ok();
    return FileError(errno, "removing", path);
  }
  return SyncFolder(FolderOf(path));
}

Result<bool> MakeFolders(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return false;
    return InvalidInput(fmt::format("'{}' is no folder", Printable(folder)));
  }
  if (errno != ENOENT || folder == "/" || folder == ".") {
    return FileError(errno, "looking at", folder);
  }
  HOLDFAST_RETURN_IF_ERROR(MakeFolders(FolderOf(folder)));
  if (::mkdir(folder.c_str(), 0755) != 0) {
    if (errno == EEXIST) return false;  // a neighbour's restore was faster
    return FileError(errno, "making folder", folder);
  }
  HOLDFAST_RETURN_IF_ERROR(SyncFolder(FolderOf(folder)));
  return true;
}

Status RequireFreeSpace(const std::string& folder, std::uint64_t needed) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return FileError(errno, "looking at", folder);
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  const std::uint64_t margin = std::min<std::uint64_t>(needed / 20 + (1U << 20U), 1U << 30U);
  if (free_bytes >= needed + margin) return Ok();
  return Error(ErrorCode::kDenied,
               fmt::format("not enough space in '{}': {} are needed, {} are free",
                           Printable(folder), HumanSize(needed + margin), HumanSize(free_bytes)));
}

}  // namespace holdfast::plugins::staging
