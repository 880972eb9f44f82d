#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/local/directory/exclude_patterns.h"
#include "plugins/local/directory/file_descriptor.h"
#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// An open file whose contents a visitor reads.
class FileContent {
 public:
  // `state` is what fstat said right after it was opened.
  FileContent(int fd, std::uint64_t size, timespec mtime, timespec ctime)
      : fd_(fd), size_(size), mtime_(mtime), ctime_(ctime) {}

  int fd() const { return fd_; }
  // Reads at `offset` until `buffer` is full, the file ends or cannot be read; how many bytes are
  // in it. What could not be read is kept in failure(); the visitor goes on with zeros, or leaves
  // the file out.
  std::size_t ReadAt(std::uint64_t offset, std::span<std::byte> buffer);
  const std::optional<Error>& failure() const { return failure_; }
  void set_failure(Error failure) { failure_ = std::move(failure); }
  // Has the file changed since it was opened?
  Result<bool> Changed();

 private:
  int fd_;  // Not owned.
  std::uint64_t size_;
  timespec mtime_;
  timespec ctime_;
  std::optional<Error> failure_;
};

// Takes the entries of a tree, one after the other.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  // `content` is given for files only. False when the entry was left out, because its content could
  // not be read (content->failure()). An error ends the walk, and names the entry itself.
  virtual Result<bool> Visit(const TreeEntry& entry, FileContent* content) = 0;
};

// What to do about something that is not as it should be.
enum class Policy { kFail, kWarn };

struct TreeReadOptions {
  const ExcludePatterns* exclude = nullptr;  // Not owned; may be null.
  bool one_file_system = false;
  Policy on_change = Policy::kWarn;
  Policy on_unreadable = Policy::kFail;
};

inline constexpr std::size_t kMostUnreadablePaths = 10'000;

// What a walk saw.
struct TreeCounts {
  std::uint64_t entries = 0;  // all that were given to the visitor
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t symlinks = 0;
  std::uint64_t hard_links = 0;
  std::uint64_t specials = 0;    // fifos and devices
  std::uint64_t bytes = 0;       // sizes of files
  std::uint64_t data_bytes = 0;  // the same without holes
  std::uint64_t largest = 0;     // data of the largest file
  std::uint64_t changed = 0;     // changed or vanished while they were read
  std::uint64_t unreadable = 0;  // left out, or in part zeros, because they could not be read
  // Which they are, below the root; the first kMostUnreadablePaths.
  std::vector<std::string> unreadable_paths = {};
  std::uint64_t sockets = 0;  // left out: nobody can restore a socket
};

// Walks the tree at `root` (an absolute path; its last part must be a directory and no symlink) and
// gives each entry to the visitor: a directory before what is in it, names in the order of their
// bytes, the root as ".". Never follows a symlink. Files are opened without touching their access
// time where that is allowed. Work folders of this plugin (IsWorkName) are left out. A mount point
// that one_file_system stops at is given as an empty directory.
//
// A file that changed or vanished while it was read, a directory of which entries came or went until
// all was read, and an entry that cannot be read, are an error or a logged warning and a count, as the
// options say. (So an entry that was moved within the tree, and met nowhere, is not missed in silence.)
// Memory: the names of the directories on the way to the current entry, one path per file with several
// names, a number per directory. At most 64 directories are open, however deep the tree is. Looks at
// context.cancelled() once per entry.
Result<TreeCounts> ReadTree(Context& context, const std::string& root,
                            const TreeReadOptions& options, TreeVisitor& visitor);

// Opens a directory by its path: kInvalidInput when the last part is a symlink (the hint names what
// it points to) or no directory.
Result<FileDescriptor> OpenRoot(const std::string& path);

}  // namespace holdfast::plugins::directory
