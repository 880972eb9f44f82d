#include "tests/plugins/sample_plugin/file_protection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/preflight.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::sample {

namespace {

constexpr std::size_t kBlock = 1U << 20U;

// A file of the operating system as a stream of bytes, in either direction.
class FileStream final : public ByteSource, public ByteSink {
 public:
  FileStream(OwnedDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      const ssize_t n = read(file_.get(), buffer.data(), buffer.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return SystemError(errno, "reading " + Printable(path_));
    }
  }
  Status Write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t n = write(file_.get(), data.data(), data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return SystemError(errno, "writing " + Printable(path_));
      data = data.subspan(static_cast<std::size_t>(n));
    }
    return Ok();
  }
  Status SetModeAndSync(mode_t mode) {
    if (fchmod(file_.get(), mode) != 0)
      return SystemError(errno, "permissions of " + Printable(path_));
    return staging::SyncFile(file_.get(), path_);
  }

 private:
  OwnedDescriptor file_;
  std::string path_;
};

Result<FileStream> OpenFile(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(OwnedDescriptor file, staging::OpenForReading(path));
  return FileStream(std::move(file), path);
}

Result<FileStream> CreateFile(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(OwnedDescriptor file, staging::CreatePrivateFile(path));
  return FileStream(std::move(file), path);
}

// A long call: it tells how far it is, and ends soon when the step is to end.
Result<std::uint64_t> Pump(ByteSource& from, ByteSink& to, std::uint64_t total, Context& context) {
  std::vector<std::byte> block(kBlock);
  std::uint64_t done = 0;
  while (true) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t n, from.Read(block));
    if (n == 0) return done;
    HOLDFAST_RETURN_IF_ERROR(to.Write(std::span(block).first(n)));
    done += n;
    context.Report(Progress(done, total, "copying"));
  }
}

Result<struct stat> StateOf(const std::string& path) {
  struct stat state {};
  if (stat(path.c_str(), &state) != 0) return SystemError(errno, Printable(path));
  if (!S_ISREG(state.st_mode)) return InvalidInput(Printable(path) + " is no regular file");
  return state;
}

Status Stage(const std::string& path, const std::string& staged, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const struct stat state, StateOf(path));
  HOLDFAST_ASSIGN_OR_RETURN(FileStream from, OpenFile(path));
  HOLDFAST_ASSIGN_OR_RETURN(FileStream to, CreateFile(staged));
  HOLDFAST_RETURN_IF_ERROR(Pump(from, to, static_cast<std::uint64_t>(state.st_size), context));
  return to.SetModeAndSync(state.st_mode & 07777);
}

// The file that the journal names under `key`; empty when it names none.
Result<std::string> JournaledPath(Checkpoint& checkpoint, const Resource& file,
                                  std::string_view key) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(file));
  return journal.StringOr(key, "");
}

Status RemoveJournaled(Checkpoint& checkpoint, const Resource& file, std::string_view key) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string path, JournaledPath(checkpoint, file, key));
  return path.empty() ? Ok() : staging::RemoveDurably(path);
}

std::vector<ParameterFault> RestoreFaults(const FileProtection::RestoreParameters& asked) {
  ParameterFaults faults;
  if (!asked.path.empty()) faults.Note("path", RequireAbsolutePath(asked.path, "path"));
  return faults.Take();
}

std::string TargetOf(const Resource& file, const FileProtection::RestoreParameters& asked) {
  return asked.path.empty() ? file.key.id : asked.path;
}

}  // namespace

StepChoice FileProtection::Choose(Operation operation, ActivityKind kind, const Resource&,
                                  const Value& parameters) const {
  const bool stages = parameters.BoolOr("stage", true);
  if (operation == Operation::kProtect && kind != ActivityKind::kParallel && !stages) {
    return StepChoice::None();
  }
  return StepChoice::Own();
}

std::vector<ParameterFault> FileProtection::Validate(Operation operation, const Resource&,
                                                     const Value& parameters) const {
  if (operation != Operation::kRestore) return {};
  return RestoreFaults(BindChecked<RestoreParameters>(parameters));
}

std::vector<Error> FileProtection::Check(Context&, const Resource& file,
                                         const Parameters& parameters) {
  Problems problems;
  if (auto state = StateOf(file.key.id); !state) {
    problems.Note(std::move(state).error());
  } else if (access(file.key.id.c_str(), R_OK) != 0) {
    problems.Note(SystemError(errno, "reading " + Printable(file.key.id)));
  }
  if (parameters.As<ProtectParameters>(file).stage && !settings_.staging.empty()) {
    problems.Note(RequireWritableFolder(settings_.staging, "the staging folder"));
  }
  return problems.Take();
}

Activity FileProtection::activity_protect_pre(Checkpoint& checkpoint, Context& context,
                                              const Resource& file, const Parameters& parameters) {
  const std::string& path = file.key.id;
  if (parameters.As<ProtectParameters>(file).wait_for_lock) {
    while (access((path + ".lock").c_str(), F_OK) == 0) {
      co_yield Progress(0, 0, "waiting for the lock");
    }
  }
  const std::string folder = settings_.staging.empty() ? FolderOf(path) : settings_.staging;
  const std::string staged = folder + "/" + staging::HiddenName(checkpoint, file, "staged");
  Status copied = checkpoint.Journal(file, Value().Set("staged", staged));
  if (copied) {
    Failpoint("sample:intended");
    copied = checkpoint.SetPointInTime(file, context.clock().Now());
  }
  if (copied) copied = Stage(path, staged, context);
  Failpoint("sample:staged");
  if (copied) co_return Ok();
  // A pre that fails undoes its own half-done work: post will not run. One that cannot says so, and
  // post will.
  Error failure = std::move(copied).error();
  if (Status undone = staging::RemoveDurably(staged); !undone) {
    co_return std::move(failure).Because(std::move(undone).error()).HalfDone();
  }
  co_return failure;
}

Activity FileProtection::activity_protect_parallel(Checkpoint& checkpoint, Context& context,
                                                   const Resource& file, const Parameters&) {
  HOLDFAST_CO_ASSIGN_OR_RETURN(std::string path, JournaledPath(checkpoint, file, "staged"));
  if (path.empty()) path = file.key.id;  // stage: false
  HOLDFAST_CO_ASSIGN_OR_RETURN(const struct stat state, StateOf(path));
  HOLDFAST_CO_ASSIGN_OR_RETURN(FileStream from, OpenFile(path));
  HOLDFAST_CO_ASSIGN_OR_RETURN(const auto stream, checkpoint.CreateData(file, "content"));
  HOLDFAST_CO_ASSIGN_OR_RETURN(
      const std::uint64_t size,
      Pump(from, *stream, static_cast<std::uint64_t>(state.st_size), context));
  HOLDFAST_CO_RETURN_IF_ERROR(stream->Finish());
  Failpoint("sample:streamed");
  SavedInfo info;
  info.size.bytes = size;
  info.mode = state.st_mode & 07777;
  co_return checkpoint.SaveInfo(file, ToValue(info));
}

Activity FileProtection::activity_protect_post(Checkpoint& checkpoint, Context&,
                                               const Resource& file, const Parameters&) {
  HOLDFAST_CO_RETURN_IF_ERROR(RemoveJournaled(checkpoint, file, "staged"));
  Failpoint("sample:cleaned");
  co_return Ok();
}

Activity FileProtection::activity_restore_pre(Checkpoint& checkpoint, Context&,
                                              const Resource& file, const Parameters& parameters) {
  const auto asked = parameters.As<RestoreParameters>(file);
  HOLDFAST_CO_RETURN_IF_ERROR(RefuseFaults(RestoreFaults(asked)));
  const std::string target = TargetOf(file, asked);
  HOLDFAST_CO_ASSIGN_OR_RETURN(const bool exists, staging::Exists(target));
  if (exists && !asked.overwrite) {
    co_return InvalidInput("there is a file at " + Printable(target) + " already")
        .Hint("'overwrite: true' in the parameters replaces it, 'path' restores to somewhere else");
  }
  HOLDFAST_CO_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(file));
  const auto info = BindChecked<SavedInfo>(saved);
  HOLDFAST_CO_RETURN_IF_ERROR(staging::RequireFreeSpace(FolderOf(target), info.size.bytes));
  const std::string fresh = FolderOf(target) + "/" + staging::HiddenName(checkpoint, file, "fresh");
  co_return checkpoint.Journal(file, Value().Set("fresh", fresh));
}

Activity FileProtection::activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                                   const Resource& file,
                                                   const Parameters& parameters) {
  const std::string target = TargetOf(file, parameters.As<RestoreParameters>(file));
  HOLDFAST_CO_ASSIGN_OR_RETURN(const std::string fresh, JournaledPath(checkpoint, file, "fresh"));
  HOLDFAST_CO_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(file));
  const auto info = BindChecked<SavedInfo>(saved);
  HOLDFAST_CO_ASSIGN_OR_RETURN(const auto stream, checkpoint.OpenData(file, "content"));
  {
    HOLDFAST_CO_ASSIGN_OR_RETURN(FileStream to, CreateFile(fresh));
    HOLDFAST_CO_RETURN_IF_ERROR(Pump(*stream, to, info.size.bytes, context));
    HOLDFAST_CO_RETURN_IF_ERROR(to.SetModeAndSync(static_cast<mode_t>(info.mode)));
  }
  Failpoint("sample:restore-written");
  HOLDFAST_CO_RETURN_IF_ERROR(staging::RenameDurably(fresh, target));
  Failpoint("sample:restore-renamed");
  co_return checkpoint.SetNewResource(file, {file.key.type, target});
}

Activity FileProtection::activity_restore_post(Checkpoint& checkpoint, Context&,
                                               const Resource& file, const Parameters&) {
  co_return RemoveJournaled(checkpoint, file, "fresh");
}

Activity FileProtection::activity_delete_parallel(Checkpoint& checkpoint, Context&,
                                                  const Resource& file, const Parameters&) {
  co_return checkpoint.DeleteData(file);
}

Activity FileProtection::activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                                  const Resource& file,
                                                  const Parameters& parameters) {
  if (const auto share = SampleOf(parameters, file)) {
    co_return VerifySample(checkpoint, context, file, *share);
  }
  HOLDFAST_CO_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(file));
  const auto info = BindChecked<SavedInfo>(saved);
  HOLDFAST_CO_ASSIGN_OR_RETURN(const auto stream, checkpoint.OpenData(file, "content"));
  class Nowhere final : public ByteSink {
    Status Write(std::span<const std::byte>) override { return Ok(); }
  } nowhere;
  HOLDFAST_CO_ASSIGN_OR_RETURN(const std::uint64_t size,
                               Pump(*stream, nowhere, info.size.bytes, context));
  if (size != info.size.bytes) {
    co_return Corrupt("the checkpoint holds " + std::to_string(size) + " of " +
                      std::to_string(info.size.bytes) + " bytes");
  }
  co_return Ok();
}

}  // namespace holdfast::plugins::sample
