#include "plugins/local/directory/tree_restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "plugins/local/directory/archive_reader.h"
#include "plugins/local/directory/directory_stack.h"
#include "plugins/local/directory/file_listing.h"
#include "plugins/local/directory/parameter_rules.h"
#include "plugins/local/directory/remove_tree.h"
#include "plugins/local/directory/tree_archiver.h"
#include "plugins/local/directory/tree_reader.h"
#include "plugins/local/directory/tree_snapshot.h"
#include "plugins/local/directory/tree_writer.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

using RestoreParameters = DirectoryProtection::RestoreParameters;
using SavedInfo = DirectoryProtection::SavedInfo;

// What this record has restored already, in the record's section: one restore is enough, also when
// a later epoch asks again.
constexpr std::string_view kRestoredKey = "restored";

struct Plan {
  RestoreParameters parameters;
  SavedInfo info;
  std::string target;
  std::string parent;  // of the target
  std::string work;    // the work folder
  std::string id;
  std::string done;  // what kRestoredKey holds when this restore has been done
};

bool Exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Is another file system mounted at the target? What is renamed must be on the same.
bool IsMountPoint(const Plan& plan) {
  struct stat st {};
  struct stat above {};
  return ::lstat(plan.target.c_str(), &st) == 0 && S_ISDIR(st.st_mode) &&
         ::stat(plan.parent.c_str(), &above) == 0 &&
         (above.st_dev != st.st_dev || plan.target == "/");
}

Result<Plan> PlanOf(Checkpoint& checkpoint, const Resource& resource,
                    const Parameters& parameters) {
  Plan plan;
  plan.parameters = parameters.As<RestoreParameters>(resource);
  HOLDFAST_ASSIGN_OR_RETURN(const Value info, checkpoint.SavedInfo(resource));
  plan.info = BindChecked<SavedInfo>(info);
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(RestoreFaults(plan.parameters)));
  std::string& only = plan.parameters.only;
  HOLDFAST_ASSIGN_OR_RETURN(only, OnlyOf(plan.parameters));
  const std::string& wanted =
      plan.parameters.target.empty() ? plan.info.path : plan.parameters.target;
  HOLDFAST_ASSIGN_OR_RETURN(plan.target, CleanAbsolutePath(wanted, "target"));
  plan.parent = ParentOf(plan.target);
  plan.id = WorkId(checkpoint, resource);
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  plan.work = journaled.StringOr("work", "");
  if (plan.work.empty()) {
    const std::string& beside = IsMountPoint(plan) ? plan.target : plan.parent;
    plan.work = (beside == "/" ? "" : beside) + "/" + std::string(kRestorePrefix) + plan.id;
  }
  plan.done = plan.target + "\n" + only;
  return plan;
}

Result<bool> DoneBefore(Checkpoint& checkpoint, const Resource& resource, const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section, checkpoint.RecordSection(resource));
  auto done = section.GetBytes(kRestoredKey);
  if (!done) {
    if (done.error().code() == ErrorCode::kNotFound) return false;
    return std::move(done).error();
  }
  const std::string& only = plan.parameters.only;
  return *done == plan.done && Exists(only.empty() ? plan.target : plan.target + "/" + only);
}

Status RecordDone(Checkpoint& checkpoint, const Resource& resource, const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section, checkpoint.RecordSection(resource));
  return section.PutSame(kRestoredKey, plan.done);
}

// --- What is there -------------------------------------------------------------------------------

enum class TargetState {
  kAbsent,
  kEmpty,       // an empty directory
  kMountPoint,  // an empty directory that another file system is mounted at
  kFull,
};

struct Found {
  TargetState target = TargetState::kAbsent;
  bool only_is_there = false;
  bool ours = false;      // the target is this record's work
  bool complete = false;  // and whole
  bool fills = false;     // what was built moves into an empty mount point, or has begun to
};

Result<Found> LookAt(const Plan& plan) {
  Found found;
  const bool tree = Exists(plan.work + "/tree");
  found.complete = Exists(plan.work + "/taken") && !tree;
  found.fills = Exists(plan.work + "/fills");
  found.ours = found.complete || found.fills || Exists(plan.work + "/in-place");
  struct stat st {};
  if (::lstat(plan.target.c_str(), &st) != 0) {
    if (errno != ENOENT) return SystemError(errno, Printable(plan.target));
    found.complete = false;
    found.ours = false;
    return found;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor fd, OpenRoot(plan.target));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DirectoryName> names, ListDirectory(fd.get()));
  // What mkfs makes is no data of anybody.
  const bool empty = std::all_of(names.begin(), names.end(), [](const DirectoryName& name) {
    return name.name == "lost+found" || IsWorkName(name.name);
  });
  found.target = !empty               ? TargetState::kFull
                 : IsMountPoint(plan) ? TargetState::kMountPoint
                                      : TargetState::kEmpty;
  found.only_is_there =
      !plan.parameters.only.empty() && Exists(plan.target + "/" + plan.parameters.only);
  return found;
}

Status RefuseExisting(const Plan& plan, const Found& found) {
  if (found.ours || plan.parameters.overwrite) return Ok();
  if (plan.parameters.only.empty() ? found.target != TargetState::kFull : !found.only_is_there)
    return Ok();
  const std::string what =
      plan.parameters.only.empty() ? plan.target : plan.target + "/" + plan.parameters.only;
  return Error(ErrorCode::kConflict, fmt::format("{} holds data already", Printable(what)))
      .Hint("restore to another 'target', or set 'overwrite: true'");
}

// What the checkpoint was made without, although no pattern says so.
Result<std::vector<std::string>> LeftOut(const SavedInfo& info) {
  std::vector<std::string> paths = info.left_out;
  paths.insert(paths.end(), info.unreadable_paths.begin(), info.unreadable_paths.end());
  for (const std::string& text : info.unreadable_base64) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string path, FromBase64(text));
    paths.push_back(std::move(path));
  }
  return paths;
}

// What could not be read when the checkpoint was made is no other entry, as far as it is known.
Status RefuseUnknownOthers(const Plan& plan) {
  const SavedInfo& info = plan.info;
  const std::size_t known = info.unreadable_paths.size() + info.unreadable_base64.size();
  if (plan.parameters.existing != "replace" || info.unreadable <= static_cast<std::int64_t>(known))
    return Ok();
  return Error(
             ErrorCode::kConflict,
             fmt::format("{} entries could not be read when the checkpoint was made, and it names "
                         "{} of them: the others would be removed",
                         info.unreadable, known))
      .Hint("'existing: merge' removes nothing");
}

bool WritesInPlace(const Plan& plan, const Found& found) {
  if (found.target == TargetState::kAbsent) return false;
  if (!plan.parameters.only.empty()) return true;
  return found.target == TargetState::kFull && !found.fills;
}

// --- What is wanted ------------------------------------------------------------------------------

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.substr(0, directory.size()) == directory &&
         path[directory.size()] == '/';
}

struct Selection {
  std::string only;             // empty: everything
  std::set<std::string> aside;  // entries outside that hard links inside are further names of
  std::uint64_t entries = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t largest = 0;

  bool Holds(std::string_view path) const {
    return only.empty() || path == only || IsBelow(path, only);
  }
  bool LeadsTo(std::string_view path) const { return path == "." || IsBelow(only, path); }
};

Result<Selection> Select(Checkpoint& checkpoint, const Resource& resource, const Plan& plan) {
  Selection selection;
  selection.only = plan.parameters.only;
  if (selection.only.empty()) {
    selection.entries = static_cast<std::uint64_t>(plan.info.entries);
    selection.data_bytes = plan.info.data_bytes.bytes;
    selection.largest = plan.info.largest.bytes;
    return selection;
  }
  std::set<std::string> inside;  // of entries that may have further names: all but directories
  for (int pass = 0; pass < 2; ++pass) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                              checkpoint.OpenData(resource, "files"));
    FileListingReader reader(*source);
    for (;;) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::optional<FileLine> line, reader.Next());
      if (!line) break;
      const bool holds = selection.Holds(line->path);
      if (pass == 0 && holds && line->type == "hard-link" && !selection.Holds(line->target)) {
        selection.aside.insert(line->target);
      }
      if (pass == 1 && (holds || selection.aside.count(line->path) != 0)) {
        ++selection.entries;
        selection.data_bytes += line->data;
        selection.largest = std::max(selection.largest, line->data);
      }
    }
  }
  if (selection.entries == 0) {
    return NotFound(fmt::format("the checkpoint has no '{}'", Printable(selection.only)))
        .Hint("'holdfast checkpoints ls' shows what it has");
  }
  return selection;
}

// --- Space ---------------------------------------------------------------------------------------

// What the files below `path` take, as far as they go when they are replaced.
std::uint64_t Allocated(const std::string& path) {
  std::string copy = path;
  char* const paths[] = {copy.data(), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> walk(
      ::fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, nullptr), &::fts_close);
  std::uint64_t sum = 0;
  while (FTSENT* const entry = walk == nullptr ? nullptr : ::fts_read(walk.get())) {
    if (entry->fts_info == FTS_F && entry->fts_statp->st_nlink == 1) {
      sum += static_cast<std::uint64_t>(entry->fts_statp->st_blocks) * 512;
    }
  }
  return sum;
}

Status CheckSpace(const Plan& plan, const Found& found, const Selection& selection) {
  std::string place = plan.target;
  while (!Exists(place)) place = ParentOf(place);
  struct statvfs fs {};
  if (::statvfs(place.c_str(), &fs) != 0) return SystemError(errno, Printable(place));
  const std::uint64_t free = (::geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
  // Each entry rounds up to a block, half of one on average.
  std::uint64_t needed = selection.data_bytes + selection.entries * fs.f_frsize / 2;
  if (WritesInPlace(plan, found) && plan.parameters.overwrite) {
    // Files are replaced one by one: the old ones go, the largest new one stands beside its old
    // one.
    const std::string replaced =
        selection.only.empty() ? plan.target : plan.target + "/" + selection.only;
    const std::uint64_t old = Allocated(replaced);
    needed = std::max(needed > old ? needed - old : 0, selection.largest);
  }
  if (needed > free) {
    return Error(ErrorCode::kDenied, fmt::format("{} needs {} and has {} free", Printable(place),
                                                 HumanSize(needed), HumanSize(free)))
        .Hint("nothing of it has been written; make room, or restore to another 'target'");
  }
  if (fs.f_files > 0 && fs.f_favail < selection.entries && !found.ours &&
      !plan.parameters.overwrite) {
    return Error(ErrorCode::kDenied, fmt::format("{} needs {} inodes and has {} free",
                                                 Printable(place), selection.entries, fs.f_favail))
        .Hint("nothing of it has been written; restore to another 'target'");
  }
  return Ok();
}

// --- Writing -------------------------------------------------------------------------------------

Status FillFile(Context& context, ArchiveReader& archive, RateLimit& rate, const TreeEntry& entry,
                std::uint64_t& bytes, int to) {
  std::uint64_t end = 0;
  for (;;) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(const ArchiveReader::Block block, archive.NextBlock());
    if (block.data.empty()) break;
    for (std::size_t done = 0; done < block.data.size();) {
      const ssize_t written = ::pwrite(to, block.data.data() + done, block.data.size() - done,
                                       static_cast<off_t>(block.offset + done));
      if (written < 0) {
        if (errno == EINTR) continue;
        return SystemError(errno, "writing");
      }
      done += static_cast<std::size_t>(written);
    }
    end = block.offset + block.data.size();
    bytes += block.data.size();
    HOLDFAST_RETURN_IF_ERROR(rate.Pass(block.data.size()));
    // In steps of at least 1 MiB; the runtime throttles what it does with them.
    if ((bytes & 0xFFFFFU) < block.data.size()) context.Report({bytes, 0, "writing"});
  }
  if (end < entry.size && ::ftruncate(to, static_cast<off_t>(entry.size)) != 0) {
    return SystemError(errno, "setting the size");
  }
  return Ok();
}

Status WriteEntries(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    const Plan& plan, const Selection& selection, TreeWriter& writer) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                            checkpoint.OpenData(resource, "tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveReader> archive,
                            ArchiveReader::Open(*source));
  RateLimit rate(context, plan.parameters.rate_limit.bytes);
  std::uint64_t bytes = 0;
  std::uint64_t written = 0;
  const auto fill = [&](const TreeEntry& entry) {
    return [&context, &archive, &rate, &bytes, &entry](int to) {
      return FillFile(context, *archive, rate, entry, bytes, to);
    };
  };
  for (;;) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(const TreeEntry* const entry, archive->Next());
    if (entry == nullptr) break;
    if (selection.Holds(entry->path)) {
      Failpoint("directory:restore-entry");
      HOLDFAST_RETURN_IF_ERROR(writer.Add(*entry, fill(*entry)));
      ++written;
    } else if (selection.aside.count(entry->path) != 0) {
      HOLDFAST_RETURN_IF_ERROR(writer.KeepAside(*entry, fill(*entry)));
      ++written;
    } else if (selection.LeadsTo(entry->path) && entry->type == EntryType::kDirectory) {
      HOLDFAST_RETURN_IF_ERROR(writer.AddAncestor(*entry));
    } else if (written == selection.entries) {
      break;  // all that is wanted has been seen
    }
  }
  if (written != selection.entries) {
    return Corrupt(fmt::format("the archive has {} entries of {}", written, selection.entries));
  }
  context.Report({bytes, bytes, "writing"});
  return writer.Finish();
}

Status MakeParents(const std::string& path) {
  if (Exists(path)) return Ok();
  HOLDFAST_RETURN_IF_ERROR(MakeParents(ParentOf(path)));
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return SystemError(errno, "making " + Printable(path));
  }
  return Ok();
}

Status MakeWorkFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemError(errno, "making " + Printable(path));
  }
  // What is made in it must not inherit a default ACL of the target's parent.
  ::removexattr(path.c_str(), "system.posix_acl_default");
  return Ok();
}

Status SyncFolder(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0)
    return SystemError(errno, "syncing " + Printable(path));
  return Ok();
}

Status MakeMark(const Plan& plan, const char* name) {
  const std::string path = plan.work + "/" + name;
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError(errno, "making " + Printable(path));
  return SyncFolder(plan.work);
}

// Puts the finished tree where the target is to be; only an empty directory gives way.
Status TakePlace(const Plan& plan) {
  HOLDFAST_RETURN_IF_ERROR(MakeMark(plan, "taken"));
  Failpoint("directory:restore-built");
  if (::rename((plan.work + "/tree").c_str(), plan.target.c_str()) != 0) {
    const int why = errno;
    ::unlink((plan.work + "/taken").c_str());
    if (why == ENOTEMPTY || why == EEXIST || why == ENOTDIR) {
      return Error(ErrorCode::kConflict,
                   fmt::format("{} was made by somebody else meanwhile", Printable(plan.target)));
    }
    return SystemError(why, "renaming to " + Printable(plan.target));
  }
  Failpoint("directory:restore-renamed");
  return SyncFolder(plan.parent);
}

TreeWriteOptions WriteOptionsOf(const Plan& plan) {
  TreeWriteOptions options;
  options.owners = plan.parameters.owners == "names"  ? Owners::kNames
                   : plan.parameters.owners == "none" ? Owners::kNone
                                                      : Owners::kNumeric;
  options.tolerate_unsupported = plan.parameters.on_unsupported == "warn";
  options.work_folder = plan.work + "/work";
  options.work_name = std::string(kRestorePrefix) + plan.id;
  options.elsewhere = plan.work + "/elsewhere";
  return options;
}

// --- Into an empty mount point --------------------------------------------------------------------
//
// What was built in its work folder moves into it entry by entry, never over what somebody has put
// there meanwhile. The mark `fills` is there from before the first move; it holds the names, and by
// inode what they are, so that nothing else is ever taken back.

struct BuiltEntry {
  std::string name;
  ino_t inode = 0;
};

Status MarkFill(const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor tree, OpenRoot(plan.work + "/tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DirectoryName> names, ListDirectory(tree.get()));
  std::string text;
  for (const DirectoryName& name : names) {
    struct stat st {};
    if (::fstatat(tree.get(), name.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return SystemError(errno, Printable(name.name));
    text += fmt::format("{} {}", st.st_ino, name.name) + '\0';
  }
  return WriteFileDurably(plan.work + "/fills", text);
}

Result<std::vector<BuiltEntry>> ReadFill(const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(plan.work + "/fills"));
  std::vector<BuiltEntry> entries;
  for (const std::string_view line : Split(text, '\0')) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    BuiltEntry entry;
    entry.name = line.substr(space + 1);
    std::from_chars(line.data(), line.data() + space, entry.inode);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Status MoveBuilt(int from, int to, const BuiltEntry& entry, const Plan& plan) {
  const char* const name = entry.name.c_str();
  struct stat st {};
  if (::fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Ok() : SystemError(errno, Printable(entry.name));  // moved before
  if (::renameat2(from, name, to, name, RENAME_NOREPLACE) == 0) return Ok();
  // What mkfs makes gives way as long as it is empty.
  if (errno == EEXIST && entry.name == "lost+found" && ::renameat(from, name, to, name) == 0)
    return Ok();
  if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
    return Error(ErrorCode::kConflict, fmt::format("{}/{} was made by somebody else meanwhile",
                                                   Printable(plan.target), Printable(entry.name)));
  }
  return SystemError(
      errno, fmt::format("renaming to {}/{}", Printable(plan.target), Printable(entry.name)));
}

// Again after it was killed: goes on.
Status Fill(Checkpoint& checkpoint, Context& context, const Resource& resource, const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BuiltEntry> entries, ReadFill(plan));
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor tree, OpenRoot(plan.work + "/tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor target, OpenRoot(plan.target));
  for (const BuiltEntry& entry : entries) {
    HOLDFAST_RETURN_IF_ERROR(MoveBuilt(tree.get(), target.get(), entry, plan));
    Failpoint("directory:restore-filled");
  }
  // The root itself stays, and becomes as it was: it is the first entry of the archive.
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                            checkpoint.OpenData(resource, "tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveReader> archive,
                            ArchiveReader::Open(*source));
  HOLDFAST_ASSIGN_OR_RETURN(const TreeEntry* const root, archive->Next());
  if (root == nullptr || root->path != ".")
    return Corrupt("the archive does not begin with its root");
  TreeWriteOptions options = WriteOptionsOf(plan);
  options.fresh = false;
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<TreeWriter> writer,
                            TreeWriter::Open(context, plan.target, std::move(options)));
  HOLDFAST_RETURN_IF_ERROR(writer->Add(*root, {}));
  return writer->Finish();
}

// Takes back what was moved, where the rest cannot follow.
Status UndoFill(const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BuiltEntry> entries, ReadFill(plan));
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor target, OpenRoot(plan.target));
  for (const BuiltEntry& entry : entries) {
    struct stat st {};
    if (::fstatat(target.get(), entry.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        st.st_ino != entry.inode) {
      continue;  // not moved, or somebody else's
    }
    HOLDFAST_RETURN_IF_ERROR(RemoveTreeAt(target.get(), entry.name));
  }
  return Ok();
}

Status WriteTree(Checkpoint& checkpoint, Context& context, const Resource& resource,
                 const Plan& plan, const Found& found) {
  if (found.fills) return Fill(checkpoint, context, resource, plan);
  HOLDFAST_ASSIGN_OR_RETURN(const Selection selection, Select(checkpoint, resource, plan));
  HOLDFAST_RETURN_IF_ERROR(CheckSpace(plan, found, selection));
  const bool in_place = WritesInPlace(plan, found);
  // What a killed attempt built beside the target is begun again; what it did in place goes on.
  if (!found.ours) HOLDFAST_RETURN_IF_ERROR(RemoveTree(plan.work));
  HOLDFAST_RETURN_IF_ERROR(MakeParents(plan.parent));
  HOLDFAST_RETURN_IF_ERROR(MakeWorkFolder(plan.work));
  if (in_place) HOLDFAST_RETURN_IF_ERROR(MakeMark(plan, "in-place"));
  Failpoint("directory:restore-marked");
  HOLDFAST_RETURN_IF_ERROR(RemoveTree(plan.work + "/work"));
  HOLDFAST_RETURN_IF_ERROR(MakeWorkFolder(plan.work + "/work"));
  if (!in_place) HOLDFAST_RETURN_IF_ERROR(MakeWorkFolder(plan.work + "/tree"));
  TreeWriteOptions options = WriteOptionsOf(plan);
  options.fresh = !in_place;
  options.remove_others = in_place && plan.parameters.existing == "replace";
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> left_out, LeftOut(plan.info));
  HOLDFAST_ASSIGN_OR_RETURN(options.keep,
                            ExcludePatterns::Parse(WithPaths(plan.info.exclude, left_out)));
  const std::string root = in_place ? plan.target : plan.work + "/tree";
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<TreeWriter> writer,
                            TreeWriter::Open(context, root, std::move(options)));
  HOLDFAST_RETURN_IF_ERROR(WriteEntries(checkpoint, context, resource, plan, selection, *writer));
  if (in_place) return Ok();
  if (found.target != TargetState::kMountPoint) return TakePlace(plan);
  HOLDFAST_RETURN_IF_ERROR(MarkFill(plan));
  return Fill(checkpoint, context, resource, plan);
}

// Takes away what a restore that did not end well has made where nothing was before.
Status UndoInPlace(Checkpoint& checkpoint, const Resource& resource, const Plan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  const std::string before = journaled.StringOr("before", "");
  if (before != "nothing" || !Exists(plan.target)) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor root, OpenRoot(plan.target));
  if (!plan.parameters.only.empty()) {
    std::string name;
    auto folder = OpenFolderBelow(root.get(), plan.parameters.only, name);
    if (!folder) {
      return folder.error().code() == ErrorCode::kNotFound ? Ok()
                                                           : Status(std::move(folder).error());
    }
    return RemoveTreeAt(folder->get(), name);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DirectoryName> names, ListDirectory(root.get()));
  for (const DirectoryName& name : names) {
    if (name.name == "lost+found" || IsWorkName(name.name)) continue;
    HOLDFAST_RETURN_IF_ERROR(RemoveTreeAt(root.get(), name.name));
  }
  return Ok();
}

// Killed while it filled a mount point: all is built, so that it is better ended than taken back. Where
// it cannot end, nothing of it stays.
Status EndFill(Checkpoint& checkpoint, Context& context, const Resource& resource,
               const Plan& plan) {
  if (!Exists(plan.target)) return Ok();
  const Status filled = Fill(checkpoint, context, resource, plan);
  if (filled) return RecordDone(checkpoint, resource, plan);
  context.log().Log(LogLevel::kWarning, "taken back: " + filled.error().OneLine());
  return UndoFill(plan);
}

// Temporary entries that stand where the work folder's file system does not reach.
Status RemoveElsewhere(const Plan& plan) {
  const std::string list = plan.work + "/elsewhere";
  if (!Exists(list) || !Exists(plan.target)) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(list));
  HOLDFAST_ASSIGN_OR_RETURN(const FileDescriptor root, OpenRoot(plan.target));
  const std::string temporary = std::string(kRestorePrefix) + plan.id;
  for (const std::string_view folder : Split(text, '\0')) {
    if (folder.empty()) continue;
    std::string name;
    const auto open = OpenFolderBelow(root.get(), std::string(folder) + "/" + temporary, name);
    if (!open) continue;  // gone, or replaced by somebody
    HOLDFAST_RETURN_IF_ERROR(RemoveTreeAt(open->get(), name));
  }
  return Ok();
}

// One inside the target takes the target's time with it, which the restore has set.
Status RemoveWorkFolder(const Plan& plan) {
  struct stat st {};
  const bool inside = ParentOf(plan.work) == plan.target && Exists(plan.work) &&
                      ::lstat(plan.target.c_str(), &st) == 0;
  HOLDFAST_RETURN_IF_ERROR(RemoveTree(plan.work));
  const std::array<timespec, 2> times{st.st_atim, st.st_mtim};
  if (inside && ::utimensat(AT_FDCWD, plan.target.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return SystemError(errno, "setting the times of " + Printable(plan.target));
  return Ok();
}

// For post, which acts on nothing but what the journal of its epoch names.
Status JournalIntent(Checkpoint& checkpoint, const Resource& resource, const Plan& plan,
                     const Found& found) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  // Run again, what is there is this record's own work: what stood there before is journaled.
  if (found.ours && !journaled.StringOr("target", "").empty()) return Ok();
  const bool nothing =
      plan.parameters.only.empty() ? found.target != TargetState::kFull : !found.only_is_there;
  Value intent(Value::Map{});
  intent.Set("target", plan.target);
  intent.Set("work", plan.work);
  intent.Set("before", nothing ? "nothing" : "data");
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("directory:restore-intended");
  return Ok();
}

}  // namespace

Status PrepareRestore(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const Parameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Plan plan, PlanOf(checkpoint, resource, parameters));
  HOLDFAST_ASSIGN_OR_RETURN(const bool done, DoneBefore(checkpoint, resource, plan));
  HOLDFAST_ASSIGN_OR_RETURN(const Found found, LookAt(plan));
  if (done) return JournalIntent(checkpoint, resource, plan, found);
  HOLDFAST_RETURN_IF_ERROR(RefuseExisting(plan, found));
  HOLDFAST_RETURN_IF_ERROR(RefuseUnknownOthers(plan));
  HOLDFAST_ASSIGN_OR_RETURN(const Selection selection, Select(checkpoint, resource, plan));
  if (!found.ours) HOLDFAST_RETURN_IF_ERROR(CheckSpace(plan, found, selection));
  if (plan.info.changed > 0 || plan.info.unreadable > 0) {
    context.log().Log(
        LogLevel::kWarning,
        fmt::format("when the checkpoint was made, {} entries changed while they were read "
                    "and {} could not be read",
                    plan.info.changed, plan.info.unreadable));
  }
  return JournalIntent(checkpoint, resource, plan, found);
}

Status RestoreTree(Checkpoint& checkpoint, Context& context, const Resource& resource,
                   const Parameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Plan plan, PlanOf(checkpoint, resource, parameters));
  HOLDFAST_ASSIGN_OR_RETURN(const bool done, DoneBefore(checkpoint, resource, plan));
  if (!done) {
    HOLDFAST_ASSIGN_OR_RETURN(const Found found, LookAt(plan));
    HOLDFAST_RETURN_IF_ERROR(RefuseExisting(plan, found));
    if (!found.complete) {
      HOLDFAST_RETURN_IF_ERROR(WriteTree(checkpoint, context, resource, plan, found));
    }
    HOLDFAST_RETURN_IF_ERROR(RecordDone(checkpoint, resource, plan));
    Failpoint("directory:restore-recorded");
  }
  ResourceKey now = resource.key;
  if (plan.target != plan.info.path) now.id = plan.target;
  return checkpoint.SetNewResource(resource, now);
}

Status CleanUpRestore(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const Parameters& parameters) {
  // A checkpoint that does not hold the resource has no saved info to plan with; its pre has failed
  // before it made anything.
  HOLDFAST_ASSIGN_OR_RETURN(const Value intent, checkpoint.Journaled(resource));
  if (intent.StringOr("target", "").empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const Plan plan, PlanOf(checkpoint, resource, parameters));
  HOLDFAST_ASSIGN_OR_RETURN(const bool done, DoneBefore(checkpoint, resource, plan));
  if (!done) {
    HOLDFAST_ASSIGN_OR_RETURN(const Found found, LookAt(plan));
    // Killed between the rename and its record: a resume must know that the target is ours.
    if (found.complete) HOLDFAST_RETURN_IF_ERROR(RecordDone(checkpoint, resource, plan));
    if (found.fills) {
      HOLDFAST_RETURN_IF_ERROR(EndFill(checkpoint, context, resource, plan));
    } else if (found.ours && !found.complete) {
      HOLDFAST_RETURN_IF_ERROR(UndoInPlace(checkpoint, resource, plan));
      HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
      if (journaled.StringOr("before", "") == "data") {
        context.log().Log(LogLevel::kWarning,
                          fmt::format("{} is restored in part: old and new entries, each whole",
                                      Printable(plan.target)));
      }
    }
  }
  HOLDFAST_RETURN_IF_ERROR(RemoveElsewhere(plan));
  Failpoint("directory:restore-clean");
  const bool left = Exists(plan.work);
  HOLDFAST_RETURN_IF_ERROR(RemoveWorkFolder(plan));
  if (left) context.log().Log(LogLevel::kInfo, "removed " + Printable(plan.work));
  return Ok();
}

}  // namespace holdfast::plugins::directory
