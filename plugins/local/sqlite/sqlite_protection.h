#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::sqlite {

// Local::SQLite::Database: one database file (resource extra: path, and real_path where links lead
// elsewhere). protect copies it in pre with
// SQLite's online backup into a staging file, parallel brings that to the bank, post removes it.
// restore writes beside the target, checks and renames. README.md has the details.
class SqliteProtection {
 public:
  static constexpr std::string_view kName = "local-sqlite";
  static constexpr std::string_view kDescription = "SQLite databases of this machine";
  static constexpr std::array<std::string_view, 1> kTypes{"Local::SQLite::Database"};
  static constexpr std::array<std::string_view, 1> kSharedSections{"local"};
  static constexpr bool kPostActsOnFailure = true;

  struct Settings {
    std::string staging;
    std::chrono::milliseconds busy_timeout{30'000};
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("staging", &Settings::staging,
             "folder for the staged copies; unless given, the database's own");
      fields("busy_timeout", &Settings::busy_timeout, "how long to wait for a writer's lock")
          .Range(0, 3'600'000);
    }
  };
  struct ProtectParameters {
    std::string staging;
    std::string check = "full";
    std::string on_damaged = "fail";
    ByteSize rate_limit;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields(
          "staging", &ProtectParameters::staging,
          "absolute path of the folder for the staged copy, over the setting; where each step is a "
          "pod it must be on a volume that all of them mount");
      fields("check", &ProtectParameters::check,
             "SQLite's own check of the staged copy, in parallel: integrity_check (full, which "
             "compares indexes with their tables, too), quick_check, or none")
          .OneOf({"full", "quick", "none"});
      fields(
          "on_damaged", &ProtectParameters::on_damaged,
          "what a database is that does not pass the check, or that SQLite cannot even copy (then "
          "its file is): a failure, or protected as it is with a warning")
          .OneOf({"fail", "warn"});
      fields("rate_limit", &ProtectParameters::rate_limit,
             "bytes a second at which the staged copy is read; 0 = no limit");
    }
  };
  struct RestoreParameters {
    std::string path;
    bool overwrite = false;
    std::string check = "as_protected";
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("path", &RestoreParameters::path,
             "where to restore to, absolute; unless given, where it was")
          .NotEmpty();
      fields("overwrite", &RestoreParameters::overwrite,
             "replace a file that is there. One that another process has in use is not replaced: "
             "the step says by which, and is tried again as often as the plan's retries say. Stop "
             "the application first, or let its Local::Application do it (stop, start)");
      fields(
          "check", &RestoreParameters::check,
          "SQLite's own check of what was written, before it takes its place: full, quick, none; "
          "as_protected: what was passed when it was protected must be passed again, and what a "
          "full check finds beyond that is a warning")
          .OneOf({"as_protected", "full", "quick", "none"});
    }
  };
  struct VerifyParameters {
    bool integrity_check = false;
    std::string scratch = "/var/tmp";
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("integrity_check", &VerifyParameters::integrity_check,
             "beside reading every byte, write a scratch copy and let SQLite check it");
      fields("scratch", &VerifyParameters::scratch,
             "absolute path of the folder for the scratch copy");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 1;
    std::string path;
    ByteSize size;
    std::int64_t page_size = 0;
    std::string journal_mode;
    std::string sqlite_version;
    std::string checked = "none";
    std::string finding;
    std::int64_t mode = 0600;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::int64_t folder_mode = 0755;
    std::int64_t folder_uid = 0;
    std::int64_t folder_gid = 0;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("path", &SavedInfo::path, "where the database was").Required();
      fields("size", &SavedInfo::size, "bytes of the copy").Required();
      fields("page_size", &SavedInfo::page_size, "bytes of a page");
      fields("journal_mode", &SavedInfo::journal_mode, "SQLite's journal mode");
      fields("sqlite_version", &SavedInfo::sqlite_version, "version that made the copy");
      fields("checked", &SavedInfo::checked, "the strongest check that the copy passed")
          .OneOf({"full", "quick", "none"});
      fields("finding", &SavedInfo::finding,
             "what is wrong with it, or why it could not be checked; empty: nothing is known");
      fields("mode", &SavedInfo::mode, "permissions of the file");
      fields("uid", &SavedInfo::uid, "owner of the file");
      fields("gid", &SavedInfo::gid, "group of the file");
      fields("folder_mode", &SavedInfo::folder_mode, "permissions of its folder");
      fields("folder_uid", &SavedInfo::folder_uid, "owner of its folder");
      fields("folder_gid", &SavedInfo::folder_gid, "group of its folder");
    }
  };

  explicit SqliteProtection(Settings settings) : settings_(std::move(settings)) {}

  StepChoice Choose(Operation operation, ActivityKind kind, const Resource& resource,
                    const Value& parameters) const;

  // Are the paths absolute that the inventory and the parameters name?
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const;
  std::vector<Place> Places(Operation operation, const Resource& resource,
                            const Value& parameters) const;
  // Preflight: can the file be read and is it a database, is there a place for its staged copy?
  std::vector<Error> Check(Context& context, const Resource& resource,
                           const Parameters& parameters);

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
  // Only with integrity_check: the scratch copy's name is journaled before it is written.
  Activity activity_verify_pre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                               const Parameters& parameters);
  Activity activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                    const Resource& resource, const Parameters& parameters);
  Activity activity_verify_post(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const Parameters& parameters);

 private:
  Settings settings_;
};

}  // namespace holdfast::plugins::sqlite
