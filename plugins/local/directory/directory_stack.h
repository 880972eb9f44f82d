#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/local/directory/file_descriptor.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// The directories from a root down to where a walk is. Every step down opens one name and follows
// no symlink; every step up lands on the very directory that the walk came from, or fails. Only the
// deepest kOpen directories are held open, so depth is not limited by the number of descriptors.
class DirectoryStack {
 public:
  static constexpr std::size_t kOpen = 64;

  // Starts at an open directory.
  static Result<DirectoryStack> At(FileDescriptor root);

  // The deepest directory.
  int fd() const { return frames_.back().fd.get(); }
  dev_t device() const { return frames_.back().device; }
  std::size_t depth() const { return frames_.size(); }

  // Steps down; ELOOP and ENOTDIR (a symlink, no directory) are kConflict.
  Status Push(const std::string& name);
  // The same with a directory that the caller has opened below fd().
  Status Push(FileDescriptor child);
  // Steps up; kConflict when the directory has been moved meanwhile. Not at the root.
  Status Pop();

 private:
  struct Frame {
    FileDescriptor fd;  // invalid when it was closed to save descriptors
    dev_t device;
    ino_t inode;
  };
  std::vector<Frame> frames_;
};

// O_NOATIME where we may use it: openat with O_CLOEXEC | O_NOFOLLOW | `flags`. -1 and errno.
int OpenQuietly(int folder, const char* name, int flags);

// The directory that `path` (relative, as TreeEntry has it) stands in, opened part by part below
// `root` without following a symlink; `name` becomes the last part.
Result<FileDescriptor> OpenFolderBelow(int root, const std::string& path, std::string& name);

// Names in a directory, without "." and "..", sorted by their bytes; `type` is readdir's d_type.
struct DirectoryName {
  std::string name;
  unsigned char type;
};
Result<std::vector<DirectoryName>> ListDirectory(int fd);

}  // namespace holdfast::plugins::directory
