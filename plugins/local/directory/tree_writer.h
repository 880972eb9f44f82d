#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/local/directory/directory_stack.h"
#include "plugins/local/directory/entry_owner.h"
#include "plugins/local/directory/exclude_patterns.h"
#include "plugins/local/directory/file_descriptor.h"
#include "plugins/local/directory/remove_tree.h"
#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

struct TreeWriteOptions {
  // The root is empty: entries are made where they belong. Otherwise entries that exist are
  // replaced: each is made in the work folder and renamed over the old one, so that a crash leaves
  // the old or the new one.
  bool fresh = true;
  // Take away what the tree does not have, below each directory that is added; but never what the
  // patterns in `keep` leave out (that the tree does not have it says nothing), nor anything on
  // another file system than the root's.
  bool remove_others = false;
  ExcludePatterns keep;
  Owners owners = Owners::kNumeric;
  // An owner, device or attribute that cannot be had here: an error, or counted and said at the
  // end.
  bool tolerate_unsupported = false;
  // Everything is on disk when Finish returns.
  bool durable = true;
  std::string work_folder;  // absolute; exists, is empty, and nobody else's
  std::string work_name;    // a name (IsWorkName) for temporary entries where the work folder is on
                            // another file system
  // A file that names the folders, below the root, in which such entries may be left by a crash, each
  // ended by a 0 byte; on disk before the first is made there.
  std::string elsewhere;
};

// Makes a tree: directories, files, links and devices with all that a TreeEntry says. Never follows
// a symlink: every step down opens one directory by name, and a symlink in its place is an error,
// so neither the entries nor what somebody put into the target lead out of it. Directories get
// their owners, modes and times when the writer leaves them, the last at Finish. One thread.
class TreeWriter {
 public:
  // `root` is an existing directory (no symlink).
  static Result<std::unique_ptr<TreeWriter>> Open(Context& context, const std::string& root,
                                                  TreeWriteOptions options);

  // Writes a file's content to a descriptor that is open for writing, its size 0.
  using Fill = std::function<Status(int fd)>;

  // Adds an entry whose directory has been added before. `fill` is called for files only. Entries
  // of one directory may come in any order, but a directory is left for good when an entry outside
  // it is added.
  Status Add(const TreeEntry& entry, const Fill& fill);
  // Makes a directory that leads to what is restored; one that exists stays as it is.
  Status AddAncestor(const TreeEntry& entry);
  // Keeps an entry aside until the first hard link to it is added: for an entry that is not wanted
  // itself.
  Status KeepAside(const TreeEntry& entry, const Fill& fill);
  // Leaves all directories; must be called once, last.
  Status Finish();

 private:
  struct Directory {
    std::string path;             // "" is the root
    TreeEntry entry;              // what is set when it is left
    bool described = false;       // entry is filled
    bool fresh = false;           // made by this writer: nothing of others is in it
    std::set<std::string> names;  // with remove_others: what the tree has
  };

  TreeWriter(Context& context, TreeWriteOptions options);
  Status EnterParentOf(std::string_view path, std::string& name);
  Status Leave();
  Status RemoveOthers(const Directory& directory);
  // What stays although the checkpoint does not have it.
  Stays Kept() const;
  Status AddDirectory(const TreeEntry& entry, const std::string& name, bool keep_existing);
  Status AddHardLink(const TreeEntry& entry, const std::string& name);
  // Makes an entry, which is no directory and no hard link, under a name that is free.
  Status Make(int folder, const std::string& name, const TreeEntry& entry, const Fill& fill);
  // Puts what Make made under its final name.
  Status MoveInto(int from, const std::string& from_name, const std::string& name);
  // What stands in the way of a new entry: nothing, a directory, or something that rename replaces.
  Status ClearTheWay(const std::string& name, bool directory_stays, bool& stays);
  Status SetAll(int fd, const TreeEntry& entry, bool exact);
  Status Unsupported(const TreeEntry& entry, std::string what);
  // Where temporary entries of the current directory are made, and under which name.
  Result<int> Workplace(std::string& name);

  Context& context_;
  TreeWriteOptions options_;
  OwnerIds owners_;
  FileDescriptor root_;
  FileDescriptor work_;
  dev_t work_device_ = 0;
  dev_t root_device_ = 0;
  std::unique_ptr<DirectoryStack> stack_;
  std::vector<Directory> directories_;
  std::map<std::string, std::string> aside_;  // path of an entry -> its name in the work folder
  std::map<std::string, std::string> moved_;  // path of an entry -> the path of its first link
  std::string noted_;                         // the folder that `elsewhere` was told of last
  std::uint64_t unsupported_ = 0;
};

}  // namespace holdfast::plugins::directory
