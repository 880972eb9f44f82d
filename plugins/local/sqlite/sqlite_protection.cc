#include "plugins/local/sqlite/sqlite_protection.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "plugins/local/sqlite/sqlite_file.h"
#include "plugins/local/sqlite/sqlite_restore.h"
#include "plugins/local/staging/own_work.h"
#include "plugins/local/staging/paced_copy.h"
#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/preflight.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::sqlite {
namespace {

constexpr std::string_view kStream = "database";

// --- What the parameters must keep, also where nothing can be looked at

Status RequirePath(const Resource& resource) {
  if (RequireAbsolutePath(resource.extra.StringOr("path", ""), "path")) return Ok();
  return InvalidInput(
             fmt::format("SQLite database '{}' has no absolute 'path'", Printable(resource.name)))
      .Hint("its entry in the inventory names the file");
}

std::vector<ParameterFault> ProtectFaults(const Resource& resource,
                                          const SqliteProtection::ProtectParameters& parameters) {
  ParameterFaults faults;
  faults.NoteResource(RequirePath(resource));
  if (!parameters.staging.empty()) {
    faults.Note("staging", RequireAbsolutePath(parameters.staging, "staging"));
  }
  return faults.Take();
}

// Where a restore may go to.
Status RequireFilePath(const std::string& path) {
  HOLDFAST_RETURN_IF_ERROR(RequireAbsolutePath(path, "path"));
  // Behind a symlink it would lead elsewhere than it reads, and than the places are compared by.
  for (const std::string_view part : Split(path, '/')) {
    if (part == "..") return InvalidInput(fmt::format("path '{}' holds '..'", Printable(path)));
  }
  if (path.back() != '/') return Ok();
  return InvalidInput(fmt::format("path '{}' is a folder's, not a file's", Printable(path)));
}

std::vector<ParameterFault> RestoreFaults(const SqliteProtection::RestoreParameters& parameters) {
  ParameterFaults faults;
  if (!parameters.path.empty()) faults.Note("path", RequireFilePath(parameters.path));
  return faults.Take();
}

std::vector<ParameterFault> VerifyFaults(const SqliteProtection::VerifyParameters& parameters) {
  ParameterFaults faults;
  faults.Note("scratch", RequireAbsolutePath(parameters.scratch, "scratch"));
  return faults.Take();
}

// --- The database and its files

// The file of a resource, links followed: the staged copy must be on the file's own volume, and
// SQLite names the journals after the file, not the link.
Result<std::string> DatabasePath(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(RequirePath(resource));
  const std::string path = resource.extra.StringOr("path", "");
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (real == nullptr) {
    return SystemError(errno, fmt::format("database file '{}'", Printable(path)));
  }
  return std::string(real.get());
}

Result<struct stat> StatOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return SystemError(errno, fmt::format("looking at '{}'", Printable(path)));
  }
  return info;
}

Result<SqliteProtection::SavedInfo> InfoOf(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(const struct stat file, StatOf(path));
  if (!S_ISREG(file.st_mode)) return InvalidInput(fmt::format("'{}' is no file", Printable(path)));
  HOLDFAST_ASSIGN_OR_RETURN(const struct stat folder, StatOf(FolderOf(path)));
  SqliteProtection::SavedInfo info;
  info.path = path;
  info.mode = file.st_mode & 07777;
  info.uid = file.st_uid;
  info.gid = file.st_gid;
  info.folder_mode = folder.st_mode & 07777;
  info.folder_uid = folder.st_uid;
  info.folder_gid = folder.st_gid;
  return info;
}

std::string StagingFolder(const SqliteProtection::Settings& settings, const std::string& path,
                          const SqliteProtection::ProtectParameters& parameters) {
  if (!parameters.staging.empty()) return parameters.staging;
  return settings.staging.empty() ? FolderOf(path) : settings.staging;
}

std::string PartOf(const std::string& staged) { return staged + "-part"; }

Status RemoveStaged(const std::string& staged, Context& context) {
  for (const std::string& path : {staged, PartOf(staged), PartOf(staged) + "-journal"}) {
    HOLDFAST_RETURN_IF_ERROR(RemoveAndSay(path, context));
  }
  return Ok();
}

constexpr std::string_view kMend =
    "mend it (sqlite3's 'REINDEX' or '.recover'); 'on_damaged: warn' protects it as it is";

// A file that SQLite cannot read as a database.
Error NoDatabase(Error error) {
  return std::move(error).Hint(
      std::string(kMend) +
      ", its bytes copied, with a warning; Local::Directory protects it as a plain file");
}

// Copies what SQLite cannot: the bytes that are there, whoever writes them meanwhile.
Status CopyAsFile(Context& context, const std::string& path, const std::string& part) {
  HOLDFAST_ASSIGN_OR_RETURN(const struct stat file, StatOf(path));
  HOLDFAST_RETURN_IF_ERROR(
      staging::RequireFreeSpace(FolderOf(part), static_cast<std::uint64_t>(file.st_size)));
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor from, staging::OpenForReading(path));
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor to, staging::CreatePrivateFile(part));
  staging::FileSource source(from.get(), path);
  staging::FileSink sink(to.get(), part);
  HOLDFAST_RETURN_IF_ERROR(staging::CopyAll(source, &sink, context));
  return staging::SyncFile(to.get(), part);
}

// A copy in the staging folder.
struct Staged {
  SqliteProtection::SavedInfo info;
  WallTime point_in_time;
};

Status CopyAsDatabase(Context& context, const std::string& path, const std::string& part,
                      std::chrono::milliseconds busy_timeout, Staged& staged) {
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor file, staging::CreatePrivateFile(part));
  HOLDFAST_ASSIGN_OR_RETURN(const DatabaseFacts facts,
                            BackupDatabase(path, part, context.TimeLeft(busy_timeout), context,
                                           [&](const DatabaseFacts& known) {
                                             return staging::RequireFreeSpace(FolderOf(part),
                                                                              known.size);
                                           }));
  staged.point_in_time = facts.point_in_time;
  staged.info.page_size = facts.page_size;
  staged.info.journal_mode = facts.journal_mode;
  staged.info.sqlite_version = facts.sqlite_version;
  return staging::SyncFile(file.get(), part);
}

Result<Staged> Stage(Context& context, const std::string& path, const std::string& staged,
                     std::chrono::milliseconds busy_timeout, bool fail_when_damaged) {
  Staged made;
  made.point_in_time = context.clock().Now();
  HOLDFAST_ASSIGN_OR_RETURN(made.info, InfoOf(path));
  HOLDFAST_RETURN_IF_ERROR(RemoveStaged(staged, context));
  const std::string part = PartOf(staged);
  if (Status copied = CopyAsDatabase(context, path, part, busy_timeout, made); !copied) {
    if (copied.error().code() != ErrorCode::kCorrupt) return std::move(copied).error();
    if (fail_when_damaged) return NoDatabase(std::move(copied).error());
    // parallel warns of it, and whoever runs that again.
    made.info.finding =
        "cannot be read, and its file was copied as it is, without what may be in a journal beside "
        "it: " +
        copied.error().message();
    HOLDFAST_RETURN_IF_ERROR(CopyAsFile(context, path, part));
  }
  Failpoint("sqlite:copied");
  HOLDFAST_RETURN_IF_ERROR(staging::RenameDurably(part, staged));
  HOLDFAST_ASSIGN_OR_RETURN(const struct stat copy, StatOf(staged));
  made.info.size.bytes = static_cast<std::uint64_t>(copy.st_size);
  return made;
}

Status ProtectPre(const SqliteProtection::Settings& settings, Checkpoint& checkpoint,
                  Context& context, const Resource& resource,
                  const SqliteProtection::ProtectParameters& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(ProtectFaults(resource, parameters)));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string path, DatabasePath(resource));
  const std::string folder = StagingFolder(settings, path, parameters);
  const std::string staged =
      fmt::format("{}/{}", folder, staging::HiddenName(checkpoint, resource, "staged"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value before, checkpoint.Journaled(resource));
  if (before.Find("info") != nullptr && before.StringOr("staged", "") == staged) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(staged));
    // A killed attempt had staged it; what it said of the checkpoint went with it.
    if (there) {
      HOLDFAST_ASSIGN_OR_RETURN(const WallTime time,
                                ParseTime(before.StringOr("point_in_time", "")));
      return checkpoint.SetPointInTime(resource, time);
    }
  }
  Value intent(Value::Map{});
  intent.Set("staged", staged);
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("sqlite:intended");
  HOLDFAST_ASSIGN_OR_RETURN(const Staged made, Stage(context, path, staged, settings.busy_timeout,
                                                     parameters.on_damaged == "fail"));
  Failpoint("sqlite:staged");
  Value entry(Value::Map{});
  entry.Set("info", ToValue(made.info)).Set("point_in_time", FormatTime(made.point_in_time));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SetPointInTime(resource, made.point_in_time));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
  Failpoint("sqlite:stage-recorded");
  return Ok();
}

Check CheckOf(std::string_view name) {
  if (name == "none") return Check::kNone;
  return name == "quick" ? Check::kQuick : Check::kFull;
}

std::string_view NameOf(Check check) {
  if (check == Check::kNone) return "none";
  return check == Check::kQuick ? "quick" : "full";
}

// "is damaged: ...", or why it is not known; not of a sound one.
std::string FindingOf(const Soundness& soundness) {
  return soundness.damaged() ? "is damaged: " + soundness.damage
                             : "is not checkable: " + soundness.obstacle;
}

// Which check what is not sound, but is let pass, has passed.
std::string PassedOf(Check passed) {
  return passed == Check::kNone ? "no check was passed"
                                : fmt::format("only the {} check was passed", NameOf(passed));
}

// Damage is found before it is in the only checkpoint that is left. Here and not in pre: an application
// that is at rest must not wait for it. Notes what a restore may rely on.
Status CheckStaged(const std::string& staged, const Resource& resource,
                   const SqliteProtection::ProtectParameters& parameters, Context& context,
                   SqliteProtection::SavedInfo& info) {
  const std::string path = Printable(resource.extra.StringOr("path", ""));
  if (info.finding.empty()) {
    const Check most = CheckOf(parameters.check);
    HOLDFAST_ASSIGN_OR_RETURN(const Soundness soundness, CheckDatabase(staged, most, context));
    info.checked = NameOf(soundness.passed);
    if (soundness.passed == most) return Ok();
    info.finding = FindingOf(soundness);
    if (soundness.damaged() && parameters.on_damaged == "fail") {
      const bool quick_passed = soundness.passed == Check::kQuick;
      return Corrupt(fmt::format("the database '{}' {}", path, info.finding))
          .Hint(std::string(kMend) + ", with a warning" +
                (quick_passed ? "; 'check: quick' does not look so closely" : ""));
    }
  }
  context.log().Log(
      LogLevel::kWarning,
      fmt::format("the database '{}' {}; {}: it is protected as it is, and restored with a warning",
                  path, info.finding, PassedOf(CheckOf(info.checked))));
  return Ok();
}

Status ProtectParallel(Checkpoint& checkpoint, Context& context, const Resource& resource,
                       const SqliteProtection::ProtectParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string staged = journal.StringOr("staged", "");
  const Value* saved = journal.Find("info");
  if (staged.empty() || saved == nullptr) return Internal("there is no staged copy in the journal");
  HOLDFAST_ASSIGN_OR_RETURN(auto info,
                            Bind<SqliteProtection::SavedInfo>(*saved, "", "journaled info"));
  auto file = staging::OpenForReading(staged);
  if (!file) {
    return std::move(file)
        .error()
        .While("the staged copy")
        .Hint("where each step is a pod, 'staging' must name a folder that all of them mount");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckStaged(staged, resource, parameters, context, info));
  HOLDFAST_ASSIGN_OR_RETURN(const auto stream, checkpoint.CreateData(resource, kStream));
  staging::FileSource source(file->get(), staged);
  staging::Pace pace(parameters.rate_limit.bytes, context);
  staging::PacedSink sink(*stream, pace, context, info.size.bytes, "copying to the bank");
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t copied, staging::CopyAll(source, &sink, context));
  if (copied != info.size.bytes) {
    return Corrupt(fmt::format("the staged copy '{}' has {} bytes, {} were written",
                               Printable(staged), copied, info.size.bytes));
  }
  Failpoint("sqlite:streamed");
  HOLDFAST_RETURN_IF_ERROR(stream->Finish());
  return checkpoint.SaveInfo(resource, ToValue(info));
}

Status ProtectPost(Checkpoint& checkpoint, Context& context, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string staged = journal.StringOr("staged", "");
  if (staged.empty()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(RemoveStaged(staged, context));
  Failpoint("sqlite:cleaned");
  return Ok();
}

// Where a restore goes to: the parameter, else where the database was.
Result<std::string> TargetOf(const std::string& parameter, const std::string& saved) {
  const std::string& path = parameter.empty() ? saved : parameter;
  HOLDFAST_RETURN_IF_ERROR(RequireFilePath(path));
  // Through a link to the file that it names: a rename would replace the link itself.
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    return InvalidInput(fmt::format("'{}' is a link", Printable(path)))
        .Hint("name the file that it points to, with 'path'");
  }
  return path;
}

Status SetOwner(int descriptor, const std::string& path, std::int64_t mode, std::int64_t uid,
                std::int64_t gid, Context& context) {
  if (::fchown(descriptor, static_cast<uid_t>(uid), static_cast<gid_t>(gid)) != 0) {
    // Not root: then the file is ours, as everything is that we make.
    if (errno != EPERM) return SystemError(errno, fmt::format("owner of '{}'", Printable(path)));
    context.log().Log(
        LogLevel::kWarning,
        fmt::format("'{}' cannot be given back to user {}, group {}", Printable(path), uid, gid));
  }
  if (::fchmod(descriptor, static_cast<mode_t>(mode & 07777)) != 0) {
    return SystemError(errno, fmt::format("permissions of '{}'", Printable(path)));
  }
  return Ok();
}

Status RestorePre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                  const SqliteProtection::RestoreParameters& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(RestoreFaults(parameters)));
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SqliteProtection::SavedInfo>(saved);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string target, TargetOf(parameters.path, info.path));
  const RestoreFiles files = FilesOfRestore(checkpoint, resource, target);
  Value intent(Value::Map{});
  intent.Set("target", target);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string present, FileIdentity(target));
  HOLDFAST_ASSIGN_OR_RETURN(const bool done, staging::IsOwnWork(checkpoint, resource, present));
  // Restored in an earlier epoch: there is nothing to do but to say so.
  if (done) return checkpoint.Journal(resource, intent.Set("done", true));
  HOLDFAST_RETURN_IF_ERROR(RefuseExisting(files, parameters.overwrite));
  HOLDFAST_RETURN_IF_ERROR(RefuseInUse(files, context));
  const std::string folder = FolderOf(target);
  HOLDFAST_ASSIGN_OR_RETURN(const bool made, staging::MakeFolders(folder));
  if (made) {
    HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor open, staging::OpenForReading(folder));
    HOLDFAST_RETURN_IF_ERROR(
        SetOwner(open.get(), folder, info.folder_mode, info.folder_uid, info.folder_gid, context));
  }
  HOLDFAST_RETURN_IF_ERROR(staging::RequireFreeSpace(folder, info.size.bytes));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("sqlite:restore-intended");
  return Ok();
}

// A database that protect let pass can be had back without a word more; and one that was sound then and
// is not now never takes a place.
Status CheckFresh(const RestoreFiles& files, const SqliteProtection::SavedInfo& info,
                  const std::string& check, Context& context) {
  const bool as_protected = check == "as_protected";
  const Check required = CheckOf(as_protected ? info.checked : check);
  const Check most = as_protected ? Check::kFull : required;
  HOLDFAST_ASSIGN_OR_RETURN(const Soundness soundness, CheckDatabase(files.fresh, most, context));
  if (soundness.passed == most) return Ok();
  const std::string what =
      fmt::format("the database of '{}' {}", Printable(files.target), FindingOf(soundness));
  if (soundness.damaged() && soundness.found_by <= required) {
    Error error = Corrupt(what);
    if (CheckOf(info.checked) >= soundness.found_by) {
      return std::move(error)
          .While("the database was sound when it was protected")
          .Hint("'check: none' restores it as it is");
    }
    return std::move(error)
        .While("the database was damaged when it was protected")
        .Hint(
            "'check: as_protected' restores it as it is, with a warning, and 'check: none' without "
            "one; sqlite3's 'REINDEX' or '.recover' mends it then");
  }
  context.log().Log(
      LogLevel::kWarning,
      fmt::format("{}; {}: it is restored as it was protected{}", what, PassedOf(soundness.passed),
                  soundness.damaged() ? " (sqlite3's 'REINDEX' or '.recover' mends it)" : ""));
  return Ok();
}

Status WriteFresh(Checkpoint& checkpoint, Context& context, const Resource& resource,
                  const RestoreFiles& files, const SqliteProtection::SavedInfo& info,
                  const std::string& check) {
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor file, staging::CreatePrivateFile(files.fresh));
  HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, kStream));
  staging::FileSink written(file.get(), files.fresh);
  staging::Pace pace(0, context);
  staging::PacedSink sink(written, pace, context, info.size.bytes, "writing");
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t size, staging::CopyAll(*source, &sink, context));
  if (size != info.size.bytes) {
    return Corrupt(fmt::format("the checkpoint holds {} bytes of the database, {} were saved", size,
                               info.size.bytes));
  }
  Failpoint("sqlite:restore-written");
  HOLDFAST_RETURN_IF_ERROR(CheckFresh(files, info, check, context));
  HOLDFAST_RETURN_IF_ERROR(
      SetOwner(file.get(), files.fresh, info.mode, info.uid, info.gid, context));
  return staging::SyncFile(file.get(), files.fresh);
}

Status RestoreParallel(Checkpoint& checkpoint, Context& context, const Resource& resource,
                       const SqliteProtection::RestoreParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SqliteProtection::SavedInfo>(saved);
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string target = journal.StringOr("target", "");
  if (target.empty()) return Internal("there is no target in the journal");
  const RestoreFiles files = FilesOfRestore(checkpoint, resource, target);
  HOLDFAST_ASSIGN_OR_RETURN(const bool fresh, staging::Exists(files.fresh));
  HOLDFAST_ASSIGN_OR_RETURN(const bool replaced, staging::Exists(files.replaced));
  const bool verified = journal.BoolOr("verified", false);
  // Verified and no longer there: a killed attempt has swapped it in.
  if (journal.BoolOr("done", false) || (verified && !fresh)) {
    HOLDFAST_RETURN_IF_ERROR(SwapIn(files, context));
  } else {
    if (!replaced) HOLDFAST_RETURN_IF_ERROR(RefuseExisting(files, parameters.overwrite));
    if (!verified) {
      HOLDFAST_RETURN_IF_ERROR(
          WriteFresh(checkpoint, context, resource, files, info, parameters.check));
      Value entry(Value::Map{});
      entry.Set("verified", true);
      HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
      Failpoint("sqlite:restore-verified");
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::string identity, FileIdentity(files.fresh));
    HOLDFAST_RETURN_IF_ERROR(staging::NoteOwnWork(checkpoint, resource, identity));
    Failpoint("sqlite:restore-noted");
    // Again: somebody may have made one while ours was written.
    if (!replaced) HOLDFAST_RETURN_IF_ERROR(RefuseExisting(files, parameters.overwrite));
    HOLDFAST_RETURN_IF_ERROR(SwapIn(files, context));
  }
  ResourceKey now = resource.key;
  if (target != info.path) now.id = target;
  return checkpoint.SetNewResource(resource, now);
}

Status RestorePost(Checkpoint& checkpoint, Context& context, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string target = journal.StringOr("target", "");
  if (target.empty()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(CleanUpRestore(FilesOfRestore(checkpoint, resource, target), context));
  Failpoint("sqlite:restore-cleaned");
  return Ok();
}

Status VerifyPre(Checkpoint& checkpoint, const Resource& resource,
                 const SqliteProtection::VerifyParameters& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(VerifyFaults(parameters)));
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SqliteProtection::SavedInfo>(saved);
  HOLDFAST_RETURN_IF_ERROR(staging::RequireFreeSpace(parameters.scratch, info.size.bytes));
  Value intent(Value::Map{});
  intent.Set("scratch", fmt::format("{}/{}", parameters.scratch,
                                    staging::HiddenName(checkpoint, resource, "scratch")));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("sqlite:verify-intended");
  return Ok();
}

Status VerifyParallel(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const SqliteProtection::VerifyParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SqliteProtection::SavedInfo>(saved);
  HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, kStream));
  std::uint64_t size = 0;
  if (parameters.integrity_check) {
    HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
    const std::string scratch = journal.StringOr("scratch", "");
    if (scratch.empty()) return Internal("there is no scratch copy in the journal");
    HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor file, staging::CreatePrivateFile(scratch));
    staging::FileSink sink(file.get(), scratch);
    HOLDFAST_ASSIGN_OR_RETURN(size, staging::CopyAll(*source, &sink, context));
    Failpoint("sqlite:scratch-written");
    HOLDFAST_ASSIGN_OR_RETURN(const Soundness soundness,
                              CheckDatabase(scratch, Check::kFull, context));
    const std::string what =
        fmt::format("the database '{}' {}", Printable(info.path),
                    soundness.passed == Check::kFull ? "is sound" : FindingOf(soundness));
    if (soundness.damaged()) return Corrupt(what);
    if (soundness.passed != Check::kFull) {
      context.log().Log(LogLevel::kWarning, what + "; " + PassedOf(soundness.passed));
    }
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(size, staging::CopyAll(*source, nullptr, context));
  }
  if (size == info.size.bytes) return Ok();
  return Corrupt(fmt::format("the checkpoint holds {} bytes of the database, {} were saved", size,
                             info.size.bytes));
}

}  // namespace

StepChoice SqliteProtection::Choose(Operation operation, ActivityKind kind, const Resource&,
                                    const Value& parameters) const {
  if (operation == Operation::kVerify && kind != ActivityKind::kParallel &&
      (!parameters.BoolOr("integrity_check", false) || SampleOf(parameters))) {
    return StepChoice::None();
  }
  return StepChoice::Own();
}

std::vector<ParameterFault> SqliteProtection::Validate(Operation operation,
                                                       const Resource& resource,
                                                       const Value& parameters) const {
  switch (operation) {
    case Operation::kProtect:
      return ProtectFaults(resource, BindChecked<ProtectParameters>(parameters));
    case Operation::kRestore:
      return RestoreFaults(BindChecked<RestoreParameters>(parameters));
    case Operation::kVerify:
      return VerifyFaults(BindChecked<VerifyParameters>(parameters));
    default:
      return {};
  }
}

std::vector<Place> SqliteProtection::Places(Operation operation, const Resource& resource,
                                            const Value& parameters) const {
  const std::string target =
      operation == Operation::kRestore ? parameters.StringOr("path", "") : "";
  if (!target.empty()) return {Place::File("path", target)};
  if (!RequirePath(resource)) return {};
  const std::string path = resource.extra.StringOr("path", "");
  if (operation == Operation::kProtect) return {Place::File("", path)};
  // A restore goes to the file that was protected, also when the link to it is gone.
  return {Place::File("", resource.extra.StringOr("real_path", path))};
}

std::vector<Error> SqliteProtection::Check(Context&, const Resource& resource,
                                           const Parameters& parameters) {
  Problems problems;
  const auto p = parameters.As<ProtectParameters>(resource);
  // Validate says what is wrong with them; nothing can be looked at by them.
  if (!ProtectFaults(resource, p).empty()) return {};
  const auto path = DatabasePath(resource);
  if (!path) {
    problems.Note(path.error());
    return problems.Take();
  }
  std::uint64_t size = 0;
  if (auto info = InfoOf(*path); !info) {
    problems.Note(std::move(info).error());
  } else if (auto probed = ProbeDatabase(*path); !probed) {
    const bool no_database = probed.error().code() == ErrorCode::kCorrupt;
    if (!no_database) {
      problems.Note(std::move(probed).error());
    } else if (p.on_damaged == "fail") {
      problems.Note(NoDatabase(std::move(probed).error()));
    }
  } else {
    size = *probed;
  }
  const std::string folder = StagingFolder(settings_, *path, p);
  if (problems.Note(RequireWritableFolder(folder, "the staging folder")) && size != 0) {
    problems.Note(staging::RequireFreeSpace(folder, size));
  }
  return problems.Take();
}

Activity SqliteProtection::activity_protect_pre(Checkpoint& checkpoint, Context& context,
                                                const Resource& resource,
                                                const Parameters& parameters) {
  Status staged = ProtectPre(settings_, checkpoint, context, resource,
                             parameters.As<ProtectParameters>(resource));
  if (staged) co_return Ok();
  // What post would remove, of this attempt or of one that was killed before it.
  Error failure = std::move(staged).error();
  if (Status undone = ProtectPost(checkpoint, context, resource); !undone) {
    co_return std::move(failure).Because(std::move(undone).error()).HalfDone();
  }
  co_return failure;
}

Activity SqliteProtection::activity_protect_parallel(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource,
                                                     const Parameters& parameters) {
  co_return ProtectParallel(checkpoint, context, resource,
                            parameters.As<ProtectParameters>(resource));
}

Activity SqliteProtection::activity_protect_post(Checkpoint& checkpoint, Context& context,
                                                 const Resource& resource, const Parameters&) {
  co_return ProtectPost(checkpoint, context, resource);
}

Activity SqliteProtection::activity_restore_pre(Checkpoint& checkpoint, Context& context,
                                                const Resource& resource,
                                                const Parameters& parameters) {
  co_return RestorePre(checkpoint, context, resource, parameters.As<RestoreParameters>(resource));
}

Activity SqliteProtection::activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource,
                                                     const Parameters& parameters) {
  co_return RestoreParallel(checkpoint, context, resource,
                            parameters.As<RestoreParameters>(resource));
}

Activity SqliteProtection::activity_restore_post(Checkpoint& checkpoint, Context& context,
                                                 const Resource& resource, const Parameters&) {
  co_return RestorePost(checkpoint, context, resource);
}

Activity SqliteProtection::activity_delete_parallel(Checkpoint& checkpoint, Context&,
                                                    const Resource& resource, const Parameters&) {
  HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.DeleteData(resource));
  Failpoint("sqlite:deleted");
  co_return Ok();
}

Activity SqliteProtection::activity_verify_pre(Checkpoint& checkpoint, Context&,
                                               const Resource& resource,
                                               const Parameters& parameters) {
  co_return VerifyPre(checkpoint, resource, parameters.As<VerifyParameters>(resource));
}

Activity SqliteProtection::activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                                    const Resource& resource,
                                                    const Parameters& parameters) {
  // Of a sample no database can be made.
  if (const auto share = SampleOf(parameters, resource)) {
    co_return VerifySample(checkpoint, context, resource, *share);
  }
  co_return VerifyParallel(checkpoint, context, resource,
                           parameters.As<VerifyParameters>(resource));
}

Activity SqliteProtection::activity_verify_post(Checkpoint& checkpoint, Context& context,
                                                const Resource& resource, const Parameters&) {
  HOLDFAST_CO_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string scratch = journal.StringOr("scratch", "");
  if (scratch.empty()) co_return Ok();
  HOLDFAST_CO_RETURN_IF_ERROR(RemoveAndSay(scratch, context));
  Failpoint("sqlite:verify-cleaned");
  co_return Ok();
}

}  // namespace holdfast::plugins::sqlite
