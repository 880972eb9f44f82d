#include "plugins/local/directory/tree_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "plugins/local/directory/directory_stack.h"
#include "plugins/local/directory/extended_attributes.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

bool Same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Names of users and groups by id; looked up once each.
class OwnerNames {
 public:
  const std::string& User(uid_t id) {
    const auto [at, added] = users_.try_emplace(id);
    if (added) {
      passwd entry{};
      passwd* found = nullptr;
      if (::getpwuid_r(id, &entry, buffer_.data(), buffer_.size(), &found) == 0 &&
          found != nullptr) {
        at->second = found->pw_name;
      }
    }
    return at->second;
  }
  const std::string& Group(gid_t id) {
    const auto [at, added] = groups_.try_emplace(id);
    if (added) {
      group entry{};
      group* found = nullptr;
      if (::getgrgid_r(id, &entry, buffer_.data(), buffer_.size(), &found) == 0 &&
          found != nullptr) {
        at->second = found->gr_name;
      }
    }
    return at->second;
  }

 private:
  std::map<uid_t, std::string> users_;
  std::map<gid_t, std::string> groups_;
  std::array<char, 16384> buffer_{};
};

struct InodeKey {
  dev_t device;
  ino_t inode;
  friend bool operator==(const InodeKey&, const InodeKey&) = default;
};
struct InodeHash {
  std::size_t operator()(const InodeKey& key) const {
    return static_cast<std::size_t>(key.inode * 0x9E3779B97F4A7C15ULL ^ key.device);
  }
};

// Where the data of a sparse file is. A file system that cannot say it has one extent.
Status FindExtents(int fd, TreeEntry& entry) {
  std::vector<Extent> extents;
  const auto size = static_cast<off_t>(entry.size);
  off_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) break;         // only a hole is left
      if (errno == EINVAL) return Ok();  // not supported: dense
      return SystemError(errno, "looking for holes");
    }
    if (data >= size) break;
    off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return SystemError(errno, "looking for holes");
    if (hole > size) hole = size;
    extents.push_back({static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)});
    at = hole;
  }
  if (extents.size() == 1 && extents.front().offset == 0 && extents.front().length == entry.size) {
    return Ok();
  }
  entry.sparse = true;
  entry.extents = std::move(extents);
  return Ok();
}

class Walk {
 public:
  Walk(Context& context, const TreeReadOptions& options, TreeVisitor& visitor)
      : context_(context), options_(options), visitor_(visitor) {}

  Result<TreeCounts> Run(const std::string& root) {
    HOLDFAST_ASSIGN_OR_RETURN(FileDescriptor fd, OpenRoot(root));
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return SystemError(errno, "stat of " + Printable(root));
    root_device_ = st.st_dev;
    path_ = ".";
    if (auto ok = GiveDirectory(fd.get(), st); !ok) return std::move(ok).error();
    HOLDFAST_ASSIGN_OR_RETURN(DirectoryStack stack, DirectoryStack::At(std::move(fd)));
    stack_ = std::make_unique<DirectoryStack>(std::move(stack));
    path_.clear();
    auto names = List(stack_->fd());
    if (!names) return std::move(names).error().While(Printable(root));
    NoteNames(st, *names);
    frames_.push_back({std::move(*names), 0, 0});
    HOLDFAST_RETURN_IF_ERROR(
        WalkFrames([this](const DirectoryName& name) { return TakeName(name); }));
    HOLDFAST_RETURN_IF_ERROR(LookAgain());
    SumUp();
    return counts_;
  }

 private:
  struct Frame {
    std::vector<DirectoryName> names;
    std::size_t next;
    std::size_t path_length;  // of the directory's own path; 0 for the root
  };

  // Gives every name below the frames that there are to `take`, which may push a frame (and its
  // directory onto stack_); path_ is that of the name. In the end stack_ stands at the root.
  template <class Take>
  Status WalkFrames(const Take& take) {
    while (!frames_.empty()) {
      if (context_.cancelled()) return CancelledError();
      Frame& frame = frames_.back();
      path_.resize(frame.path_length);
      if (frame.next == frame.names.size()) {
        frames_.pop_back();
        if (frames_.empty()) break;
        if (auto ok = stack_->Pop(); !ok) return std::move(ok).error().While(Printable(path_));
        continue;
      }
      const DirectoryName& name = frame.names[frame.next++];
      EnterName(name.name);
      HOLDFAST_RETURN_IF_ERROR(take(name));
    }
    return Ok();
  }

  void EnterName(std::string_view name) {
    if (!path_.empty()) path_ += '/';
    path_ += name;
  }

  // What is to be taken of the open directory at path_ ("" is the root): sorted, without work folders
  // and what is excluded, as far as the listing says what it is.
  Result<std::vector<DirectoryName>> List(int fd) {
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<DirectoryName> names, ListDirectory(fd));
    const std::size_t length = path_.size();
    std::erase_if(names, [&](const DirectoryName& name) {
      if (IsWorkName(name.name)) return true;
      if (options_.exclude == nullptr || name.type == DT_UNKNOWN) return false;
      EnterName(name.name);
      const bool excluded = options_.exclude->Excludes(path_, name.type == DT_DIR);
      path_.resize(length);
      return excluded;
    });
    return names;
  }

  static std::size_t HashOf(const std::vector<DirectoryName>& names) {
    std::size_t hash = names.size();
    for (const DirectoryName& name : names)
      hash = hash * 0x9E3779B97F4A7C15ULL + std::hash<std::string>()(name.name);
    return hash;
  }

  void NoteNames(const struct stat& st, const std::vector<DirectoryName>& names) {
    listed_[{st.st_dev, st.st_ino}] = HashOf(names);
  }

  // Once more through all directories, by name only: an entry that was moved while the tree was read,
  // from where nobody had looked yet to where everybody had, was met nowhere, though it was there all
  // the time. stack_ stands at the root.
  Status LookAgain() {
    path_.clear();
    HOLDFAST_RETURN_IF_ERROR(LookAgainAt(stack_->fd()));
    return WalkFrames([this](const DirectoryName& name) -> Status {
      if (name.type != DT_DIR && name.type != DT_UNKNOWN) return Ok();
      FileDescriptor child(
          OpenQuietly(stack_->fd(), name.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      if (!child.valid())
        return Ok();  // one that could not be read, or is none any more: said above
      const std::size_t before = frames_.size();
      HOLDFAST_RETURN_IF_ERROR(LookAgainAt(child.get()));
      return frames_.size() == before ? Ok() : stack_->Push(std::move(child));
    });
  }

  // The directory at path_: a frame for it where it is one that was listed.
  Status LookAgainAt(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return SystemError(errno, "stat of " + Printable(path_));
    const auto listed = listed_.find({st.st_dev, st.st_ino});
    if (listed == listed_.end()) return Ok();
    auto names = List(fd);
    if (!names) return Unreadable(std::move(names).error());
    if (HashOf(*names) != listed->second && !told_.contains(listed->first)) {
      if (path_.empty()) path_ = ".";
      HOLDFAST_RETURN_IF_ERROR(Changed(
          fmt::format("entries of {} came or went while the tree was read", Printable(path_)),
          "entries came or went while the tree was read"));
      if (path_ == ".") path_.clear();
    }
    frames_.push_back({std::move(*names), 0, path_.size()});
    return Ok();
  }

  // The name of an entry that could not be opened, listed or read.
  Status Unreadable(Error error) {
    if (error.code() == ErrorCode::kNotFound) return Vanished();
    if (options_.on_unreadable == Policy::kFail) {
      return std::move(error)
          .While("reading " + Printable(path_))
          .Hint("'on_unreadable: warn' leaves out what cannot be read");
    }
    Warn(++counts_.unreadable, "left out, cannot be read: " + error.OneLine());
    if (counts_.unreadable_paths.size() < kMostUnreadablePaths)
      counts_.unreadable_paths.push_back(path_);
    return Ok();
  }

  // The tree did not keep still: an error, or a warning of path_ and a count.
  Status Changed(std::string failure, std::string_view warning) {
    if (options_.on_change == Policy::kFail) {
      return Error(ErrorCode::kUnavailable, std::move(failure))
          .Hint("'on_change: warn' lets the tree change, a snapshot keeps it still");
    }
    Warn(++counts_.changed, warning);
    return Ok();
  }

  Status Vanished() {
    HOLDFAST_RETURN_IF_ERROR(
        Changed(fmt::format("{} vanished while the tree was read", Printable(path_)),
                "vanished while the tree was read"));
    struct stat st {};
    if (::fstat(stack_->fd(), &st) == 0) told_.insert({st.st_dev, st.st_ino});
    return Ok();
  }

  // The first of each kind are logged one by one, SumUp says how many there were.
  static constexpr std::uint64_t kNamed = 20;
  void Warn(std::uint64_t count, std::string_view what) {
    if (count > kNamed) return;
    Value fields(Value::Map{});
    fields.Set("path", Printable(path_));
    context_.log().Log(LogLevel::kWarning, fmt::format("{}: {}", Printable(path_), what), fields);
  }

  void SumUp() {
    const auto say = [this](std::uint64_t count, std::string_view what) {
      if (count == 0) return;
      // Where each one was named, the sum is no warning more.
      context_.log().Log(count > kNamed ? LogLevel::kWarning : LogLevel::kInfo,
                         fmt::format("{} {}", count, what));
    };
    say(counts_.changed, "entries changed or vanished while they were read");
    say(counts_.unreadable, "entries were left out because they cannot be read");
    say(counts_.sockets, "sockets were left out");
  }

  void Describe(const struct stat& st, TreeEntry& entry) {
    entry.path = path_;
    entry.mode = st.st_mode & 07777U;
    entry.uid = st.st_uid;
    entry.gid = st.st_gid;
    entry.user = names_.User(st.st_uid);
    entry.group = names_.Group(st.st_gid);
    entry.mtime = st.st_mtim;
    entry.atime = st.st_atim;
  }

  Status GiveDirectory(int fd, const struct stat& st) {
    TreeEntry entry;
    entry.type = EntryType::kDirectory;
    Describe(st, entry);
    auto attributes = ReadAttributes(fd);
    if (!attributes) return std::move(attributes).error().While(Printable(path_));
    entry.attributes = std::move(*attributes);
    ++counts_.directories;
    ++counts_.entries;
    HOLDFAST_RETURN_IF_ERROR(visitor_.Visit(entry, nullptr));
    return Ok();
  }

  Status TakeName(const DirectoryName& name) {
    unsigned char type = name.type;
    struct stat st {};
    bool known = false;
    if (type == DT_UNKNOWN) {
      if (::fstatat(stack_->fd(), name.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return Unreadable(SystemError(errno, "stat"));
      }
      known = true;
      type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
    }
    if (known && options_.exclude != nullptr && options_.exclude->Excludes(path_, type == DT_DIR))
      return Ok();
    if (type == DT_REG) return TakeFile(name.name);
    if (type == DT_DIR) return TakeDirectory(name.name);
    if (!known && ::fstatat(stack_->fd(), name.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Unreadable(SystemError(errno, "stat"));
    }
    return TakeOther(name.name, st);
  }

  Status TakeDirectory(const std::string& name) {
    FileDescriptor child(OpenQuietly(stack_->fd(), name.c_str(), O_RDONLY | O_DIRECTORY));
    if (!child.valid()) {
      if (errno == ENOTDIR || errno == ELOOP) return Vanished();  // replaced since the listing
      return Unreadable(SystemError(errno, "opening the directory"));
    }
    struct stat st {};
    if (::fstat(child.get(), &st) != 0) return Unreadable(SystemError(errno, "stat"));
    auto names = List(child.get());
    if (!names) return Unreadable(std::move(names).error());
    HOLDFAST_RETURN_IF_ERROR(GiveDirectory(child.get(), st));
    if (options_.one_file_system && st.st_dev != root_device_) return Ok();
    NoteNames(st, *names);
    HOLDFAST_RETURN_IF_ERROR(stack_->Push(std::move(child)));
    frames_.push_back({std::move(*names), 0, path_.size()});
    return Ok();
  }

  // A further name of something that was given before becomes a hard link.
  Result<bool> GiveHardLink(const struct stat& st, TreeEntry& entry) {
    if (st.st_nlink < 2) return false;
    const auto at = links_.find({st.st_dev, st.st_ino});
    if (at == links_.end()) return false;
    entry.type = EntryType::kHardLink;
    entry.target = at->second;
    entry.size = 0;
    ++counts_.hard_links;
    ++counts_.entries;
    HOLDFAST_RETURN_IF_ERROR(visitor_.Visit(entry, nullptr));
    return true;
  }

  void Remember(const struct stat& st) {
    if (st.st_nlink > 1) links_.emplace(InodeKey{st.st_dev, st.st_ino}, path_);
  }

  Status TakeFile(const std::string& name) {
    // O_NONBLOCK: a fifo that took the file's place must not hold us.
    FileDescriptor fd(OpenQuietly(stack_->fd(), name.c_str(), O_RDONLY | O_NONBLOCK));
    if (!fd.valid()) {
      if (errno == ELOOP || errno == ENXIO) return Vanished();
      return Unreadable(SystemError(errno, "opening the file"));
    }
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return Unreadable(SystemError(errno, "stat"));
    if (!S_ISREG(st.st_mode)) return Vanished();
    if (options_.one_file_system && st.st_dev != root_device_) return Ok();
    TreeEntry entry;
    Describe(st, entry);
    entry.type = EntryType::kFile;
    entry.size = static_cast<std::uint64_t>(st.st_size);
    HOLDFAST_ASSIGN_OR_RETURN(const bool linked, GiveHardLink(st, entry));
    if (linked) return Ok();
    auto attributes = ReadAttributes(fd.get());
    if (!attributes) return Unreadable(std::move(attributes).error());
    entry.attributes = std::move(*attributes);
    if (st.st_size > 0 && st.st_blocks * 512 < st.st_size) {
      if (auto found = FindExtents(fd.get(), entry); !found)
        return Unreadable(std::move(found).error());
    }
    if (st.st_size > (1 << 20)) ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    FileContent content(fd.get(), entry.size, st.st_mtim, st.st_ctim);
    HOLDFAST_ASSIGN_OR_RETURN(const bool taken, visitor_.Visit(entry, &content));
    if (content.failure()) HOLDFAST_RETURN_IF_ERROR(Unreadable(*content.failure()));
    if (!taken) return Ok();
    Remember(st);
    ++counts_.files;
    ++counts_.entries;
    counts_.bytes += entry.size;
    const std::uint64_t data = entry.DataSize();
    counts_.data_bytes += data;
    if (data > counts_.largest) counts_.largest = data;
    HOLDFAST_ASSIGN_OR_RETURN(const bool changed, content.Changed());
    if (!changed) return Ok();
    return Changed(fmt::format("{} changed while it was read", Printable(path_)),
                   "changed while it was read");
  }

  Status TakeOther(const std::string& name, const struct stat& st) {
    if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
      return Vanished();  // replaced since the listing
    if (S_ISSOCK(st.st_mode)) {
      Warn(++counts_.sockets, "left out: a socket");
      return Ok();
    }
    if (options_.one_file_system && st.st_dev != root_device_) return Ok();
    TreeEntry entry;
    Describe(st, entry);
    entry.type = S_ISLNK(st.st_mode)    ? EntryType::kSymlink
                 : S_ISFIFO(st.st_mode) ? EntryType::kFifo
                 : S_ISCHR(st.st_mode)  ? EntryType::kCharacterDevice
                                        : EntryType::kBlockDevice;
    HOLDFAST_ASSIGN_OR_RETURN(const bool linked, GiveHardLink(st, entry));
    if (linked) return Ok();
    if (S_ISLNK(st.st_mode)) {
      std::array<char, PATH_MAX + 1> text{};
      const ssize_t size = ::readlinkat(stack_->fd(), name.c_str(), text.data(), text.size());
      if (size < 0) {
        return errno == EINVAL ? Vanished() : Unreadable(SystemError(errno, "reading the symlink"));
      }
      entry.target.assign(text.data(), static_cast<std::size_t>(size));
    }
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
      entry.major = ::major(st.st_rdev);
      entry.minor = ::minor(st.st_rdev);
    }
    // O_PATH: a fifo or device must not be opened to read its attributes.
    const FileDescriptor fd(::openat(stack_->fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return Unreadable(SystemError(errno, "opening"));
    auto attributes = ReadAttributesAt(PathOfDescriptor(fd.get()));
    if (!attributes) return Unreadable(std::move(attributes).error());
    entry.attributes = std::move(*attributes);
    HOLDFAST_RETURN_IF_ERROR(visitor_.Visit(entry, nullptr));
    Remember(st);
    ++counts_.entries;
    ++(entry.type == EntryType::kSymlink ? counts_.symlinks : counts_.specials);
    return Ok();
  }

  Context& context_;
  const TreeReadOptions& options_;
  TreeVisitor& visitor_;
  OwnerNames names_;
  TreeCounts counts_;
  dev_t root_device_ = 0;
  std::unique_ptr<DirectoryStack> stack_;
  std::vector<Frame> frames_;
  std::string path_;
  std::unordered_map<InodeKey, std::string, InodeHash> links_;
  std::unordered_map<InodeKey, std::size_t, InodeHash> listed_;  // the names of each directory
  std::unordered_set<InodeKey, InodeHash> told_;  // directories of which a vanished entry was told
};

}  // namespace

std::size_t FileContent::ReadAt(std::uint64_t offset, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got =
        ::pread(fd_, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      failure_ = SystemError(errno, "reading");
    }
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<bool> FileContent::Changed() {
  struct stat st {};
  if (::fstat(fd_, &st) != 0) return SystemError(errno, "stat");
  return static_cast<std::uint64_t>(st.st_size) != size_ || !Same(st.st_mtim, mtime_) ||
         !Same(st.st_ctim, ctime_);
}

Result<FileDescriptor> OpenRoot(const std::string& path) {
  FileDescriptor fd(OpenQuietly(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (fd.valid()) return fd;
  const int why = errno;
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode)) {
    Error error = InvalidInput(fmt::format("{} is a symlink", Printable(path)));
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr),
                                                      &std::free);
    if (real == nullptr) return error;
    return std::move(error).Hint(fmt::format("name what it points to: {}", Printable(real.get())));
  }
  if (why == ENOTDIR) return InvalidInput(fmt::format("{} is not a directory", Printable(path)));
  return SystemError(why, Printable(path));
}

Result<TreeCounts> ReadTree(Context& context, const std::string& root,
                            const TreeReadOptions& options, TreeVisitor& visitor) {
  return Walk(context, options, visitor).Run(root);
}

}  // namespace holdfast::plugins::directory
