#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/banks/filesystem/folder_entries.h"
#include "plugins/sdk/object_key.h"

namespace holdfast {
namespace {

using banks::filesystem::Descriptor;
using banks::filesystem::EntryFilter;
using banks::filesystem::FileCalls;
using banks::filesystem::FolderEntry;
using banks::filesystem::kTemporaryMark;
using banks::filesystem::ReadFolder;

// Every name starts with the mark, so that a sweep removes what a killed probe leaves.
constexpr const char* kFirst = "~first";
constexpr const char* kSecond = "~second";
constexpr const char* kUpper = "~SECOND";

Error Refused(const std::string& root, std::string_view what, int result) {
  std::string message = fmt::format("'{}' cannot hold a bank: {}", root, what);
  if (result < 0) message += fmt::format(" ({})", SystemError(-result, "it fails").message());
  return Error(ErrorCode::kDenied, std::move(message))
      .Hint("a local file system or NFS with hard links, fsync and atomic rename is needed");
}

Status Write(FileCalls& calls, int folder, const char* name, std::string_view text) {
  const Descriptor file(calls, calls.CreateFile(folder, name));
  if (!file.is_open()) return SystemError(-file.number(), "making a file");
  const ssize_t written =
      calls.Write(file.number(), std::as_bytes(std::span(text.data(), text.size())));
  if (written < 0) return SystemError(static_cast<int>(-written), "writing a file");
  if (const int synced = calls.Sync(file.number()); synced < 0) {
    return SystemError(-synced, "syncing a file");
  }
  return Ok();
}

std::string Contents(int folder, const char* name) {
  const int file = ::openat(folder, name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  char buffer[64];
  const ssize_t count = ::read(file, buffer, sizeof buffer);
  ::close(file);
  return count < 0 ? "" : std::string(buffer, static_cast<std::size_t>(count));
}

Status ProbeFolder(FileCalls& calls, const std::string& root, int folder) {
  const auto failed = [&](const Status& status, std::string_view what) {
    return Refused(root, fmt::format("{}: {}", what, status.error().message()), 0);
  };
  if (Status made = Write(calls, folder, kFirst, "first"); !made) return failed(made, "new files");
  if (const int again = calls.CreateFile(folder, kFirst); again != -EEXIST) {
    if (again >= 0) calls.Close(again);
    return Refused(root, "a file was made twice under one name", 0);
  }
  if (const int linked = calls.Link(folder, kFirst, kSecond); linked < 0) {
    return Refused(root, "it has no hard links", linked);
  }
  struct stat info {};
  if (::fstatat(folder, kSecond, &info, 0) != 0 || info.st_nlink != 2) {
    return Refused(root, "a hard link is not counted", 0);
  }
  if (calls.Link(folder, kFirst, kSecond) != -EEXIST) {
    return Refused(root, "a hard link overwrote a name", 0);
  }
  if (::fstatat(folder, kUpper, &info, 0) == 0) {
    return Refused(root, "names that differ in case are the same there", 0);
  }
  if (Status made = Write(calls, folder, kUpper, "upper"); !made) return failed(made, "new files");
  if (const int renamed = calls.Rename(folder, kUpper, kSecond); renamed < 0) {
    return Refused(root, "rename does not replace", renamed);
  }
  if (Contents(folder, kSecond) != "upper" || Contents(folder, kFirst) != "first") {
    return Refused(root, "rename changed another file", 0);
  }
  const std::string longest = std::string(1, kTemporaryMark).append(ObjectKey::kMaxPart, 'n');
  if (Status made = Write(calls, folder, longest.c_str(), "long"); !made) {
    return failed(made, "names of 200 bytes");
  }
  if (const int synced = calls.Sync(folder); synced < 0) {
    return Refused(root, "a folder cannot be synced", synced);
  }
  return Ok();
}

// Removes the temporary files in an open folder and below; those alone, unless it is temporary too.
Status Sweep(FileCalls& calls, int folder, WallTime before, bool dry_run, TemporaryFiles& found) {
  auto entries = ReadFolder(folder, EntryFilter::kTemporary);
  if (!entries) {
    if (entries.error().code() == ErrorCode::kNotFound) return Ok();
    return Error(std::move(entries).error());
  }
  for (const FolderEntry& entry : *entries) {
    if (entry.is_folder()) {
      const std::string name = entry.name.substr(0, entry.name.size() - 1);
      const Descriptor below(calls, calls.OpenFolder(folder, name.c_str()));
      if (below.number() == -ENOENT) continue;
      if (!below.is_open()) return SystemError(-below.number(), "sweeping a folder of the bank");
      HOLDFAST_RETURN_IF_ERROR(Sweep(calls, below.number(), before, dry_run, found));
      if (name.front() == kTemporaryMark && !dry_run) calls.RemoveFolder(folder, name.c_str());
      continue;
    }
    struct stat info {};
    if (::fstatat(folder, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const WallTime written{std::chrono::seconds(info.st_mtim.tv_sec)};
    if (written >= before) continue;
    if (!dry_run) {
      const int gone = calls.Unlink(folder, entry.name.c_str());
      if (gone == -ENOENT) continue;
      if (gone < 0) return SystemError(-gone, "removing a temporary file of the bank");
    }
    ++found.files;
    // Two names, one of them the object's: its bytes stay.
    if (info.st_nlink == 1) found.bytes += static_cast<std::uint64_t>(info.st_size);
  }
  return Ok();
}

}  // namespace

Status ProbeFilesystemBank(const std::filesystem::path& root) {
  return ProbeFilesystemBank(root, banks::filesystem::SystemFileCalls());
}

Status ProbeFilesystemBank(const std::filesystem::path& root, FileCalls& calls) {
  const std::string name = fmt::format("{}probe-{}", kTemporaryMark, ::getpid());
  const std::string shown = root.string();
  const Descriptor folder(calls, calls.OpenRoot(root.c_str()));
  if (!folder.is_open())
    return SystemError(-folder.number(), "opening the bank at '" + shown + "'");
  const int made = calls.MakeFolder(folder.number(), name.c_str());
  if (made < 0 && made != -EEXIST) return Refused(shown, "no folder can be made in it", made);
  Status outcome = Ok();
  {
    const Descriptor probe(calls, calls.OpenFolder(folder.number(), name.c_str()));
    if (!probe.is_open()) return Refused(shown, "a new folder cannot be opened", probe.number());
    TemporaryFiles removed;
    const auto clear = [&] {
      return Sweep(calls, probe.number(), WallTime::max(), false, removed);
    };
    outcome = clear();  // what a killed probe with our process id left
    if (outcome) outcome = ProbeFolder(calls, shown, probe.number());
    Status cleared = clear();
    if (outcome && !cleared) outcome = std::move(cleared);
  }
  calls.RemoveFolder(folder.number(), name.c_str());
  if (!outcome) return outcome;
  if (const int synced = calls.Sync(folder.number()); synced < 0) {
    return Refused(shown, "a folder cannot be synced", synced);
  }
  return Ok();
}

Result<TemporaryFiles> SweepFilesystemBank(const std::filesystem::path& root, WallTime now,
                                           std::chrono::seconds age, bool dry_run) {
  FileCalls& calls = banks::filesystem::SystemFileCalls();
  const Descriptor folder(calls, calls.OpenRoot(root.c_str()));
  if (!folder.is_open()) {
    return SystemError(-folder.number(), fmt::format("sweeping the bank at '{}'", root.string()));
  }
  TemporaryFiles found;
  HOLDFAST_RETURN_IF_ERROR(Sweep(calls, folder.number(), now - age, dry_run, found));
  return found;
}

}  // namespace holdfast
