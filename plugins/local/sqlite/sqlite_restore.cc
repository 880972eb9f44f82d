#include "plugins/local/sqlite/sqlite_restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <tuple>

#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
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

}  // namespace

RestoreFiles FilesOfRestore(const Checkpoint& checkpoint, const Resource& resource,
                            const std::string& target) {
  const std::string folder = staging::FolderOf(target);
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

Status SwapIn(const RestoreFiles& files) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool fresh, staging::Exists(files.fresh));
  if (!fresh) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool done, staging::Exists(files.target));
    if (done) return Ok();
    return NotFound(fmt::format("'{}' is gone", Printable(files.fresh)));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const bool target, staging::Exists(files.target));
  HOLDFAST_ASSIGN_OR_RETURN(const bool replaced, staging::Exists(files.replaced));
  if (target && replaced) {
    // An attempt before this one moved the old file aside; this one is not ours to throw away.
    return Error(ErrorCode::kConflict,
                 fmt::format("'{}' was made by another process while it was restored",
                             Printable(files.target)))
        .Hint("stop what uses the database, move the file away and run the restore again");
  }
  // The database file goes first: as long as it stands, its journals must stand beside it.
  HOLDFAST_RETURN_IF_ERROR(MoveIfPresent(files.target, files.replaced));
  Failpoint("sqlite:moved-aside");
  for (const std::string_view suffix : kCompanions) {
    HOLDFAST_RETURN_IF_ERROR(
        MoveIfPresent(files.target + std::string(suffix), files.replaced + std::string(suffix)));
  }
  Failpoint("sqlite:journals-aside");
  HOLDFAST_RETURN_IF_ERROR(staging::RenameDurably(files.fresh, files.target));
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
    // The swap was cut short: journals first, so that the database never stands without them.
    for (const std::string_view suffix : kCompanions) {
      HOLDFAST_RETURN_IF_ERROR(
          MoveIfPresent(files.replaced + std::string(suffix), files.target + std::string(suffix)));
    }
    HOLDFAST_RETURN_IF_ERROR(staging::RenameDurably(files.replaced, files.target));
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
