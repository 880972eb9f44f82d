#include "plugins/banks/filesystem/folder_entries.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <memory>

#include "plugins/sdk/object_key.h"

namespace holdfast::banks::filesystem {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

Result<std::vector<FolderEntry>> ReadFolder(int folder, EntryFilter filter) {
  // A descriptor of its own: readdir moves the offset, which a duplicate would share.
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return SystemError(errno, "opening a folder of the bank");
  const std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(own));
  if (stream == nullptr) {
    const int error = errno;
    ::close(own);
    return SystemError(error, "opening a folder of the bank");
  }
  std::vector<FolderEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return SystemError(errno, "reading a folder of the bank");
      return entries;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool temporary = name.front() == kTemporaryMark;
    if (!temporary && !ObjectKey::Parse(name)) continue;
    if (temporary && filter == EntryFilter::kKeys) continue;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {
      struct stat info {};
      if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return SystemError(errno, "reading a folder of the bank");
      }
      type = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
    }
    if (type == DT_DIR) {
      entries.push_back({std::string(name) + "/"});
    } else if (type == DT_REG && (filter == EntryFilter::kKeys || temporary)) {
      entries.push_back({std::string(name)});
    }
  }
}

}  // namespace holdfast::banks::filesystem
