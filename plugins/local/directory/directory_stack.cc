#include "plugins/local/directory/directory_stack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {

Result<DirectoryStack> DirectoryStack::At(FileDescriptor root) {
  DirectoryStack stack;
  HOLDFAST_RETURN_IF_ERROR(stack.Push(std::move(root)));
  return stack;
}

Status DirectoryStack::Push(const std::string& name) {
  FileDescriptor child(OpenQuietly(fd(), name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!child.valid()) {
    if (errno == ELOOP || errno == ENOTDIR) {
      return Error(ErrorCode::kConflict, "is not a directory (or a symlink)");
    }
    return SystemError(errno, "opening the directory");
  }
  return Push(std::move(child));
}

Status DirectoryStack::Push(FileDescriptor child) {
  struct stat st {};
  if (::fstat(child.get(), &st) != 0) return SystemError(errno, "stat of the directory");
  frames_.push_back({std::move(child), st.st_dev, st.st_ino});
  if (frames_.size() > kOpen) frames_[frames_.size() - 1 - kOpen].fd.Close();
  return Ok();
}

Status DirectoryStack::Pop() {
  Frame child = std::move(frames_.back());
  frames_.pop_back();
  Frame& parent = frames_.back();
  if (parent.fd.valid()) return Ok();
  parent.fd = FileDescriptor(OpenQuietly(child.fd.get(), "..", O_RDONLY | O_DIRECTORY));
  if (!parent.fd.valid()) return SystemError(errno, "opening the parent directory");
  struct stat st {};
  if (::fstat(parent.fd.get(), &st) != 0) return SystemError(errno, "stat of the parent directory");
  if (st.st_dev != parent.device || st.st_ino != parent.inode) {
    return Error(ErrorCode::kConflict, "a directory was moved while the tree was walked");
  }
  return Ok();
}

int OpenQuietly(int folder, const char* name, int flags) {
  flags |= O_CLOEXEC | O_NOFOLLOW;
  const int fd = ::openat(folder, name, flags | O_NOATIME);
  // EPERM: only a file's owner (and root) may leave its access time alone.
  if (fd >= 0 || errno != EPERM) return fd;
  return ::openat(folder, name, flags);
}

Result<FileDescriptor> OpenFolderBelow(int root, const std::string& path, std::string& name) {
  FileDescriptor folder(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return SystemError(errno, "opening the root");
  const std::vector<std::string_view> parts = Split(path, '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    FileDescriptor next(
        OpenQuietly(folder.get(), std::string(parts[i]).c_str(), O_RDONLY | O_DIRECTORY));
    if (!next.valid()) return SystemError(errno, "opening the folder of " + Printable(path));
    folder = std::move(next);
  }
  name = parts.back();
  return folder;
}

Result<std::vector<DirectoryName>> ListDirectory(int fd) {
  // The stream takes a descriptor of its own: it would close ours.
  FileDescriptor copy(OpenQuietly(fd, ".", O_RDONLY | O_DIRECTORY));
  if (!copy.valid()) return SystemError(errno, "opening the directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), &::closedir);
  if (stream == nullptr) return SystemError(errno, "listing the directory");
  copy.Release();
  std::vector<DirectoryName> names;
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr) {
      if (errno != 0) return SystemError(errno, "listing the directory");
      break;
    }
    const std::string_view name(found->d_name);
    if (name == "." || name == "..") continue;
    names.push_back({std::string(name), found->d_type});
  }
  std::sort(names.begin(), names.end(),
            [](const DirectoryName& a, const DirectoryName& b) { return a.name < b.name; });
  return names;
}

}  // namespace holdfast::plugins::directory
