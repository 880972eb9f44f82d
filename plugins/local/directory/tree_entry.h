#pragma once

#include <ctime>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::plugins::directory {

enum class EntryType {
  kFile,
  kDirectory,
  kSymlink,
  kHardLink,  // a further name of an entry that came before
  kFifo,
  kCharacterDevice,
  kBlockDevice,
};

// "file", "directory", "symlink", "hard-link", "fifo", "character-device", "block-device".
std::string_view NameOf(EntryType type);

// An extended attribute; POSIX ACLs are the attributes system.posix_acl_access and _default, in
// the kernel's form.
struct Attribute {
  std::string name;
  std::string value;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const Attribute&, const Attribute&) = default;
};

// A range of a file that holds data; what lies between such ranges are holes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// One entry of a tree. All names are bytes, as the file system has them. A value type.
struct TreeEntry {
  // below the tree's root, without a leading or final '/'; "." is the root itself
  std::string path;
  EntryType type = EntryType::kFile;
  std::uint32_t mode = 0;  // the lower twelve bits: rwx, set-id, sticky
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;  // the names that the ids had where the tree was read; may be empty
  std::string group;
  std::uint64_t size = 0;  // of a file
  timespec mtime{};
  timespec atime{};
  std::uint32_t major = 0;  // of a device
  std::uint32_t minor = 0;
  std::string target;                 // of a symlink its text, of a hard link the first name's path
  std::vector<Attribute> attributes;  // sorted by name
  bool sparse = false;          // `extents` says where the data is; otherwise it is everywhere
  std::vector<Extent> extents;  // in order, not overlapping

  // How much data a file holds, without holes.
  std::uint64_t DataSize() const;
};

// True for names that this plugin itself (staging and restore folders) or another one of this
// family makes beside or in a tree for a short time: they are never read, never count as existing
// data, and are not removed as what a checkpoint does not have.
bool IsWorkName(std::string_view name);
inline constexpr std::string_view kStagingPrefix = ".holdfast-staging-";
inline constexpr std::string_view kRestorePrefix = ".holdfast-restore-";

}  // namespace holdfast::plugins::directory
