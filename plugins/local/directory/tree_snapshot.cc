#include "plugins/local/directory/tree_snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "plugins/local/directory/parameter_rules.h"
#include "plugins/local/directory/remove_tree.h"
#include "plugins/local/directory/tree_cloner.h"
#include "plugins/local/directory/tree_writer.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

std::string StagingFolder(const Checkpoint& checkpoint, const Resource& resource,
                          const ProtectSource& source) {
  std::string folder = FolderOfSnapshot(source);
  if (folder == "/") folder.clear();
  return folder + "/" + std::string(kStagingPrefix) + WorkId(checkpoint, resource);
}

std::string SnapshotName(const Checkpoint& checkpoint, const Resource& resource) {
  return "holdfast-" + WorkId(checkpoint, resource);
}

Status RunCommand(Context& context, const ProtectSource& source, const std::string& name,
                  const std::vector<std::string>& words, std::string_view what) {
  ProcessSpec spec;
  for (const std::string& word : words) spec.argv.push_back(FillIn(word, source.path, name));
  spec.environment = {
      {"HOLDFAST_PATH", source.path},
      {"HOLDFAST_SNAPSHOT_NAME", name},
      {"HOLDFAST_SNAPSHOT_PATH", FillIn(source.parameters.snapshot_path, source.path, name)}};
  spec.deadline = context.TimeLeft(source.parameters.snapshot_timeout);
  spec.cancellation = &context.cancellation();
  spec.group_dies_with_us = true;
  spec.on_error_line = [&context, what](std::string_view line) {
    context.log().Log(LogLevel::kInfo, fmt::format("{}: {}", what, Printable(line)));
  };
  auto outcome = context.processes().Run(spec);
  if (!outcome) return std::move(outcome).error().While(what);
  if (outcome->cancelled) return CancelledError();
  if (!outcome->ok()) {
    return Internal(fmt::format("{} failed: {}", what, Printable(DescribeOutcome(*outcome))));
  }
  return Ok();
}

Result<TreeCounts> MakeClone(Context& context, const std::string& folder,
                             const ProtectSource& source, CloneMode mode) {
  HOLDFAST_RETURN_IF_ERROR(RemoveTree(folder));
  for (const std::string& path : {folder, folder + "/tree", folder + "/work"}) {
    if (::mkdir(path.c_str(), 0700) != 0) return SystemError(errno, "making " + Printable(path));
  }
  TreeWriteOptions options;
  options.durable = false;  // a snapshot that a power cut damages is made again
  options.work_folder = folder + "/work";
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<TreeWriter> writer,
                            TreeWriter::Open(context, folder + "/tree", std::move(options)));
  TreeCloner cloner(context, *writer, mode);
  HOLDFAST_ASSIGN_OR_RETURN(TreeCounts counts,
                            ReadTree(context, source.path, ReadOptionsOf(source), cloner));
  HOLDFAST_RETURN_IF_ERROR(writer->Finish());
  return counts;
}

// What the walk over the live tree saw and the one over the snapshot cannot, for the journal.
void SetLosses(const TreeCounts& counts, Value& journal) {
  Value::List paths;
  for (const std::string& path : counts.unreadable_paths) paths.emplace_back(ToBase64(path));
  journal.Set("changed", counts.changed);
  journal.Set("sockets", counts.sockets);
  journal.Set("unreadable", counts.unreadable);
  journal.Set("unreadable_base64", std::move(paths));
}

// A folder as it stands; "" when there is none. Another text once something made it, put something in
// its place, or made or removed an entry of it.
std::string FolderState(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS | STATX_BTIME, &info) != 0) return "";
  return fmt::format("{}:{}:{} {}.{} {}.{} {}.{}", info.stx_dev_major, info.stx_dev_minor,
                     info.stx_ino, info.stx_btime.tv_sec, info.stx_btime.tv_nsec,
                     info.stx_ctime.tv_sec, info.stx_ctime.tv_nsec, info.stx_mtime.tv_sec,
                     info.stx_mtime.tv_nsec);
}

// Warns of a command that ended well and seems to have made no snapshot. No failure: one that brings a
// folder up to date may find nothing to do at its top, and what is in the tree may all be excluded.
void WarnOfNoSnapshot(Context& context, const ProtectSource& source, const std::string& path,
                      const std::string& before) {
  std::error_code error;
  std::string_view what;
  if (!before.empty() && FolderState(path) == before) {
    what = "is the folder that was there before it: old data may be protected";
  } else if (std::filesystem::is_empty(path, error) && !error &&
             !std::filesystem::is_empty(source.path, error) && !error) {
    what = "is empty, and the directory is not";
  }
  if (what.empty()) return;
  context.log().Log(
      LogLevel::kWarning,
      fmt::format("snapshot_create ended well, but snapshot_path '{}' {}{}", Printable(path), what,
                  source.parameters.snapshot_path.find("{name}") == std::string::npos
                      ? "; with {name} in it each snapshot has a path of its own"
                      : ""));
}

Result<TreeCounts> Make(Checkpoint& checkpoint, Context& context, const Resource& resource,
                        const ProtectSource& source) {
  const auto& parameters = source.parameters;
  if (parameters.snapshot != "command") {
    const CloneMode mode =
        parameters.snapshot == "reflink" ? CloneMode::kReflink : CloneMode::kCopy;
    return MakeClone(context, StagingFolder(checkpoint, resource, source), source, mode);
  }
  const std::string name = SnapshotName(checkpoint, resource);
  const std::string path = SnapshotPath(checkpoint, resource, source);
  const std::string before = FolderState(path);
  // What a killed attempt left must not pass for this one.
  HOLDFAST_RETURN_IF_ERROR(
      RunCommand(context, source, name, parameters.snapshot_remove, "snapshot_remove"));
  HOLDFAST_RETURN_IF_ERROR(
      RunCommand(context, source, name, parameters.snapshot_create, "snapshot_create"));
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
    return Internal(
        fmt::format("snapshot_create ended well, but {} is no directory", Printable(path)));
  }
  WarnOfNoSnapshot(context, source, path, before);
  return TreeCounts{};
}

}  // namespace

std::string WorkId(const Checkpoint& checkpoint, const Resource& resource) {
  return Sha256Hex(checkpoint.record_id() + '\n' + resource.key.str()).substr(0, 16);
}

Result<ProtectSource> ProtectSourceOf(const Resource& resource, const Parameters& parameters) {
  ProtectSource source;
  source.parameters = parameters.As<DirectoryProtection::ProtectParameters>(resource);
  auto& p = source.parameters;
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(ProtectFaults(resource, p)));
  HOLDFAST_ASSIGN_OR_RETURN(source.path, PathOf(resource));
  if (!p.staging.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(p.staging, CleanAbsolutePath(p.staging, "staging"));
  }
  source.exclude_texts = ListedExcludes(resource);
  source.exclude_texts.insert(source.exclude_texts.end(), p.exclude.begin(), p.exclude.end());
  source.left_out = OwnedByChildren(resource);
  HOLDFAST_ASSIGN_OR_RETURN(
      source.exclude, ExcludePatterns::Parse(WithPaths(source.exclude_texts, source.left_out)));
  source.one_file_system =
      p.one_file_system.value_or(resource.extra.BoolOr("one_file_system", false));
  return source;
}

std::string FolderOfSnapshot(const ProtectSource& source) {
  if (!source.parameters.staging.empty()) return source.parameters.staging;
  const std::string parent = source.path.substr(0, source.path.find_last_of('/'));
  return parent.empty() ? "/" : parent;
}

TreeReadOptions ReadOptionsOf(const ProtectSource& source) {
  TreeReadOptions options;
  options.exclude = &source.exclude;
  options.one_file_system = source.one_file_system;
  options.on_change = source.parameters.on_change == "fail" ? Policy::kFail : Policy::kWarn;
  options.on_unreadable = source.parameters.on_unreadable == "warn" ? Policy::kWarn : Policy::kFail;
  return options;
}

std::string SnapshotPath(const Checkpoint& checkpoint, const Resource& resource,
                         const ProtectSource& source) {
  if (source.parameters.snapshot == "none") return source.path;
  if (source.parameters.snapshot == "command") {
    return FillIn(source.parameters.snapshot_path, source.path, SnapshotName(checkpoint, resource));
  }
  return StagingFolder(checkpoint, resource, source) + "/tree";
}

Status MakeSnapshot(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    const ProtectSource& source) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  const std::string path = SnapshotPath(checkpoint, resource, source);
  if (struct stat st{}; !journaled.StringOr("window_end", "").empty() &&
                        journaled.StringOr("removing", "").empty() &&
                        ::stat(path.c_str(), &st) == 0) {
    return Ok();  // killed after it was whole
  }
  const WallTime begin = context.clock().Now();
  Value intent(Value::Map{});
  intent.Set("snapshot", source.parameters.snapshot);
  intent.Set("snapshot_path", path);
  intent.Set("window_begin", FormatTime(begin));
  intent.Set("window_end", "");
  intent.Set("removing", "");
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("directory:staging-intent");
  HOLDFAST_ASSIGN_OR_RETURN(const TreeCounts counts, Make(checkpoint, context, resource, source));
  Failpoint("directory:staging-whole");
  Value whole(Value::Map{});
  SetLosses(counts, whole);
  whole.Set("window_end", FormatTime(context.clock().Now()));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, whole));
  Failpoint("directory:staging-journaled");
  return Ok();
}

Status AddLossesOfSnapshot(Checkpoint& checkpoint, const Resource& resource, TreeCounts& counts) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  counts.changed += static_cast<std::uint64_t>(journaled.IntOr("changed", 0));
  counts.sockets += static_cast<std::uint64_t>(journaled.IntOr("sockets", 0));
  counts.unreadable += static_cast<std::uint64_t>(journaled.IntOr("unreadable", 0));
  const Value* const paths = journaled.Find("unreadable_base64");
  if (paths == nullptr || !paths->is_list()) return Ok();
  for (const Value& path : paths->AsList()) {
    if (!path.is_string() || counts.unreadable_paths.size() >= kMostUnreadablePaths) continue;
    HOLDFAST_ASSIGN_OR_RETURN(std::string bytes, FromBase64(path.AsString()));
    counts.unreadable_paths.push_back(std::move(bytes));
  }
  return Ok();
}

Status RemoveSnapshot(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const ProtectSource& source) {
  if (source.parameters.snapshot == "none") return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const Value journaled, checkpoint.Journaled(resource));
  if (journaled.Find("snapshot_path") == nullptr) return Ok();  // none was ever begun
  // A removal that is killed half-way leaves a tree that must not pass for the whole snapshot.
  if (!journaled.StringOr("window_end", "").empty() && journaled.StringOr("removing", "").empty()) {
    Value removing(Value::Map{});
    removing.Set("removing", FormatTime(context.clock().Now()));
    HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, removing));
  }
  Failpoint("directory:staging-remove");
  if (source.parameters.snapshot == "command") {
    HOLDFAST_RETURN_IF_ERROR(RunCommand(context, source, SnapshotName(checkpoint, resource),
                                        source.parameters.snapshot_remove, "snapshot_remove"));
  } else {
    HOLDFAST_RETURN_IF_ERROR(RemoveTree(StagingFolder(checkpoint, resource, source)));
  }
  Failpoint("directory:staging-removed");
  return Ok();
}

}  // namespace holdfast::plugins::directory
