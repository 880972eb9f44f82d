#include "plugins/local/directory/tree_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "plugins/local/directory/extended_attributes.h"
#include "plugins/local/directory/remove_tree.h"
#include "plugins/local/directory/tree_reader.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

constexpr const char* kTemporary = "entry";
// So many of what cannot be had are named one by one.
constexpr std::uint64_t kNamed = 20;

bool IsDevice(EntryType type) {
  return type == EntryType::kCharacterDevice || type == EntryType::kBlockDevice;
}

std::string_view ParentOf(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsBelow(std::string_view path, std::string_view directory) {
  return directory.empty() ||
         (path.size() > directory.size() && path.substr(0, directory.size()) == directory &&
          path[directory.size()] == '/');
}

}  // namespace

TreeWriter::TreeWriter(Context& context, TreeWriteOptions options)
    : context_(context), options_(std::move(options)), owners_(options_.owners) {}

Result<std::unique_ptr<TreeWriter>> TreeWriter::Open(Context& context, const std::string& root,
                                                     TreeWriteOptions options) {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private.
  std::unique_ptr<TreeWriter> writer(new TreeWriter(context, std::move(options)));
  HOLDFAST_ASSIGN_OR_RETURN(writer->root_, OpenRoot(root));
  HOLDFAST_ASSIGN_OR_RETURN(writer->work_, OpenRoot(writer->options_.work_folder));
  struct stat st {};
  if (::fstat(writer->work_.get(), &st) != 0) return SystemError(errno, "stat of the work folder");
  writer->work_device_ = st.st_dev;
  HOLDFAST_ASSIGN_OR_RETURN(FileDescriptor start, OpenRoot(root));
  HOLDFAST_ASSIGN_OR_RETURN(DirectoryStack stack, DirectoryStack::At(std::move(start)));
  writer->stack_ = std::make_unique<DirectoryStack>(std::move(stack));
  writer->root_device_ = writer->stack_->device();
  Directory top;
  top.fresh = writer->options_.fresh;
  writer->directories_.push_back(std::move(top));
  return writer;
}

Status TreeWriter::EnterParentOf(std::string_view path, std::string& name) {
  const std::string_view parent = ParentOf(path);
  name = path.substr(parent.empty() ? 0 : parent.size() + 1);
  while (directories_.back().path != parent && !IsBelow(parent, directories_.back().path)) {
    HOLDFAST_RETURN_IF_ERROR(Leave());
  }
  // Only for a tree whose directories were not added themselves.
  while (directories_.back().path != parent) {
    const std::string& here = directories_.back().path;
    const std::size_t from = here.empty() ? 0 : here.size() + 1;
    const std::string next(parent.substr(0, parent.find('/', from)));
    if (auto ok = stack_->Push(next.substr(from)); !ok) {
      return std::move(ok).error().While(Printable(next));
    }
    Directory directory;
    directory.path = next;
    directories_.push_back(std::move(directory));
  }
  if (options_.remove_others) directories_.back().names.insert(name);
  return Ok();
}

Status TreeWriter::Leave() {
  Directory directory = std::move(directories_.back());
  directories_.pop_back();
  if (directory.described) {
    if (options_.remove_others && !directory.fresh)
      HOLDFAST_RETURN_IF_ERROR(RemoveOthers(directory));
    // A temporary entry that a killed run left where the work folder could not be used.
    if (!directory.fresh && stack_->device() != work_device_) {
      ::unlinkat(stack_->fd(), options_.work_name.c_str(), 0);
    }
    if (auto ok = SetAll(stack_->fd(), directory.entry, !directory.fresh); !ok) {
      return std::move(ok).error().While(Printable(directory.entry.path));
    }
  }
  return directories_.empty() ? Ok() : stack_->Pop();
}

Status TreeWriter::RemoveOthers(const Directory& directory) {
  if (stack_->device() != root_device_) {
    context_.log().Log(LogLevel::kWarning,
                       fmt::format("'{}': another file system is mounted here; what the checkpoint "
                                   "does not have of it is left alone",
                                   Printable(directory.path)));
    return Ok();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DirectoryName> present, ListDirectory(stack_->fd()));
  const Stays kept = Kept();
  for (const DirectoryName& name : present) {
    if (directory.names.count(name.name) != 0) continue;
    const std::string path = directory.path.empty() ? name.name : directory.path + "/" + name.name;
    if (kept(path, name.type == DT_DIR || name.type == DT_UNKNOWN)) continue;
    if (auto gone = RemoveTreeBut(stack_->fd(), name.name, path, kept); !gone) {
      return std::move(gone).error().While(
          fmt::format("removing '{}', which the checkpoint does not have", Printable(name.name)));
    }
  }
  return Ok();
}

Status TreeWriter::Add(const TreeEntry& entry, const Fill& fill) {
  if (entry.path == ".") {
    directories_.front().entry = entry;
    directories_.front().described = true;
    return Ok();
  }
  std::string name;
  HOLDFAST_RETURN_IF_ERROR(EnterParentOf(entry.path, name));
  if (entry.type == EntryType::kDirectory) return AddDirectory(entry, name, false);
  Status made;
  if (entry.type == EntryType::kHardLink) {
    made = AddHardLink(entry, name);
  } else if (directories_.back().fresh) {
    made = Make(stack_->fd(), name, entry, fill);
  } else {
    std::string temporary;
    HOLDFAST_ASSIGN_OR_RETURN(const int folder, Workplace(temporary));
    made = Make(folder, temporary, entry, fill);
    if (made) made = MoveInto(folder, temporary, name);
  }
  if (!made) return std::move(made).error().While(Printable(entry.path));
  return Ok();
}

Status TreeWriter::AddAncestor(const TreeEntry& entry) {
  if (entry.path == ".") {
    // A root that was made for this restore gets what the checkpoint says; another stays.
    if (directories_.front().fresh) return Add(entry, {});
    return Ok();
  }
  std::string name;
  HOLDFAST_RETURN_IF_ERROR(EnterParentOf(entry.path, name));
  return AddDirectory(entry, name, true);
}

Status TreeWriter::AddDirectory(const TreeEntry& entry, const std::string& name,
                                bool keep_existing) {
  Directory directory;
  directory.path = entry.path;
  directory.fresh = true;
  Status made;
  if (directories_.back().fresh) {
    if (::mkdirat(stack_->fd(), name.c_str(), 0700) != 0) {
      made = SystemError(errno, "making the directory");
    }
  } else {
    bool stays = false;
    made = ClearTheWay(name, true, stays);
    if (made && stays) {
      directory.fresh = false;
    } else if (made) {
      std::string temporary;
      HOLDFAST_ASSIGN_OR_RETURN(const int folder, Workplace(temporary));
      made = RemoveTreeAt(folder, temporary);
      if (made && ::mkdirat(folder, temporary.c_str(), 0700) != 0) {
        made = SystemError(errno, "making the directory");
      }
      if (made && ::renameat(folder, temporary.c_str(), stack_->fd(), name.c_str()) != 0) {
        made = SystemError(errno, "making the directory");
      }
    }
  }
  if (made) made = stack_->Push(name);
  if (!made) return std::move(made).error().While(Printable(entry.path));
  if (directory.fresh || !keep_existing) {
    directory.entry = entry;
    directory.described = true;
  }
  directories_.push_back(std::move(directory));
  return Ok();
}

Status TreeWriter::ClearTheWay(const std::string& name, bool directory_stays, bool& stays) {
  stays = false;
  struct stat st {};
  if (::fstatat(stack_->fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Ok();
    return SystemError(errno, "stat");
  }
  const bool is_directory = S_ISDIR(st.st_mode);
  if (directory_stays) {
    if (is_directory) {
      stays = true;
      return Ok();
    }
    // A symlink where the checkpoint has a directory: the link goes, what it points to is not
    // touched.
    if (::unlinkat(stack_->fd(), name.c_str(), 0) != 0) return SystemError(errno, "removing");
    return Ok();
  }
  if (!is_directory) return Ok();
  if (!options_.remove_others) {
    return Error(ErrorCode::kConflict, "a directory stands where the checkpoint has none")
        .Hint("remove it, or restore with 'existing: replace'");
  }
  const std::string& here = directories_.back().path;
  const std::string path = here.empty() ? name : here + "/" + name;
  HOLDFAST_ASSIGN_OR_RETURN(const bool gone, RemoveTreeBut(stack_->fd(), name, path, Kept()));
  if (gone) return Ok();
  return Error(ErrorCode::kConflict,
               "a directory stands where the checkpoint has none, and holds what the checkpoint "
               "leaves alone")
      .Hint("move what was excluded, or is mounted there, and run again");
}

Stays TreeWriter::Kept() const {
  return [this](const std::string& path, bool is_directory) {
    return options_.keep.Excludes(path, is_directory) ||
           IsWorkName(path.substr(path.rfind('/') + 1));
  };
}

Result<int> TreeWriter::Workplace(std::string& name) {
  if (stack_->device() == work_device_) {
    name = kTemporary;
    return work_.get();
  }
  name = options_.work_name;
  const std::string& here = directories_.back().path;
  if (noted_ != here && !options_.elsewhere.empty()) {
    const FileDescriptor list(::open(options_.elsewhere.c_str(),
                                     O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    const std::string line = here + '\0';
    if (!list.valid() ||
        ::write(list.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fdatasync(list.get()) != 0) {
      return SystemError(errno, "writing " + Printable(options_.elsewhere));
    }
    noted_ = here;
  }
  return stack_->fd();
}

Status TreeWriter::Make(int folder, const std::string& name, const TreeEntry& entry,
                        const Fill& fill) {
  const bool own_place = folder != stack_->fd() || name == options_.work_name;
  if (own_place) HOLDFAST_RETURN_IF_ERROR(RemoveTreeAt(folder, name));
  if (entry.type == EntryType::kFile) {
    const FileDescriptor fd(
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return SystemError(errno, "making the file");
    HOLDFAST_RETURN_IF_ERROR(fill(fd.get()));
    return SetAll(fd.get(), entry, own_place);
  }
  int made = 0;
  if (entry.type == EntryType::kSymlink) {
    made = ::symlinkat(entry.target.c_str(), folder, name.c_str());
  } else {
    const mode_t type = entry.type == EntryType::kFifo              ? S_IFIFO
                        : entry.type == EntryType::kCharacterDevice ? S_IFCHR
                                                                    : S_IFBLK;
    made = ::mknodat(folder, name.c_str(), type | 0600, ::makedev(entry.major, entry.minor));
  }
  if (made != 0) {
    if (errno == EPERM && IsDevice(entry.type)) return Unsupported(entry, "making a device");
    return SystemError(errno, fmt::format("making the {}", NameOf(entry.type)));
  }
  const FileDescriptor fd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return SystemError(errno, "opening");
  return SetAll(fd.get(), entry, own_place);
}

Status TreeWriter::MoveInto(int from, const std::string& from_name, const std::string& name) {
  bool stays = false;
  HOLDFAST_RETURN_IF_ERROR(ClearTheWay(name, false, stays));
  Failpoint("directory:restore-temporary");
  if (::renameat(from, from_name.c_str(), stack_->fd(), name.c_str()) != 0) {
    // A device that could not be made (tolerate_unsupported).
    if (errno == ENOENT && options_.tolerate_unsupported) return Ok();
    return SystemError(errno, "renaming");
  }
  return Ok();
}

Status TreeWriter::AddHardLink(const TreeEntry& entry, const std::string& name) {
  const bool fresh = directories_.back().fresh;
  if (const auto at = aside_.find(entry.target); at != aside_.end()) {
    HOLDFAST_RETURN_IF_ERROR(MoveInto(work_.get(), at->second, name));
    aside_.erase(at);
    moved_[entry.target] = entry.path;
    return Ok();
  }
  const auto moved = moved_.find(entry.target);
  const std::string& source = moved == moved_.end() ? entry.target : moved->second;
  if (source == entry.path) return Corrupt("a hard link to itself");
  std::string source_name;
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor folder,
                            OpenFolderBelow(root_.get(), source, source_name));
  struct stat st {};
  if (::fstatat(folder.get(), source_name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 ||
      S_ISDIR(st.st_mode)) {
    return Corrupt(fmt::format("a hard link to '{}', which is not there", Printable(source)));
  }
  std::string temporary = name;
  int place = stack_->fd();
  if (!fresh) {
    HOLDFAST_ASSIGN_OR_RETURN(place, Workplace(temporary));
    HOLDFAST_RETURN_IF_ERROR(RemoveTreeAt(place, temporary));
  }
  if (::linkat(folder.get(), source_name.c_str(), place, temporary.c_str(), 0) != 0) {
    return SystemError(errno, "making the hard link");
  }
  if (fresh) return Ok();
  HOLDFAST_RETURN_IF_ERROR(MoveInto(place, temporary, name));
  // rename() of two names of one inode does nothing and leaves both.
  return RemoveTreeAt(place, temporary);
}

Status TreeWriter::KeepAside(const TreeEntry& entry, const Fill& fill) {
  std::string name = fmt::format("aside-{}", aside_.size() + moved_.size());
  if (auto made = Make(work_.get(), name, entry, fill); !made) {
    return std::move(made).error().While(Printable(entry.path));
  }
  aside_[entry.path] = std::move(name);
  return Ok();
}

Status TreeWriter::SetAll(int fd, const TreeEntry& entry, bool exact) {
  const bool is_path = entry.type != EntryType::kFile && entry.type != EntryType::kDirectory;
  const std::string path = PathOfDescriptor(fd);
  // Owners first (chown takes set-id bits and capabilities away), times last.
  const uid_t uid = owners_.User(entry);
  const gid_t gid = owners_.Group(entry);
  if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) {
    if (errno != EPERM && errno != EINVAL) return SystemError(errno, "setting the owner");
    HOLDFAST_RETURN_IF_ERROR(Unsupported(entry, fmt::format("the owner {}:{}", uid, gid)));
  }
  if (exact || !entry.attributes.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> refused,
                              WriteAttributes(path, entry.attributes, exact));
    for (const std::string& name : refused) {
      HOLDFAST_RETURN_IF_ERROR(
          Unsupported(entry, fmt::format("the extended attribute {}", Printable(name))));
    }
  }
  if (entry.type != EntryType::kSymlink) {
    const int changed = is_path ? ::chmod(path.c_str(), entry.mode) : ::fchmod(fd, entry.mode);
    if (changed != 0) return SystemError(errno, "setting the mode");
  }
  const std::array<timespec, 2> times{entry.atime, entry.mtime};
  // AT_EMPTY_PATH in utimensat needs Linux 5.8; the path of a descriptor does not.
  const int timed =
      is_path ? ::utimensat(fd, "", times.data(), AT_EMPTY_PATH) : ::futimens(fd, times.data());
  if (timed != 0) {
    if (!is_path || (errno != EINVAL && errno != ENOENT))
      return SystemError(errno, "setting the times");
    if (entry.type != EntryType::kSymlink &&
        ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) != 0) {
      return SystemError(errno, "setting the times");
    }
  }
  return Ok();
}

Status TreeWriter::Unsupported(const TreeEntry& entry, std::string what) {
  if (!options_.tolerate_unsupported) {
    return Error(ErrorCode::kDenied, fmt::format("{} cannot be had here", what))
        .Hint(
            "as root, or on a file system that has it, it can; 'on_unsupported: warn' goes on "
            "without");
  }
  if (++unsupported_ <= kNamed) {
    context_.log().Log(LogLevel::kWarning,
                       fmt::format("{}: {} cannot be had here", Printable(entry.path), what));
  }
  return Ok();
}

Status TreeWriter::Finish() {
  while (!directories_.empty()) HOLDFAST_RETURN_IF_ERROR(Leave());
  if (unsupported_ > 0) {
    // Where each one was named, the sum is no warning more.
    context_.log().Log(
        unsupported_ > kNamed ? LogLevel::kWarning : LogLevel::kInfo,
        fmt::format("{} owners, devices or attributes could not be had here", unsupported_));
  }
  if (options_.durable && ::syncfs(root_.get()) != 0)
    return SystemError(errno, "syncing the file system");
  return Ok();
}

}  // namespace holdfast::plugins::directory
