#include "plugins/local/directory/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "plugins/local/directory/directory_stack.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

struct Frame {
  std::string name;
  std::vector<DirectoryName> names;
  std::size_t next = 0;
};

// Opens a directory that is to be removed; without write permission nothing in it could be removed.
Result<FileDescriptor> OpenDoomed(int folder, const std::string& name, dev_t device) {
  FileDescriptor fd(OpenQuietly(folder, name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) return SystemError(errno, "opening " + Printable(name));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return SystemError(errno, "stat of " + Printable(name));
  if (st.st_dev != device) {
    return Error(ErrorCode::kDenied, "another file system is mounted at " + Printable(name));
  }
  if ((st.st_mode & 0700U) != 0700U) ::fchmod(fd.get(), (st.st_mode & 07777U) | 0700U);
  return fd;
}

Status Unlink(int folder, const std::string& name, int flags) {
  if (::unlinkat(folder, name.c_str(), flags) == 0 || errno == ENOENT) return Ok();
  return SystemError(errno, "removing " + Printable(name));
}

}  // namespace

Status RemoveTreeAt(int folder, const std::string& name) {
  struct stat st {};
  if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Ok();
    return SystemError(errno, "stat of " + Printable(name));
  }
  if (!S_ISDIR(st.st_mode)) return Unlink(folder, name, 0);
  struct stat above {};
  if (::fstat(folder, &above) != 0) return SystemError(errno, "stat");
  HOLDFAST_ASSIGN_OR_RETURN(FileDescriptor root, OpenDoomed(folder, name, above.st_dev));
  HOLDFAST_ASSIGN_OR_RETURN(DirectoryStack stack, DirectoryStack::At(std::move(root)));
  std::vector<Frame> frames;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<DirectoryName> names, ListDirectory(stack.fd()));
  frames.push_back({name, std::move(names), 0});
  for (;;) {
    Frame& frame = frames.back();
    if (frame.next < frame.names.size()) {
      const DirectoryName& child = frame.names[frame.next++];
      Failpoint("directory:removing");
      if (child.type != DT_DIR) {
        if (::unlinkat(stack.fd(), child.name.c_str(), 0) == 0 || errno == ENOENT) continue;
        // readdir may not know types (DT_UNKNOWN); unlink of a directory is EISDIR or EPERM.
        if (errno != EISDIR && errno != EPERM) {
          return SystemError(errno, "removing " + Printable(child.name));
        }
      }
      HOLDFAST_ASSIGN_OR_RETURN(FileDescriptor fd,
                                OpenDoomed(stack.fd(), child.name, above.st_dev));
      HOLDFAST_ASSIGN_OR_RETURN(std::vector<DirectoryName> below, ListDirectory(fd.get()));
      HOLDFAST_RETURN_IF_ERROR(stack.Push(std::move(fd)));
      frames.push_back({child.name, std::move(below), 0});
      continue;
    }
    const std::string done = std::move(frame.name);
    frames.pop_back();
    if (frames.empty()) return Unlink(folder, done, AT_REMOVEDIR);
    HOLDFAST_RETURN_IF_ERROR(stack.Pop());
    HOLDFAST_RETURN_IF_ERROR(Unlink(stack.fd(), done, AT_REMOVEDIR));
  }
}

Status RemoveTree(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  const FileDescriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    if (errno == ENOENT) return Ok();
    return SystemError(errno, Printable(parent));
  }
  if (auto removed = RemoveTreeAt(folder.get(), path.substr(slash + 1)); !removed) {
    return std::move(removed).error().While("removing " + Printable(path));
  }
  return Ok();
}

}  // namespace holdfast::plugins::directory
