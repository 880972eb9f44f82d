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
  std::string path;
  std::vector<DirectoryName> names;
  std::size_t next = 0;
  bool kept = false;  // something in it stays
};

// Opens a directory that is to be removed; without write permission nothing in it could be removed. An
// invalid descriptor: it is on another device.
Result<FileDescriptor> OpenDoomed(int folder, const std::string& name, dev_t device) {
  FileDescriptor fd(OpenQuietly(folder, name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) return SystemError(errno, "opening " + Printable(name));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return SystemError(errno, "stat of " + Printable(name));
  if (st.st_dev != device) return FileDescriptor(-1);
  if ((st.st_mode & 0700U) != 0700U) ::fchmod(fd.get(), (st.st_mode & 07777U) | 0700U);
  return fd;
}

Error Mounted(const std::string& name) {
  return Error(ErrorCode::kDenied, "another file system is mounted at " + Printable(name));
}

Status Unlink(int folder, const std::string& name, int flags) {
  if (::unlinkat(folder, name.c_str(), flags) == 0 || errno == ENOENT) return Ok();
  return SystemError(errno, "removing " + Printable(name));
}

// `stays` null: nothing does, and what is mounted below is an error.
Result<bool> Remove(int folder, const std::string& top, const std::string& path,
                    const Stays& stays) {
  struct stat st {};
  if (::fstatat(folder, top.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return true;
    return SystemError(errno, "stat of " + Printable(top));
  }
  if (!S_ISDIR(st.st_mode)) {
    HOLDFAST_RETURN_IF_ERROR(Unlink(folder, top, 0));
    return true;
  }
  struct stat above {};
  if (::fstat(folder, &above) != 0) return SystemError(errno, "stat");
  HOLDFAST_ASSIGN_OR_RETURN(FileDescriptor root, OpenDoomed(folder, top, above.st_dev));
  if (!root.valid()) {
    if (stays == nullptr) return Mounted(top);
    return false;
  }
  HOLDFAST_ASSIGN_OR_RETURN(DirectoryStack stack, DirectoryStack::At(std::move(root)));
  std::vector<Frame> frames;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<DirectoryName> names, ListDirectory(stack.fd()));
  frames.push_back({top, path, std::move(names)});
  for (;;) {
    Frame& frame = frames.back();
    if (frame.next < frame.names.size()) {
      const DirectoryName& child = frame.names[frame.next++];
      const std::string child_path = frame.path + "/" + child.name;
      if (stays != nullptr && stays(child_path, child.type == DT_DIR || child.type == DT_UNKNOWN)) {
        frame.kept = true;
        continue;
      }
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
      if (!fd.valid()) {
        if (stays == nullptr) return Mounted(child.name);
        frame.kept = true;
        continue;
      }
      HOLDFAST_ASSIGN_OR_RETURN(std::vector<DirectoryName> below, ListDirectory(fd.get()));
      HOLDFAST_RETURN_IF_ERROR(stack.Push(std::move(fd)));
      frames.push_back({child.name, child_path, std::move(below)});
      continue;
    }
    const std::string done = std::move(frame.name);
    const bool kept = frame.kept;
    frames.pop_back();
    if (frames.empty()) {
      if (kept) return false;
      HOLDFAST_RETURN_IF_ERROR(Unlink(folder, done, AT_REMOVEDIR));
      return true;
    }
    HOLDFAST_RETURN_IF_ERROR(stack.Pop());
    if (kept) {
      frames.back().kept = true;
    } else {
      HOLDFAST_RETURN_IF_ERROR(Unlink(stack.fd(), done, AT_REMOVEDIR));
    }
  }
}

}  // namespace

Status RemoveTreeAt(int folder, const std::string& name) {
  HOLDFAST_RETURN_IF_ERROR(Remove(folder, name, name, nullptr));
  return Ok();
}

Result<bool> RemoveTreeBut(int folder, const std::string& name, const std::string& path,
                           const Stays& stays) {
  return Remove(folder, name, path, stays);
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
