#include "plugins/banks/filesystem/filesystem_bank.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "plugins/banks/filesystem/folder_entries.h"
#include "plugins/sdk/text.h"

// One Put, and what a power cut leaves after each of its calls:
//
//   walk      for each part but the last: open; or make (marked), sync the parent, take the mark off.
//             A cut leaves empty folders.
//   create    "~<hex>" in the folder. It also keeps the folder from being removed by a Delete.
//   write, sync, link to the name (or rename over it), unlink "~<hex>"
//             Cut before the link: a temporary file, which no listing shows and the sweep removes.
//             Cut after it: the name is there with all its bytes (they were synced), or not there.
//   sync      the folder. From here on the object survives.
//
// Rejected: O_TMPFILE (not on NFS, and unlink-on-crash is what the sweep does anyway);
// renameat2(RENAME_NOREPLACE) for link (not on NFS); syncfs (waits for everybody's data).

namespace holdfast {
namespace {

using banks::filesystem::Descriptor;
using banks::filesystem::EntryFilter;
using banks::filesystem::FileCalls;
using banks::filesystem::FolderEntry;
using banks::filesystem::kTemporaryMark;
using banks::filesystem::ReadFolder;

constexpr std::size_t kBufferSize = std::size_t{256} << 10U;
// How often a Put starts again because another's Delete removed a folder under its feet.
constexpr int kMaxWalks = 1000;

std::string TemporaryName() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) {
    random =
        static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  return fmt::format("{}{:016x}", kTemporaryMark, random);
}

Error NoSuchObject(const ObjectKey& key) {
  return NotFound(fmt::format("there is no object '{}' in the bank", key.str()));
}

Error Exists(const ObjectKey& key) {
  return Error(ErrorCode::kConflict, fmt::format("the object '{}' exists already", key.str()));
}

Error WouldContinue(std::string_view key, std::string_view shorter) {
  return Error(ErrorCode::kConflict,
               fmt::format("the key '{}' would continue the key '{}', which exists", key, shorter));
}

// A temporary file that goes unless it was told to stay.
class TemporaryFile {
 public:
  TemporaryFile(FileCalls& calls, int folder, std::string name, Descriptor file)
      : calls_(&calls), folder_(folder), name_(std::move(name)), file_(std::move(file)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) calls_->Unlink(folder_, name_.c_str());
  }
  const char* name() const { return name_.c_str(); }
  int file() const { return file_.number(); }
  void Forget() { name_.clear(); }

 private:
  FileCalls* calls_;  // Not owned; outlives this.
  int folder_;        // Not owned; open as long as this.
  std::string name_;
  Descriptor file_;
};

class FilesystemBank final : public Bank {
 public:
  FilesystemBank(FileCalls& calls, std::string root, Descriptor folder)
      : calls_(&calls), root_(std::move(root)), folder_(std::move(folder)) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return Store(key, source, size, Naming::kCreate);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value,
                         Settling /*settling*/) override {
    MemorySource source(value);
    return Store(key, source, value.size(), Naming::kCreate);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    MemorySource source(value);
    return Store(key, source, value.size(), Naming::kReplace);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override;
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override;
  Result<ObjectInfo> Stat(const ObjectKey& key) override;
  Status Delete(const ObjectKey& key) override;

  // Whose a temporary file is its mark says: those of every prefix.
  Result<Leftovers> SweepLeftovers(const std::string& /*prefix*/, std::chrono::seconds age,
                                   bool dry_run) override {
    HOLDFAST_ASSIGN_OR_RETURN(
        const TemporaryFiles found,
        SweepFilesystemBank(root_, std::chrono::system_clock::now(), age, dry_run));
    return Leftovers{"temporary file", "temporary files", found.files, found.bytes, {}};
  }

  ExclusiveStrength strength() const override { return ExclusiveStrength::kAtomic; }
  std::string Describe() const override { return "filesystem bank at " + root_; }
  std::string Place() const override {
    struct stat root {};
    if (::fstat(folder_.number(), &root) != 0) return "";
    return fmt::format("folder {}:{}", root.st_dev, root.st_ino);
  }

 private:
  enum class Naming { kCreate, kReplace };

  Status Store(const ObjectKey& key, ByteSource& source, std::uint64_t size, Naming naming);
  Status Fill(const ObjectKey& key, int file, ByteSource& source, std::uint64_t size);
  Status GiveName(const ObjectKey& key, int folder, const char* name, TemporaryFile& temporary,
                  Naming naming);
  Status RefuseExisting(const ObjectKey& key, int folder, const char* name);
  // The folder of `key`, made where it is missing, with every name on the way durable. An empty
  // descriptor: a folder vanished meanwhile; start again.
  Result<Descriptor> MakeFolders(const ObjectKey& key);
  bool RemoveEmptyFolders(int folder, const char* name);
  // Every folder on the way to `key` below the root; kNotFound.
  Result<std::vector<Descriptor>> OpenFolders(const ObjectKey& key);
  Status ListBelow(int folder, const std::string& path, const ListOptions& options,
                   std::vector<ObjectInfo>& found);
  Error Failed(int error_number, const ObjectKey& key, std::string_view doing) const;

  FileCalls* calls_;  // Not owned; outlives this.
  std::string root_;
  Descriptor folder_;
};

// Who this process is, and whose the last thing is on the way to `path` that it can see: mostly a pod, or
// a person beside it, that is not the user who made the bank.
Error WithOwner(Error error, int error_number, const std::filesystem::path& path) {
  if (error_number != EACCES) return error;
  std::filesystem::path seen;
  struct stat info {};
  std::filesystem::path next;
  for (const std::filesystem::path& part : path) {
    next /= part;
    struct stat found {};
    if (::stat(next.c_str(), &found) != 0) break;
    seen = next;
    info = found;
  }
  if (seen.empty()) return error;
  const std::string what =
      fmt::format("this process is user {}, and '{}' is user {}'s (mode {:04o})", ::geteuid(),
                  seen.string(), info.st_uid, info.st_mode & 07777U);
  if (info.st_uid == ::geteuid()) return std::move(error).Hint(what + ": chmod u+rwX");
  // Steps on a cluster are never root.
  const std::string as_owner =
      info.st_uid == 0 ? ""
                       : fmt::format(
                             "work with it as that user (on Argo: holdfast init argo --run-as "
                             "{}:{}), or ",
                             info.st_uid, info.st_gid);
  return std::move(error).Hint(
      fmt::format("{}: {}give the whole bank to one user (chown -R)", what, as_owner));
}

Error FilesystemBank::Failed(int error_number, const ObjectKey& key, std::string_view doing) const {
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return Error(ErrorCode::kDenied,
                 fmt::format("{} '{}': the file system of the bank at '{}' is full{}", doing,
                             key.str(), root_, error_number == EDQUOT ? " (quota)" : ""))
        .Hint(
            "nothing was stored; free some space there (deleting a checkpoint writes a little "
            "itself before it frees any), then delete checkpoints or run again");
  }
  Error error = WithOwner(SystemError(error_number, fmt::format("{} '{}' in the bank at '{}'",
                                                                doing, key.str(), root_)),
                          error_number, std::filesystem::path(root_) / key.str());
  if (error_number == EPERM || error_number == EOPNOTSUPP || error_number == ENOSYS ||
      error_number == ENAMETOOLONG) {
    return Error(ErrorCode::kDenied, error.message())
        .Hint("'holdfast bank check' says what the file system there cannot do");
  }
  return error;
}

Result<Descriptor> FilesystemBank::MakeFolders(const ObjectKey& key) {
  const std::string& text = key.str();
  Descriptor current;
  std::size_t start = 0;
  for (std::size_t slash = text.find('/'); slash != std::string::npos;
       start = slash + 1, slash = text.find('/', start)) {
    const std::string part = text.substr(start, slash - start);
    const int parent = current.is_open() ? current.number() : folder_.number();
    int opened = calls_->OpenFolder(parent, part.c_str());
    bool is_new = false;
    if (opened == -ENOENT) {
      const int made = calls_->MakeFolder(parent, part.c_str());
      if (made == -ENOENT) return Descriptor();
      if (made < 0 && made != -EEXIST) return Failed(-made, key, "making a folder for");
      is_new = true;
      opened = calls_->OpenFolder(parent, part.c_str());
      if (opened == -ENOENT) return Descriptor();
    }
    if (opened == -ENOTDIR || opened == -ELOOP) return WouldContinue(text, text.substr(0, slash));
    if (opened < 0) return Failed(-opened, key, "opening the folder of");
    Descriptor next(*calls_, opened);
    struct stat info {};
    if (::fstat(opened, &info) != 0) return Failed(errno, key, "opening the folder of");
    if (is_new || (info.st_mode & S_ISVTX) != 0) {
      // Made a moment ago, by us or another: whoever comes first makes the name durable.
      if (const int synced = calls_->Sync(parent); synced < 0) {
        return Failed(-synced, key, "syncing a folder for");
      }
      calls_->MarkDurable(opened);
    }
    current = std::move(next);
  }
  if (!current.is_open()) {
    const int opened = calls_->OpenFolder(folder_.number(), ".");
    if (opened < 0) return Failed(-opened, key, "opening the folder of");
    current = Descriptor(*calls_, opened);
  }
  return current;
}

Status FilesystemBank::Store(const ObjectKey& key, ByteSource& source, std::uint64_t size,
                             Naming naming) {
  const std::string& text = key.str();
  const std::string name = text.substr(text.rfind('/') + 1);
  for (int walk = 0; walk < kMaxWalks; ++walk) {
    HOLDFAST_ASSIGN_OR_RETURN(const Descriptor folder, MakeFolders(key));
    if (!folder.is_open()) continue;
    if (naming == Naming::kCreate) {
      // Saves reading a source in vain; the link is what decides.
      struct stat info {};
      if (::fstatat(folder.number(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
          !S_ISDIR(info.st_mode)) {
        return RefuseExisting(key, folder.number(), name.c_str());
      }
    }
    std::string temporary_name = TemporaryName();
    const int file = calls_->CreateFile(folder.number(), temporary_name.c_str());
    // -ENOENT: the folder has been removed since it was opened. The source is still untouched.
    if (file == -ENOENT || file == -EEXIST) continue;
    if (file < 0) return Failed(-file, key, "storing");
    TemporaryFile temporary(*calls_, folder.number(), std::move(temporary_name),
                            Descriptor(*calls_, file));
    HOLDFAST_RETURN_IF_ERROR(Fill(key, file, source, size));
    return GiveName(key, folder.number(), name.c_str(), temporary, naming);
  }
  return Unavailable(
      fmt::format("storing '{}': its folder in the bank is removed again and again", key.str()));
}

Status FilesystemBank::Fill(const ObjectKey& key, int file, ByteSource& source,
                            std::uint64_t size) {
  std::vector<std::byte> buffer(
      static_cast<std::size_t>(std::clamp<std::uint64_t>(size, 1, kBufferSize)));
  for (std::uint64_t written = 0; written < size;) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - written));
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count,
                              ReadFully(source, std::span(buffer).first(wanted)));
    std::span<const std::byte> data = std::span(buffer).first(count);
    while (!data.empty()) {
      const ssize_t done = calls_->Write(file, data);
      if (done < 0) return Failed(static_cast<int>(-done), key, "storing");
      data = data.subspan(static_cast<std::size_t>(done));
    }
    written += count;
    if (count < wanted) {
      return InvalidInput(fmt::format("storing '{}': the source ended after {} of {} bytes",
                                      key.str(), written, size));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t more, source.Read(std::span(buffer).first(1)));
  if (more != 0) {
    return InvalidInput(
        fmt::format("storing '{}': the source goes on after its {} bytes", key.str(), size));
  }
  if (const int synced = calls_->Sync(file); synced < 0) return Failed(-synced, key, "storing");
  return Ok();
}

Status FilesystemBank::GiveName(const ObjectKey& key, int folder, const char* name,
                                TemporaryFile& temporary, Naming naming) {
  for (int attempt = 0;; ++attempt) {
    const int named = naming == Naming::kCreate ? calls_->Link(folder, temporary.name(), name)
                                                : calls_->Rename(folder, temporary.name(), name);
    if (named >= 0) break;
    if (named == -ENOENT) {
      return Unavailable(
          fmt::format("storing '{}': its temporary file has been removed", key.str()));
    }
    if (named != -EEXIST && named != -EISDIR && named != -ENOTEMPTY) {
      return Failed(-named, key, "storing");
    }
    struct stat info {};
    if (naming == Naming::kCreate && ::fstat(temporary.file(), &info) == 0 && info.st_nlink == 2) {
      break;  // NFS: the link was made, its answer got lost, and the repeated call found it there.
    }
    if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) {
      // Empty folders are what deletions leave behind; they are no keys.
      if (attempt < 10 && RemoveEmptyFolders(folder, name)) continue;
      return Error(ErrorCode::kConflict,
                   fmt::format("keys that exist continue the key '{}'", key.str()));
    }
    if (naming == Naming::kReplace) return Failed(-named, key, "storing");
    return RefuseExisting(key, folder, name);
  }
  if (naming == Naming::kCreate) calls_->Unlink(folder, temporary.name());
  temporary.Forget();
  if (const int synced = calls_->Sync(folder); synced < 0) return Failed(-synced, key, "syncing");
  return Ok();
}

Status FilesystemBank::RefuseExisting(const ObjectKey& key, int folder, const char*) {
  // Whoever wrote it may have died before the folder was synced. Callers take "there already, with
  // the same bytes" for success: then it must be as durable as their own would be.
  if (const int synced = calls_->Sync(folder); synced < 0) return Failed(-synced, key, "syncing");
  return Exists(key);
}

bool FilesystemBank::RemoveEmptyFolders(int folder, const char* name) {
  const int removed = calls_->RemoveFolder(folder, name);
  if (removed >= 0 || removed == -ENOENT) return true;
  const Descriptor below(*calls_, calls_->OpenFolder(folder, name));
  if (!below.is_open()) return false;
  const auto entries = ReadFolder(below.number(), EntryFilter::kKeys);
  if (!entries || entries->empty()) return false;
  for (const FolderEntry& entry : *entries) {
    if (!entry.is_folder()) return false;
    const std::string child = entry.name.substr(0, entry.name.size() - 1);
    if (!RemoveEmptyFolders(below.number(), child.c_str())) return false;
  }
  return calls_->RemoveFolder(folder, name) >= 0;
}

Status FilesystemBank::Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
                           std::uint64_t length) {
  // O_NONBLOCK: something that is no file (a fifo) must not hold us.
  const Descriptor file(*calls_, ::openat(folder_.number(), key.str().c_str(),
                                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return NoSuchObject(key);
    return Failed(errno, key, "reading");
  }
  struct stat info {};
  if (::fstat(file.number(), &info) != 0) return Failed(errno, key, "reading");
  if (!S_ISREG(info.st_mode)) return NoSuchObject(key);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (offset > size) {
    return InvalidInput(fmt::format("the object '{}' has {} bytes; reading from byte {} was asked",
                                    key.str(), size, offset));
  }
  const std::uint64_t end = length < size - offset ? offset + length : size;
  std::vector<std::byte> buffer(
      static_cast<std::size_t>(std::clamp<std::uint64_t>(end - offset, 1, kBufferSize)));
  while (offset < end) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset));
    const ssize_t count = ::pread(file.number(), buffer.data(), wanted, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed(errno, key, "reading");
    if (count == 0) {
      return Corrupt(fmt::format("the object '{}' ends at byte {} of {}", key.str(), offset, size));
    }
    HOLDFAST_RETURN_IF_ERROR(
        sink.Write(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(count))));
    offset += static_cast<std::uint64_t>(count);
  }
  return Ok();
}

Result<ObjectInfo> FilesystemBank::Stat(const ObjectKey& key) {
  struct stat info {};
  if (::fstatat(folder_.number(), key.str().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return NoSuchObject(key);
    return Failed(errno, key, "looking for");
  }
  if (!S_ISREG(info.st_mode)) return NoSuchObject(key);
  return ObjectInfo{key, static_cast<std::uint64_t>(info.st_size),
                    WallTime(std::chrono::duration_cast<WallTime::duration>(
                        std::chrono::seconds(info.st_mtim.tv_sec) +
                        std::chrono::nanoseconds(info.st_mtim.tv_nsec)))};
}

Result<std::vector<Descriptor>> FilesystemBank::OpenFolders(const ObjectKey& key) {
  std::vector<Descriptor> folders;
  const std::vector<std::string_view> parts = Split(key.str(), '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const int parent = folders.empty() ? folder_.number() : folders.back().number();
    const int opened = calls_->OpenFolder(parent, std::string(parts[i]).c_str());
    if (opened == -ENOENT || opened == -ENOTDIR || opened == -ELOOP) return NoSuchObject(key);
    if (opened < 0) return Failed(-opened, key, "opening the folder of");
    folders.emplace_back(*calls_, opened);
  }
  return folders;
}

Status FilesystemBank::Delete(const ObjectKey& key) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Descriptor> folders, OpenFolders(key));
  const auto folder_above = [&](std::size_t depth) {
    return depth == 0 ? folder_.number() : folders[depth - 1].number();
  };
  const std::vector<std::string_view> parts = Split(key.str(), '/');
  const int folder = folder_above(folders.size());
  const std::string name(parts.back());
  const int gone = calls_->Unlink(folder, name.c_str());
  if (gone == -ENOENT || gone == -EISDIR) return NoSuchObject(key);
  if (gone < 0) return Failed(-gone, key, "deleting");
  if (const int synced = calls_->Sync(folder); synced < 0) return Failed(-synced, key, "deleting");
  // Empty folders are no keys; they go as far as nobody uses them. A Put that has just opened one
  // notices (CreateFile says -ENOENT) and starts again.
  for (std::size_t depth = folders.size(); depth > 0; --depth) {
    if (calls_->RemoveFolder(folder_above(depth - 1), std::string(parts[depth - 1]).c_str()) < 0) {
      break;
    }
  }
  return Ok();
}

Result<std::vector<ObjectInfo>> FilesystemBank::List(const ListOptions& options) {
  if (options.limit < 1 || options.limit > 10'000) {
    return InvalidInput(
        fmt::format("a page of a listing has 1 to 10000 objects, not {}", options.limit));
  }
  std::vector<ObjectInfo> found;
  // Start as deep as the prefix allows. A prefix that is no start of a key matches nothing.
  const std::size_t slash = options.prefix.rfind('/');
  if (slash == std::string::npos) {
    HOLDFAST_RETURN_IF_ERROR(ListBelow(folder_.number(), "", options, found));
    return found;
  }
  const auto start = ObjectKey::Parse(options.prefix.substr(0, slash));
  if (!start) return found;
  // "." stands for any object in that folder; only the folders above it are opened.
  Descriptor current;
  for (const std::string_view part : Split(start->str(), '/')) {
    const int parent = current.is_open() ? current.number() : folder_.number();
    const int opened = calls_->OpenFolder(parent, std::string(part).c_str());
    if (opened == -ENOENT || opened == -ENOTDIR || opened == -ELOOP) return found;
    if (opened < 0) return Failed(-opened, *start, "listing");
    current = Descriptor(*calls_, opened);
  }
  HOLDFAST_RETURN_IF_ERROR(ListBelow(current.number(), start->str() + "/", options, found));
  return found;
}

// Appends the objects below the open folder `path` ("" or with '/' at its end) until the page is
// full. Recursion is as deep as a key has parts: at most 350.
Status FilesystemBank::ListBelow(int folder, const std::string& path, const ListOptions& options,
                                 std::vector<ObjectInfo>& found) {
  auto entries = ReadFolder(folder, EntryFilter::kKeys);
  if (!entries) {
    if (entries.error().code() == ErrorCode::kNotFound) return Ok();  // removed meanwhile
    return std::move(entries).error().While(fmt::format("listing '{}' in {}", path, Describe()));
  }
  const bool ascending = options.direction == ListDirection::kAscending;
  const std::string& prefix = options.prefix;
  const std::string& marker = options.marker;
  std::erase_if(*entries, [&](const FolderEntry& entry) {
    const std::string whole = path + entry.name;
    if (!whole.starts_with(prefix) && !(entry.is_folder() && prefix.starts_with(whole)))
      return true;
    if (marker.empty()) return false;
    if (ascending) return whole <= marker && !(entry.is_folder() && marker.starts_with(whole));
    return whole >= marker;
  });
  std::sort(entries->begin(), entries->end(), [&](const FolderEntry& a, const FolderEntry& b) {
    return ascending ? a.name < b.name : b.name < a.name;
  });
  for (const FolderEntry& entry : *entries) {
    const std::string whole = path + entry.name;
    if (entry.is_folder()) {
      const std::string name = entry.name.substr(0, entry.name.size() - 1);
      const Descriptor below(*calls_, calls_->OpenFolder(folder, name.c_str()));
      if (below.number() == -ENOENT || below.number() == -ENOTDIR) continue;
      if (!below.is_open()) {
        return SystemError(-below.number(), fmt::format("listing '{}' in {}", whole, Describe()));
      }
      HOLDFAST_RETURN_IF_ERROR(ListBelow(below.number(), whole, options, found));
    } else if (auto key = ObjectKey::Parse(whole)) {
      auto info = Stat(*key);
      if (info) {
        found.push_back(*std::move(info));
      } else if (info.error().code() != ErrorCode::kNotFound) {
        return Error(std::move(info).error());
      }
    }
    if (found.size() == options.limit) break;
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<Bank>> OpenFilesystemBank(const std::filesystem::path& root,
                                                 MissingBank missing) {
  return OpenFilesystemBank(root, banks::filesystem::SystemFileCalls(), missing);
}

Result<std::unique_ptr<Bank>> OpenFilesystemBank(const std::filesystem::path& root,
                                                 FileCalls& calls, MissingBank missing) {
  std::error_code failed;
  std::filesystem::path path = std::filesystem::absolute(root, failed).lexically_normal();
  if (failed || root.empty()) return InvalidInput("the path of a filesystem bank is empty");
  if (!path.has_filename()) path = path.parent_path();  // "/bank/" is "/bank"
  const std::string what = fmt::format("opening the bank at '{}'", path.string());
  int opened = calls.OpenRoot(path.c_str());
  bool made = false;
  const auto open_parent = [&] {
    return Descriptor(calls, calls.OpenRoot(path.parent_path().c_str()));
  };
  if (opened == -ENOENT && missing == MissingBank::kRefuse) {
    return NotFound(fmt::format("the bank at '{}' is not there yet", path.string()))
        .Hint(
            "the first run of a workflow makes it, unless its path is not the one that was meant");
  }
  if (opened == -ENOENT) {
    const Descriptor parent = open_parent();
    if (!parent.is_open()) {
      return SystemError(-parent.number(), what)
          .Hint(fmt::format("make the folder '{}' first", path.parent_path().string()));
    }
    const int created = calls.MakeFolder(parent.number(), path.filename().c_str());
    if (created < 0 && created != -EEXIST)
      return WithOwner(SystemError(-created, what), -created, path.parent_path());
    made = true;
    opened = calls.OpenRoot(path.c_str());
  }
  if (opened == -ENOTDIR) return InvalidInput(what + ": this is no folder");
  if (opened < 0) return WithOwner(SystemError(-opened, what), -opened, path);
  Descriptor folder(calls, opened);
  struct stat info {};
  if (::fstat(opened, &info) != 0) return SystemError(errno, what);
  // Ours, and its name perhaps not durable yet (see MakeFolders).
  if (made || (info.st_mode & 07777U) == 01700U) {
    const Descriptor parent = open_parent();
    const int synced = parent.is_open() ? calls.Sync(parent.number()) : parent.number();
    if (synced < 0) return SystemError(-synced, what);
    calls.MarkDurable(opened);
  }
  return std::unique_ptr<Bank>(
      std::make_unique<FilesystemBank>(calls, path.string(), std::move(folder)));
}

}  // namespace holdfast
