#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::postgresql {

// Local::PostgreSQL::Database: one database of a server (resource extra: host, port, user,
// database). protect takes a dump in custom format, either whole in pre, into a staging file, or
// streamed in parallel from a snapshot that a process holds since pre. restore fills a temporary
// database and renames it. README.md has the details.
class PostgresqlProtection {
 public:
  static constexpr std::string_view kName = "local-postgresql";
  static constexpr std::string_view kDescription = "PostgreSQL databases of this machine";
  static constexpr std::array<std::string_view, 1> kTypes{"Local::PostgreSQL::Database"};
  static constexpr std::array<std::string_view, 1> kSharedSections{"local"};
  static constexpr bool kPostActsOnFailure = true;

  struct Settings {
    std::string host;
    std::int64_t port = 5432;
    std::string user;
    SecretReference password;
    std::string maintenance_database = "postgres";
    std::string bin_dir;
    std::string staging = "/var/tmp";
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("host", &Settings::host,
             "server, where a resource does not say it: a name, an address, or the folder of its "
             "socket");
      fields("port", &Settings::port, "port, where a resource does not say it").Range(1, 65535);
      fields("user", &Settings::user, "role to log in as, where a resource does not say it");
      fields("password", &Settings::password, "password, where a resource does not say one");
      fields("maintenance_database", &Settings::maintenance_database,
             "database to connect to for making, renaming and dropping others; where it is itself "
             "the one that is replaced, or is not there, 'postgres' or 'template1' is taken");
      fields("bin_dir", &Settings::bin_dir,
             "folder of pg_dump, pg_restore and psql; unless given, the newest that is installed");
      fields("staging", &Settings::staging, "folder for staged dumps");
    }
  };
  struct ProtectParameters {
    std::string snapshot = "dump";
    std::string staging;
    ByteSize rate_limit;
    std::chrono::milliseconds lock_timeout{60'000};
    std::chrono::milliseconds holder_limit{std::chrono::hours(12)};
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("snapshot", &ProtectParameters::snapshot,
             "dump: pre writes the whole dump into a staging file; holder: a process keeps a "
             "snapshot open between pre and parallel (not where each step is a pod)")
          .OneOf({"dump", "holder"});
      fields("staging", &ProtectParameters::staging,
             "absolute path of the folder for the staged dump, over the setting");
      fields("rate_limit", &ProtectParameters::rate_limit,
             "bytes a second at which the dump goes to the bank; 0 = no limit");
      fields("lock_timeout", &ProtectParameters::lock_timeout,
             "how long pg_dump waits for a table that another session has locked")
          .Range(1, 24LL * 3'600'000);
      fields("holder_limit", &ProtectParameters::holder_limit,
             "after this long a process that holds a snapshot ends by itself")
          .Range(1000, 7LL * 24 * 3'600'000);
    }
  };
  struct RestoreParameters {
    std::string database;
    std::string host;
    std::int64_t port = 0;
    std::string user;
    bool overwrite = false;
    bool owners = true;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields(
          "database", &RestoreParameters::database,
          "database to restore into; unless given, the one that was protected. An empty one that "
          "stands ready keeps what its administrator gave it (owner, privileges, settings, "
          "comment, connection limit, tablespace); the rest is as it was protected")
          .NotEmpty();
      fields("host", &RestoreParameters::host, "server to restore to; unless given, the same")
          .NotEmpty();
      fields("port", &RestoreParameters::port, "its port; 0: the same").Range(0, 65535);
      fields("user", &RestoreParameters::user, "role to log in as there").NotEmpty();
      fields("overwrite", &RestoreParameters::overwrite,
             "replace a database that has something in it, or that stands ready with something of "
             "its own, by what was protected, and end the sessions that use it");
      fields(
          "owners", &RestoreParameters::owners,
          "give objects back to their owners; false: everything belongs to the role that restores");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 1;
    std::string host;
    std::int64_t port = 5432;
    std::string database;
    std::string owner;
    std::string encoding;
    std::string collate;
    std::string ctype;
    std::string icu_locale;
    std::int64_t connection_limit = -1;
    std::string comment;
    std::string tablespace;
    std::vector<std::string> tablespaces;
    Value grants;
    Value settings;
    ByteSize database_size;
    std::int64_t server_version = 0;
    std::int64_t dump_major = 0;
    std::string snapshot;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("host", &SavedInfo::host, "server, as the resource named it");
      fields("port", &SavedInfo::port, "its port");
      fields("database", &SavedInfo::database, "name of the database").Required();
      fields("owner", &SavedInfo::owner, "role that owned it");
      fields("encoding", &SavedInfo::encoding, "its encoding");
      fields("collate", &SavedInfo::collate, "LC_COLLATE");
      fields("ctype", &SavedInfo::ctype, "LC_CTYPE");
      fields("icu_locale", &SavedInfo::icu_locale, "ICU locale, where the provider is ICU");
      fields("connection_limit", &SavedInfo::connection_limit,
             "how many may be connected at once; -1 = no limit");
      fields("comment", &SavedInfo::comment, "its comment");
      fields("tablespace", &SavedInfo::tablespace,
             "tablespace that it stood in, where that is not the default one");
      fields("tablespaces", &SavedInfo::tablespaces,
             "other tablespaces in which tables and indexes of it stood");
      fields("grants", &SavedInfo::grants,
             "privileges on the database itself, where they are not those of a new one: a list of "
             "{role, privilege, grantable}; role '' is everybody");
      fields(
          "settings", &SavedInfo::settings,
          "settings made for the database: a list of {role, name, value}; role '' is every role");
      fields("database_size", &SavedInfo::database_size, "what it took on the server's disk");
      fields("server_version", &SavedInfo::server_version, "as PostgreSQL counts: 150020 is 15.20");
      fields("dump_major", &SavedInfo::dump_major, "major version of the pg_dump that wrote it")
          .Required();
      fields("snapshot", &SavedInfo::snapshot, "how the point in time was held: dump or holder");
    }
  };

  explicit PostgresqlProtection(Settings settings) : settings_(std::move(settings)) {}

  // Is the database named, by a name that it can have and that may be restored into; is the
  // staging folder absolute?
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const;
  // Its name on its server. The usual addresses of this machine (localhost, its numbers, Debian's
  // socket folder) are one; other addresses of one server are not told to be one.
  std::vector<Place> Places(Operation operation, const Resource& resource,
                            const Value& parameters) const;
  // Preflight: can the database be reached and read in full, are the tools there and as new as the
  // server, is there a place for the staged dump?
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
  Activity activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                    const Resource& resource, const Parameters& parameters);

 private:
  Settings settings_;
};

}  // namespace holdfast::plugins::postgresql
