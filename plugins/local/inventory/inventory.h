#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "plugins/sdk/volume.h"

// The inventory file: what of this machine is protected, written by its administrator.
//
//   applications:
//     - id: shop                       # default: the name
//       name: Shop                     # default: the id; one of the two must stand
//       quiesce: {command: [systemctl, stop, shop], timeout: 30s}
//       resume: [systemctl, start, shop]          # a bare list is the command, with 30 s
//       directories: [{path: /srv/shop/files}]    # below the application
//       sqlite: [{path: /srv/shop/shop.db}]
//       postgresql: [{database: shop}]
//   directories:                       # at top level: below nothing
//     - {id: etc, name: settings, path: /etc, exclude: ["*.bak"], one_file_system: true}
//   sqlite: []
//   postgresql:
//     - {host: /var/run/postgresql, user: postgres, discover: true, exclude: [template1]}
//
// On a cluster each entry may say on which volume it lives: `volume: {claim: shop, path: /srv/shop}`
// or {hostPath: ...}; what belongs to an application lives on the application's unless it says.
//
// Ids are stable: the explicit one, else the path (directories, sqlite), host:port/database
// (postgresql), the name (applications). The same entry may stand below several applications: it
// is then one resource with several parents, and must say the same each time.
namespace holdfast::plugins::inventory {

inline constexpr std::string_view kApplicationType = "Local::Application";
inline constexpr std::string_view kDirectoryType = "Local::Directory";
inline constexpr std::string_view kSqliteType = "Local::SQLite::Database";
inline constexpr std::string_view kPostgresqlType = "Local::PostgreSQL::Database";

// A command of an application: run without a shell.
struct Command {
  std::vector<std::string> argv;              // argv[0] is looked up in PATH; never empty
  std::chrono::milliseconds timeout{30'000};  // 1 ms to 24 h
  friend bool operator==(const Command&, const Command&) = default;
};
// As it stands in a resource's extra: {"command": [...], "timeout_ms": n}; and back.
Value CommandToValue(const Command& command);
Result<Command> CommandFromValue(const Value& value);

// The key of an edge's facts below a directory (inventory_protectable.h).
inline constexpr std::string_view kOwnsFact = "owns";

// What every entry has.
struct Entry {
  std::string id;
  std::string name;  // for people; never empty
  // ids of those it stands below; sorted, empty at top level
  std::vector<std::string> applications;
  std::optional<Volume> volume;  // where it lives on a cluster
  Position position;             // in the file
};

struct Application : Entry {
  std::optional<Command> quiesce;
  std::optional<Command> resume;
  std::optional<Command> stop;
  std::optional<Command> start;
  // extra: {"quiesce"?, "resume"?, "stop"?, "start"?}, each as CommandToValue has it, "volume"?.
  ResourceGraph::Node Node() const;
};

struct Directory : Entry {
  std::string path;  // absolute
  std::vector<std::string> exclude;
  bool one_file_system = false;
  // extra: {"path", "exclude"?, "one_file_system"?, "volume"?}.
  ResourceGraph::Node Node() const;
};

struct Sqlite : Entry {
  std::string path;  // absolute
  // extra: {"path", "volume"?}.
  ResourceGraph::Node Node() const;
};

// One database, or, with `discover`, a server whose databases are listed live.
struct Postgresql : Entry {
  std::string host;  // a name, an address, or the absolute path of a socket folder
  std::int64_t port = 5432;
  std::string user;           // empty: libpq's default
  std::string database;       // of a server: the one to connect to for the listing
  std::string password_file;  // where the password stands, empty: none (or ~/.pgpass)
  std::string password_env;   // or the variable that holds it
  bool discover = false;
  std::vector<std::string> exclude;  // of a server: names of databases that are left out
  // The node of `database` of this entry; `database` differs from the member for those that were
  // found on a server, and the id is then "<id>/<database>".
  // extra: {"host", "port", "database", "user"?, "password_file"?, "password_env"?,
  // "volume"?}. No secret.
  ResourceGraph::Node NodeOf(std::string_view database_name) const;
  // The node of an entry that is no server.
  ResourceGraph::Node Node() const { return NodeOf(database); }
};

// The whole file; each list sorted by id, no id twice in one list. A value type.
struct Inventory {
  std::vector<Application> applications;
  std::vector<Directory> directories;
  std::vector<Sqlite> sqlite;
  std::vector<Postgresql> postgresql;
};

// Reads an inventory. Errors (kInvalidInput) have file, line and column and are all collected: the
// first is the error, the others its causes. Refused: an unknown key (did you mean), a wrong type,
// a path that is not absolute, an empty command, one id for two different entries, an id that no
// resource can have.
Result<Inventory> ParseInventory(std::string_view text, std::string_view file);
// The same of a file; kNotFound and kDenied name it. At most 16 MiB.
Result<Inventory> LoadInventory(const std::string& file);

}  // namespace holdfast::plugins::inventory
