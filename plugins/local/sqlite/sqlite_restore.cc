#include "plugins/local/sqlite/sqlite_restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <tuple>

#include "plugins/local/sqlite/database_user.h"
#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::sqlite {
namespace {

// What SQLite keeps beside a database. A journal left beside a file that it does not belong to
// would be played into it.
constexpr std::array<std::string_view, 3> kCompanions{"-wal", "-journal", "-shm"};

Status MoveIfPresent(const std::string& from, const std::string& to) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(from));
  if (!there) return Ok();
  return staging::RenameDurably(from, to);
}

// The old file was moved aside before this one was made: it is not ours to throw away.
Error MadeMeanwhile(const RestoreFiles& files) {
  return Error(ErrorCode::kConflict,
               fmt::format("'{}' was made by another process while it was restored",
                           Printable(files.target)))
      .Hint("stop what uses the database, move the file away and run the restore again");
}

// Undoes a swap that was begun, and not done.
Status PutBack(const RestoreFiles& files) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool target, staging::Exists(files.target));
  if (target) return MadeMeanwhile(files);
  // Journals first, so that the database never stands without them.
  for (const std::string_view suffix : kCompanions) {
    HOLDFAST_RETURN_IF_ERROR(
        MoveIfPresent(files.replaced + std::string(suffix), files.target + std::string(suffix)));
  }
  return staging::RenameDurably(files.replaced, files.target);
}

// RefuseInUse of a database that stands at `path` for the moment.
Status RefuseInUseAt(const std::string& path, const RestoreFiles& files, Context& context) {
  auto user = UserOfDatabase(path);
  if (!user) {
    // Where the file may be replaced and not be read; as without this look.
    context.log().Log(LogLevel::kWarning,
                      fmt::format("it is not known whether '{}' is in use: {}",
                                  Printable(files.target), user.error().message()));
    return Ok();
  }
  if (!*user) return Ok();
  const std::string& name = (*user)->name;
  return Error(ErrorCode::kLocked,
               fmt::format(
                   "the database '{}' is in use by {}: what is written there after the "
                   "restore would be lost",
                   Printable(files.target),
                   name.empty() ? "a process that cannot be told from here" : "process " + name))
      .Hint(
          "stop the application; a restore does it itself where its Local::Application has the "
          "commands 'stop' and 'start'; 'path' restores to another place");
}

}  // namespace

RestoreFiles FilesOfRestore(const Checkpoint& checkpoint, const Resource& resource,
                            const std::string& target) {
  const std::string folder = FolderOf(target);
  return {target, fmt::format("{}/{}", folder, staging::HiddenName(checkpoint, resource, "fresh")),
          fmt::format("{}/{}", folder, staging::HiddenName(checkpoint, resource, "replaced"))};
}

Status RefuseExisting(const RestoreFiles& files, bool overwrite) {
  if (overwrite) return Ok();
  for (const std::string_view suffix : {std::string_view(), kCompanions[0], kCompanions[1]}) {
    const std::string path = files.target + std::string(suffix);
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(path));
    if (there) {
      return Error(ErrorCode::kConflict, fmt::format("'{}' exists already", Printable(path)))
          .Hint("'overwrite: true' replaces it, 'path' restores to another place");
    }
  }
  return Ok();
}

Status RefuseInUse(const RestoreFiles& files, Context& context) {
  return RefuseInUseAt(files.target, files, context);
}

Result<std::string> FileIdentity(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::string();
    return SystemError(errno, Printable(path));
  }
  // The time of birth tells a file from an older one whose inode number it got.
  const bool born = (info.stx_mask & STATX_BTIME) != 0;
  return fmt::format("{}:{}:{}:{}.{}", info.stx_dev_major, info.stx_dev_minor, info.stx_ino,
                     born ? info.stx_btime.tv_sec : 0, born ? info.stx_btime.tv_nsec : 0);
}

Status SwapIn(const RestoreFiles& files, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool fresh, staging::Exists(files.fresh));
  if (!fresh) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool done, staging::Exists(files.target));
    if (done) return Ok();
    return NotFound(fmt::format("'{}' is gone", Printable(files.fresh)));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const bool target, staging::Exists(files.target));
  HOLDFAST_ASSIGN_OR_RETURN(const bool replaced, staging::Exists(files.replaced));
  if (target && replaced) return MadeMeanwhile(files);
  if (target) {
    HOLDFAST_RETURN_IF_ERROR(RefuseInUse(files, context));
    // The database file goes first: as long as it stands, its journals must stand beside it.
    HOLDFAST_RETURN_IF_ERROR(staging::RenameDurably(files.target, files.replaced));
  }
  Failpoint("sqlite:moved-aside");
  // Opened since the look above; from here on nobody can open it by its name.
  if (Status alone = RefuseInUseAt(files.replaced, files, context); !alone) {
    Error refused = std::move(alone).error();
    if (Status back = PutBack(files); !back) {
      return std::move(refused).Because(std::move(back).error());
    }
    return refused;
  }
  for (const std::string_view suffix : kCompanions) {
    HOLDFAST_RETURN_IF_ERROR(
        MoveIfPresent(files.target + std::string(suffix), files.replaced + std::string(suffix)));
  }
  Failpoint("sqlite:journals-aside");
  if (Status swapped = staging::RenameToFree(files.fresh, files.target); !swapped) {
    if (swapped.error().code() == ErrorCode::kConflict) return MadeMeanwhile(files);
    return swapped;
  }
  Failpoint("sqlite:swapped");
  return Ok();
}

Status RemoveAndSay(const std::string& path, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(path));
  HOLDFAST_RETURN_IF_ERROR(staging::RemoveDurably(path));
  if (there) context.log().Log(LogLevel::kInfo, "removed " + Printable(path));
  return Ok();
}

Status CleanUpRestore(const RestoreFiles& files, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool target, staging::Exists(files.target));
  HOLDFAST_ASSIGN_OR_RETURN(const bool replaced, staging::Exists(files.replaced));
  if (!target && replaced) {
    HOLDFAST_RETURN_IF_ERROR(PutBack(files));
    context.log().Log(LogLevel::kInfo, "put back " + Printable(files.target));
  }
  for (const std::string_view suffix : kCompanions) {
    HOLDFAST_RETURN_IF_ERROR(RemoveAndSay(files.replaced + std::string(suffix), context));
    HOLDFAST_RETURN_IF_ERROR(RemoveAndSay(files.fresh + std::string(suffix), context));
  }
  HOLDFAST_RETURN_IF_ERROR(RemoveAndSay(files.replaced, context));
  return RemoveAndSay(files.fresh, context);
}

}  // namespace holdfast::plugins::sqlite
