#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/schema.h"

namespace holdfast::plugins::directory {

// Local::Directory: whole trees of this machine, as a pax archive (stream "tree") with a listing
// beside it (stream "files"). README.md has the details.
//   protect   pre = make the snapshot (none: no step), parallel = read it, post = take it away
//   restore   pre = check what is there and the free space, parallel = write (with resources below
//             it: pre does both), post = clean up
//   delete    parallel = remove the data;   verify   parallel = read every byte, check the archive
class DirectoryProtection {
 public:
  static constexpr std::string_view kName = "local-directory";
  static constexpr std::string_view kDescription = "directories of this machine, whole trees";
  static constexpr std::array<std::string_view, 1> kTypes{"Local::Directory"};
  static constexpr std::array<std::string_view, 1> kSharedSections{"local"};
  static constexpr bool kPostActsOnFailure = true;

  struct ProtectParameters {
    std::string snapshot = "none";
    std::string staging;
    std::vector<std::string> snapshot_create;
    std::vector<std::string> snapshot_remove;
    std::string snapshot_path;
    std::chrono::milliseconds snapshot_timeout{std::chrono::minutes(5)};
    std::vector<std::string> exclude;
    std::optional<bool> one_file_system;
    std::string on_change = "warn";
    std::string on_unreadable = "fail";
    ByteSize rate_limit;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields(
          "snapshot", &ProtectParameters::snapshot,
          "what is read: a tree of shared blocks made in pre (reflink), a copy made in pre (copy), "
          "what your command makes in pre (command), or the live tree (none)")
          .OneOf({"none", "reflink", "copy", "command"});
      fields("staging", &ProtectParameters::staging,
             "absolute path of the folder in which the reflink or copy is made; unless given, the "
             "directory's parent");
      fields(
          "snapshot_create", &ProtectParameters::snapshot_create,
          "command that makes a snapshot: words, no shell; {path} is the directory, {name} a name "
          "for the snapshot");
      fields("snapshot_remove", &ProtectParameters::snapshot_remove,
             "command that takes the snapshot away; must succeed when there is none");
      fields(
          "snapshot_path", &ProtectParameters::snapshot_path,
          "where the snapshot's tree is, absolute; {path} and {name} as above. A folder that the "
          "commands leave as it was is a warning");
      fields("snapshot_timeout", &ProtectParameters::snapshot_timeout,
             "how long each command may take")
          .Range(1, 24LL * 3'600'000);
      fields("exclude", &ProtectParameters::exclude,
             "patterns of what is left out, beside the inventory's");
      fields("one_file_system", &ProtectParameters::one_file_system,
             "leave out what is mounted below; unless given, what the inventory says");
      fields("on_change", &ProtectParameters::on_change,
             "what a file that changes or vanishes while it is read is: a warning or a failure")
          .OneOf({"warn", "fail"});
      fields("on_unreadable", &ProtectParameters::on_unreadable,
             "what an entry that cannot be read is: a failure, or left out with a warning")
          .OneOf({"fail", "warn"});
      fields("rate_limit", &ProtectParameters::rate_limit,
             "bytes a second at which the tree is read in parallel; 0 = no limit");
    }
  };
  struct RestoreParameters {
    std::string target;
    std::string only;
    std::string only_base64;
    bool overwrite = false;
    std::string existing = "merge";
    std::string owners = "numeric";
    std::string on_unsupported = "fail";
    ByteSize rate_limit;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("target", &RestoreParameters::target,
             "absolute path of the directory to restore to; unless given, where it was")
          .NotEmpty();
      fields(
          "only", &RestoreParameters::only,
          "restore this path only (below the directory, without a leading '/'), and what is in it")
          .NotEmpty();
      fields("only_base64", &RestoreParameters::only_base64,
             "the same for a path that is not UTF-8: its bytes in base64, as 'checkpoints ls "
             "--json' shows them")
          .NotEmpty();
      fields("overwrite", &RestoreParameters::overwrite, "replace what is there");
      fields(
          "existing", &RestoreParameters::existing,
          "with overwrite, what becomes of the existing tree: entries that the checkpoint does not "
          "have stay (merge), or are removed (replace), but for those that were excluded or could "
          "not be read and those on other file systems")
          .OneOf({"merge", "replace"});
      fields(
          "owners", &RestoreParameters::owners,
          "whose the entries become: by their old ids, by their old names, or the restoring user's")
          .OneOf({"numeric", "names", "none"});
      fields(
          "on_unsupported", &RestoreParameters::on_unsupported,
          "what an owner, device or attribute is that cannot be had here: a failure or a warning")
          .OneOf({"fail", "warn"});
      fields("rate_limit", &RestoreParameters::rate_limit,
             "bytes a second at which the tree is written; 0 = no limit");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 1;
    std::string path;
    std::string format = "pax";
    std::string snapshot;
    std::string window_begin;
    std::string window_end;
    std::vector<std::string> exclude;
    std::vector<std::string> left_out;
    bool one_file_system = false;
    std::int64_t entries = 0;
    std::int64_t files = 0;
    std::int64_t directories = 0;
    std::int64_t symlinks = 0;
    std::int64_t hard_links = 0;
    std::int64_t specials = 0;
    ByteSize bytes;
    ByteSize data_bytes;
    ByteSize largest;
    std::int64_t changed = 0;
    std::int64_t unreadable = 0;
    std::vector<std::string> unreadable_paths;
    std::vector<std::string> unreadable_base64;
    std::int64_t sockets = 0;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("path", &SavedInfo::path, "where the directory was").Required();
      fields("format", &SavedInfo::format, "of the stream tree").OneOf({"pax"});
      fields("snapshot", &SavedInfo::snapshot, "how it was kept still");
      fields("window_begin", &SavedInfo::window_begin,
             "the tree is of no moment before this: when the snapshot, or the reading of the live "
             "tree, began (RFC 3339)");
      fields("window_end", &SavedInfo::window_end,
             "and of no moment after this: when the snapshot was whole, or the live tree read");
      fields("exclude", &SavedInfo::exclude, "patterns that were left out");
      fields("left_out", &SavedInfo::left_out,
             "paths below it that resources below it protect, and that were left out");
      fields("one_file_system", &SavedInfo::one_file_system, "mounts below were left out");
      fields("entries", &SavedInfo::entries, "entries in the archive");
      fields("files", &SavedInfo::files, "files");
      fields("directories", &SavedInfo::directories, "directories");
      fields("symlinks", &SavedInfo::symlinks, "symlinks");
      fields("hard_links", &SavedInfo::hard_links, "further names of entries");
      fields("specials", &SavedInfo::specials, "fifos and devices");
      fields("bytes", &SavedInfo::bytes, "sizes of all files");
      fields("data_bytes", &SavedInfo::data_bytes, "the same without holes");
      fields("largest", &SavedInfo::largest, "data of the largest file");
      fields("changed", &SavedInfo::changed,
             "entries that changed or vanished while they were read");
      fields("unreadable", &SavedInfo::unreadable, "entries that were left out, unreadable");
      fields("unreadable_paths", &SavedInfo::unreadable_paths,
             "which they are, below the directory: the first 10,000");
      fields("unreadable_base64", &SavedInfo::unreadable_base64,
             "of these the paths that are not UTF-8: their bytes in base64");
      fields("sockets", &SavedInfo::sockets, "sockets, which are left out");
    }
  };

  // The rules of parameter_rules.h.
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const;
  std::vector<Place> Places(Operation operation, const Resource& resource, const Value& parameters,
                            const Value& saved) const;
  ChildChoice ChooseForChild(Operation operation, const Resource& resource, const Value& parameters,
                             const ResourceLink& child, const Value& child_parameters) const;
  // Preflight: is the directory there, may it be read, can its snapshot be made?
  std::vector<Error> Check(Context& context, const Resource& resource,
                           const Parameters& parameters);
  // Without a snapshot protect has no pre and no post. With resources below it (a database in the
  // tree) restore writes in pre: they restore into the tree that is there then.
  StepChoice Choose(Operation operation, ActivityKind kind, const Resource& resource,
                    const Value& parameters) const;

  Activity activity_protect_pre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const Parameters& parameters);
  Activity activity_protect_parallel(Checkpoint& checkpoint, Context& context,
                                     const Resource& resource, const Parameters& parameters);
  Activity activity_protect_post(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                 const Parameters& parameters);
  Activity activity_restore_pre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const Parameters& parameters);
  Activity activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                     const Resource& resource, const Parameters& parameters);
  Activity activity_restore_post(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                 const Parameters& parameters);
  Activity activity_delete_parallel(Checkpoint& checkpoint, Context& context,
                                    const Resource& resource, const Parameters& parameters);
  Activity activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                    const Resource& resource, const Parameters& parameters);
};

}  // namespace holdfast::plugins::directory
