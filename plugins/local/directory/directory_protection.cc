#include "plugins/local/directory/directory_protection.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "plugins/local/directory/archive_reader.h"
#include "plugins/local/directory/archive_writer.h"
#include "plugins/local/directory/file_listing.h"
#include "plugins/local/directory/parameter_rules.h"
#include "plugins/local/directory/tree_archiver.h"
#include "plugins/local/directory/tree_reader.h"
#include "plugins/local/directory/tree_restore.h"
#include "plugins/local/directory/tree_snapshot.h"
#include "plugins/local/inventory/inventory.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/preflight.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

using SavedInfo = DirectoryProtection::SavedInfo;

std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Result<TreeCounts> WriteArchive(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const ProtectSource& source) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<DataWriter> data,
                            checkpoint.CreateData(resource, "tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<DataWriter> files,
                            checkpoint.CreateData(resource, "files"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveWriter> archive,
                            ArchiveWriter::Open(*data));
  TreeArchiver archiver(context, *archive, *files, source.parameters.rate_limit.bytes);
  HOLDFAST_ASSIGN_OR_RETURN(const TreeCounts counts,
                            ReadTree(context, SnapshotPath(checkpoint, resource, source),
                                     ReadOptionsOf(source), archiver));
  HOLDFAST_RETURN_IF_ERROR(archiver.Finish());
  HOLDFAST_RETURN_IF_ERROR(archive->Close());
  Failpoint("directory:read-finished");
  HOLDFAST_RETURN_IF_ERROR(data->Finish());
  HOLDFAST_RETURN_IF_ERROR(files->Finish());
  return counts;
}

Status Protect(Checkpoint& checkpoint, Context& context, const Resource& resource,
               const Parameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const ProtectSource source, ProtectSourceOf(resource, parameters));
  const bool live = source.parameters.snapshot == "none";
  SavedInfo info;
  WallTime begin = context.clock().Now();
  if (live) {
    info.window_begin = FormatTime(begin);
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
    info.window_begin = journaled.StringOr("window_begin", "");
    info.window_end = journaled.StringOr("window_end", "");
    if (info.window_end.empty()) return Internal("the snapshot is not whole: pre has not ended");
    HOLDFAST_ASSIGN_OR_RETURN(begin, ParseTime(info.window_begin));
  }
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SetPointInTime(resource, begin));
  HOLDFAST_ASSIGN_OR_RETURN(TreeCounts counts, WriteArchive(checkpoint, context, resource, source));
  if (!live) HOLDFAST_RETURN_IF_ERROR(AddLossesOfSnapshot(checkpoint, resource, counts));
  if (live) {
    info.window_end = FormatTime(context.clock().Now());
    context.log().Log(LogLevel::kWarning,
                      fmt::format("{} was read live, without a snapshot: its entries are of "
                                  "moments from {} to {}",
                                  Printable(source.path), info.window_begin, info.window_end));
  }
  info.path = source.path;
  info.snapshot = source.parameters.snapshot;
  info.exclude = source.exclude_texts;
  info.left_out = source.left_out;
  if (!source.left_out.empty()) {
    std::vector<std::string> who;
    for (const ResourceLink& child : resource.children) {
      if (child.facts.Find(inventory::kOwnsFact) != nullptr)
        who.push_back(Printable(child.key.str()));
    }
    context.log().Log(LogLevel::kInfo,
                      fmt::format("left out of {}, because resources below it protect it: {} ({})",
                                  Printable(source.path), Printable(Join(source.left_out, ", ")),
                                  Join(who, ", ")));
  }
  info.one_file_system = source.one_file_system;
  info.entries = Signed(counts.entries);
  info.files = Signed(counts.files);
  info.directories = Signed(counts.directories);
  info.symlinks = Signed(counts.symlinks);
  info.hard_links = Signed(counts.hard_links);
  info.specials = Signed(counts.specials);
  info.bytes.bytes = counts.bytes;
  info.data_bytes.bytes = counts.data_bytes;
  info.largest.bytes = counts.largest;
  info.changed = Signed(counts.changed);
  info.unreadable = Signed(counts.unreadable);
  for (const std::string& path : counts.unreadable_paths) {
    if (IsUtf8(path)) {
      info.unreadable_paths.push_back(path);
    } else {
      info.unreadable_base64.push_back(ToBase64(path));
    }
  }
  info.sockets = Signed(counts.sockets);
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SaveInfo(resource, ToValue(info)));
  Failpoint("directory:info-saved");
  return Ok();
}

// Reads both streams to their ends, side by side: every byte is checked where it is read, here that
// they say the same.
Status Verify(Checkpoint& checkpoint, Context& context, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, checkpoint.SavedInfo(resource));
  const SavedInfo info = BindChecked<SavedInfo>(value);
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> tree,
                            checkpoint.OpenData(resource, "tree"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> files,
                            checkpoint.OpenData(resource, "files"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveReader> archive,
                            ArchiveReader::Open(*tree));
  FileListingReader listing(*files);
  std::int64_t entries = 0;
  std::uint64_t bytes = 0;
  for (;;) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(const TreeEntry* const entry, archive->Next());
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<FileLine> line, listing.Next());
    if (entry == nullptr && !line) break;
    if (entry == nullptr || !line || entry->path != line->path ||
        NameOf(entry->type) != line->type || entry->size != line->size) {
      const auto show = [](std::string_view path, std::string_view type, std::uint64_t size) {
        return fmt::format("the {} '{}' of {} bytes", type, Printable(path), size);
      };
      return Corrupt(fmt::format(
          "archive and listing differ: {} and {}",
          entry == nullptr ? "the end" : show(entry->path, NameOf(entry->type), entry->size),
          line ? show(line->path, line->type, line->size) : "the end"));
    }
    ++entries;
    Failpoint("directory:verify-entry");
    for (;;) {
      if (context.cancelled()) return CancelledError();
      HOLDFAST_ASSIGN_OR_RETURN(const ArchiveReader::Block block, archive->NextBlock());
      if (block.data.empty()) break;
      bytes += block.data.size();
      if ((bytes & 0xFFFFFU) < block.data.size()) {
        context.Report({bytes, info.data_bytes.bytes, "verifying"});
      }
    }
  }
  if (entries != info.entries || bytes != info.data_bytes.bytes) {
    return Corrupt(fmt::format("the archive has {} entries with {} bytes, {} with {} were written",
                               entries, bytes, info.entries, info.data_bytes.bytes));
  }
  // What stands behind the archive's end: the stream's last bytes are checked only when they are
  // read.
  std::string rest(64U << 10U, '\0');
  for (;;) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::size_t got,
        tree->Read(std::as_writable_bytes(std::span(rest.data(), rest.size()))));
    if (got == 0) return Ok();
  }
}

}  // namespace

std::vector<ParameterFault> DirectoryProtection::Validate(Operation operation,
                                                          const Resource& resource,
                                                          const Value& parameters) const {
  switch (operation) {
    case Operation::kProtect:
      return ProtectFaults(resource, BindChecked<ProtectParameters>(parameters));
    case Operation::kRestore:
      return RestoreFaults(BindChecked<RestoreParameters>(parameters));
    default:
      return {};
  }
}

std::vector<Place> DirectoryProtection::Places(Operation operation, const Resource& resource,
                                               const Value& parameters, const Value& saved) const {
  return operation == Operation::kProtect
             ? PlacesOfProtect(resource, BindChecked<ProtectParameters>(parameters))
             : PlacesOfRestore(resource, BindChecked<RestoreParameters>(parameters), saved);
}

ChildChoice DirectoryProtection::ChooseForChild(Operation operation, const Resource& resource,
                                                const Value& parameters, const ResourceLink& child,
                                                const Value& child_parameters) const {
  if (operation != Operation::kRestore) return {};
  return RestoreOfChild(resource, BindChecked<RestoreParameters>(parameters), child,
                        child_parameters);
}

std::vector<Error> DirectoryProtection::Check(Context&, const Resource& resource,
                                              const Parameters& parameters) {
  Problems problems;
  const auto path = PathOf(resource);
  if (path) {
    if (auto root = OpenRoot(*path); !root) problems.Note(std::move(root).error());
  }
  const auto source = ProtectSourceOf(resource, parameters);
  if (!source) return problems.Take();  // Validate says what is wrong with it
  const ProtectParameters& p = source->parameters;
  if (p.snapshot == "copy" || p.snapshot == "reflink") {
    problems.Note(RequireWritableFolder(FolderOfSnapshot(*source), "the folder for the snapshot,"));
  } else if (p.snapshot == "command") {
    for (const auto& [command, name] : {std::pair(&p.snapshot_create, "snapshot_create"),
                                        std::pair(&p.snapshot_remove, "snapshot_remove")}) {
      if (Status found = RequireProgram(command->front()); !found) {
        problems.Note(std::move(found).error().While(name));
      }
    }
  }
  return problems.Take();
}

StepChoice DirectoryProtection::Choose(Operation operation, ActivityKind kind,
                                       const Resource& resource, const Value& parameters) const {
  if (operation == Operation::kProtect && kind != ActivityKind::kParallel &&
      parameters.StringOr("snapshot", "none") == "none") {
    return StepChoice::None();
  }
  if (operation == Operation::kRestore && kind == ActivityKind::kParallel &&
      !resource.children.empty()) {
    return StepChoice::None();
  }
  return StepChoice::Own();
}

Activity DirectoryProtection::activity_protect_pre(Checkpoint& checkpoint, Context& context,
                                                   const Resource& resource,
                                                   const Parameters& parameters) {
  HOLDFAST_CO_ASSIGN_OR_RETURN(const ProtectSource source, ProtectSourceOf(resource, parameters));
  Status made = MakeSnapshot(checkpoint, context, resource, source);
  if (made) co_return Ok();
  // A step that is to end has no time for it; its post is owed and does it.
  if (context.cancelled()) co_return CancelledError();
  // What post would remove, of this attempt or of one that was killed before it.
  Error failure = std::move(made).error();
  if (Status undone = RemoveSnapshot(checkpoint, context, resource, source); !undone) {
    co_return std::move(failure).Because(std::move(undone).error()).HalfDone();
  }
  co_return failure;
}

Activity DirectoryProtection::activity_protect_parallel(Checkpoint& checkpoint, Context& context,
                                                        const Resource& resource,
                                                        const Parameters& parameters) {
  co_return Protect(checkpoint, context, resource, parameters);
}

Activity DirectoryProtection::activity_protect_post(Checkpoint& checkpoint, Context& context,
                                                    const Resource& resource,
                                                    const Parameters& parameters) {
  HOLDFAST_CO_ASSIGN_OR_RETURN(const ProtectSource source, ProtectSourceOf(resource, parameters));
  co_return RemoveSnapshot(checkpoint, context, resource, source);
}

Activity DirectoryProtection::activity_restore_pre(Checkpoint& checkpoint, Context& context,
                                                   const Resource& resource,
                                                   const Parameters& parameters) {
  Status prepared = PrepareRestore(checkpoint, context, resource, parameters);
  if (!prepared || resource.children.empty()) co_return prepared;
  Status written = RestoreTree(checkpoint, context, resource, parameters);
  if (written) co_return Ok();
  // A step that is to end has no time for it; its post is owed and does it.
  if (context.cancelled()) co_return CancelledError();
  Error failure = std::move(written).error();
  if (Status undone = CleanUpRestore(checkpoint, context, resource, parameters); !undone) {
    co_return std::move(failure).Because(std::move(undone).error()).HalfDone();
  }
  co_return failure;
}

Activity DirectoryProtection::activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                                        const Resource& resource,
                                                        const Parameters& parameters) {
  co_return RestoreTree(checkpoint, context, resource, parameters);
}

Activity DirectoryProtection::activity_restore_post(Checkpoint& checkpoint, Context& context,
                                                    const Resource& resource,
                                                    const Parameters& parameters) {
  co_return CleanUpRestore(checkpoint, context, resource, parameters);
}

Activity DirectoryProtection::activity_delete_parallel(Checkpoint& checkpoint, Context&,
                                                       const Resource& resource,
                                                       const Parameters&) {
  HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.DeleteData(resource));
  Failpoint("directory:deleted");
  co_return Ok();
}

Activity DirectoryProtection::activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                                       const Resource& resource,
                                                       const Parameters& parameters) {
  if (const auto share = SampleOf(parameters, resource)) {
    co_return VerifySample(checkpoint, context, resource, *share);
  }
  co_return Verify(checkpoint, context, resource);
}

}  // namespace holdfast::plugins::directory
