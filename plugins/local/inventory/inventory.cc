#include "plugins/local/inventory/inventory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "plugins/sdk/place.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::plugins::inventory {
namespace {

constexpr std::size_t kMaxFileSize = 16U << 20U;

// --- The file's form: one struct per map, so that schema.h checks it -----------------------------

struct CommandForm {
  std::vector<std::string> command;
  std::chrono::milliseconds timeout{30'000};
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("command", &CommandForm::command, "the program and its arguments; no shell").Required();
    fields("timeout", &CommandForm::timeout, "how long it may take").Range(1, 24LL * 3'600'000);
  }
};

struct ApplicationForm {
  std::string id;
  std::string name;
  Value quiesce;
  Value resume;
  Value stop;
  Value start;
  Value directories;
  Value sqlite;
  Value postgresql;
  Value volume;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("id", &ApplicationForm::id, "stable id; the name unless given").NotEmpty();
    fields("name", &ApplicationForm::name, "for people; the id unless given").NotEmpty();
    fields("quiesce", &ApplicationForm::quiesce, "brings the application to rest").NotEmpty();
    fields("resume", &ApplicationForm::resume, "lets it go on").NotEmpty();
    fields("stop", &ApplicationForm::stop, "stops it, before a restore").NotEmpty();
    fields("start", &ApplicationForm::start, "starts it, after a restore").NotEmpty();
    fields("directories", &ApplicationForm::directories, "directories that belong to it");
    fields("sqlite", &ApplicationForm::sqlite, "SQLite databases that belong to it");
    fields("postgresql", &ApplicationForm::postgresql, "PostgreSQL databases that belong to it");
    fields("volume", &ApplicationForm::volume,
           "on a cluster, the volume of its commands, and of what belongs to it");
  }
};

struct DirectoryForm {
  std::string id;
  std::string name;
  std::string path;
  std::vector<std::string> exclude;
  bool one_file_system = false;
  Value volume;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("id", &DirectoryForm::id, "stable id; the path unless given").NotEmpty();
    fields("name", &DirectoryForm::name, "for people; the path's last part unless given")
        .NotEmpty();
    fields("path", &DirectoryForm::path, "absolute path").Required().NotEmpty();
    fields("exclude", &DirectoryForm::exclude, "patterns of what is left out");
    fields("one_file_system", &DirectoryForm::one_file_system,
           "leave out what is mounted below the directory");
    fields("volume", &DirectoryForm::volume,
           "on a cluster, the volume on which it lives: {claim or hostPath, path}");
  }
};

struct SqliteForm {
  std::string id;
  std::string name;
  std::string path;
  Value volume;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("id", &SqliteForm::id, "stable id; the path unless given").NotEmpty();
    fields("name", &SqliteForm::name, "for people; the path's last part unless given").NotEmpty();
    fields("path", &SqliteForm::path, "absolute path of the database file").Required().NotEmpty();
    fields("volume", &SqliteForm::volume,
           "on a cluster, the volume on which it lives: {claim or hostPath, path}");
  }
};

struct PostgresqlForm {
  std::string id;
  std::string name;
  std::string host = "/var/run/postgresql";
  std::int64_t port = 5432;
  std::string user;
  std::string database;
  std::string password_file;
  std::string password_env;
  bool discover = false;
  std::vector<std::string> exclude;
  Value volume;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("id", &PostgresqlForm::id, "stable id; host:port/database unless given").NotEmpty();
    fields("name", &PostgresqlForm::name, "for people; the database's name unless given")
        .NotEmpty();
    fields("host", &PostgresqlForm::host, "server name, address, or path of its socket folder")
        .Alias("socket")
        .NotEmpty();
    fields("port", &PostgresqlForm::port, "port").Range(1, 65535);
    fields("user", &PostgresqlForm::user, "role to connect as").NotEmpty();
    fields("database", &PostgresqlForm::database,
           "the database; with discover the one to connect to for the listing")
        .NotEmpty();
    fields("password_file", &PostgresqlForm::password_file, "file that holds the password")
        .NotEmpty();
    fields("password_env", &PostgresqlForm::password_env, "variable that holds the password")
        .NotEmpty();
    fields("discover", &PostgresqlForm::discover, "take every database of the server");
    fields("exclude", &PostgresqlForm::exclude, "with discover: databases that are left out");
    fields("volume", &PostgresqlForm::volume,
           "on a cluster, the volume of its socket folder or password file");
  }
};

struct FileForm {
  Value applications;
  Value directories;
  Value sqlite;
  Value postgresql;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("applications", &FileForm::applications, "applications, with what belongs to them");
    fields("directories", &FileForm::directories, "directories that belong to none");
    fields("sqlite", &FileForm::sqlite, "SQLite databases that belong to none");
    fields("postgresql", &FileForm::postgresql, "PostgreSQL databases that belong to none");
  }
};

// --- Reading -------------------------------------------------------------------------------------

std::string LastPart(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  const std::string part = slash == std::string::npos ? path : path.substr(slash + 1);
  return part.empty() ? path : part;
}

bool SameContents(const Application& a, const Application& b) {
  return a.Node().name == b.Node().name && a.Node().extra == b.Node().extra;
}
bool SameContents(const Directory& a, const Directory& b) {
  return a.Node().name == b.Node().name && a.Node().extra == b.Node().extra;
}
bool SameContents(const Sqlite& a, const Sqlite& b) {
  return a.Node().name == b.Node().name && a.Node().extra == b.Node().extra;
}
bool SameContents(const Postgresql& a, const Postgresql& b) {
  return a.name == b.name && a.host == b.host && a.port == b.port && a.user == b.user &&
         a.database == b.database && a.password_file == b.password_file &&
         a.password_env == b.password_env && a.discover == b.discover && a.exclude == b.exclude &&
         a.volume == b.volume;
}

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Result<Inventory> Read(const Value& document) {
    if (document.is_null()) return Inventory{};
    const auto form = Check<FileForm>(document, "inventory");
    if (form) {
      Each(form->applications, "applications", [this](const Value& v) { ReadApplication(v); });
      ReadChildren(form->directories, form->sqlite, form->postgresql, "");
    }
    if (!errors_.empty()) {
      Error first = std::move(errors_.front());
      for (std::size_t i = 1; i < errors_.size(); ++i) {
        first = std::move(first).Because(std::move(errors_[i]));
      }
      return first;
    }
    Inventory inventory;
    for (auto& [id, item] : applications_) inventory.applications.push_back(std::move(item));
    for (auto& [id, item] : directories_) inventory.directories.push_back(std::move(item));
    for (auto& [id, item] : sqlite_) inventory.sqlite.push_back(std::move(item));
    for (auto& [id, item] : postgresql_) inventory.postgresql.push_back(std::move(item));
    return inventory;
  }

 private:
  void Fail(Position position, Error error) {
    Where where;
    where.file = file_;
    where.line = position.line;
    where.column = position.column;
    errors_.push_back(std::move(error).At(std::move(where)));
  }

  template <class T>
  std::optional<T> Check(const Value& value, std::string_view what) {
    auto bound = Bind<T>(value, file_, what);
    if (bound) return std::move(*bound);
    errors_.push_back(std::move(bound).error());
    return std::nullopt;
  }

  template <class F>
  void Each(const Value& list, std::string_view what, const F& read) {
    if (list.is_null()) return;
    if (!list.is_list()) {
      Fail(list.position(),
           InvalidInput(fmt::format("{} is {}, expected a list", what, NameOf(list.kind()))));
      return;
    }
    for (const Value& item : list.AsList()) read(item);
  }

  bool CheckPath(const Value& entry, const std::string& path) {
    const Value* at = entry.Find("path");
    const Position position = at == nullptr ? entry.position() : at->position();
    if (path.empty() || path.front() != '/') {
      Fail(position, InvalidInput(fmt::format("the path '{}' is not absolute", Printable(path))));
      return false;
    }
    for (const std::string_view part : Split(path, '/')) {
      if (part != "..") continue;
      Fail(position, InvalidInput(fmt::format("the path '{}' holds '..'", Printable(path)))
                         .Hint("write the path that it stands for"));
      return false;
    }
    return true;
  }

  // What the entry says, else what the application above it does. `path`: of the entry, which has to
  // lie on its own volume; empty: it has none.
  std::optional<Volume> ReadVolume(const Value& value, const std::string& path) {
    if (value.is_null()) return volume_above_;
    auto volume = VolumeFromValue(value, file_);
    if (!volume) {
      errors_.push_back(std::move(volume).error());
      return std::nullopt;
    }
    if (!path.empty() && !IsWithin(path, volume->path)) {
      Fail(value.position(), InvalidInput(fmt::format("'{}' does not lie on its volume, which is "
                                                      "mounted at '{}'",
                                                      Printable(path), Printable(volume->path))));
    }
    return std::move(*volume);
  }

  std::optional<Command> ReadCommand(const Value& value, std::string_view key) {
    if (value.is_null()) return std::nullopt;
    Command command;
    if (value.is_list()) {
      for (const Value& word : value.AsList()) {
        if (!word.is_string()) {
          Fail(word.position(),
               InvalidInput(fmt::format("{}: a word of a command is a string, this is {}", key,
                                        NameOf(word.kind())))
                   .Hint("put it in quotes"));
          return std::nullopt;
        }
        command.argv.push_back(word.AsString());
      }
    } else if (value.is_map()) {
      auto form = Check<CommandForm>(value, fmt::format("command '{}'", key));
      if (!form) return std::nullopt;
      command.argv = std::move(form->command);
      command.timeout = form->timeout;
    } else {
      Fail(value.position(), InvalidInput(fmt::format("{} is {}, expected a list of words", key,
                                                      NameOf(value.kind())))
                                 .Hint("commands run without a shell: [systemctl, stop, shop]; "
                                       "for a shell write [sh, -c, '...']"));
      return std::nullopt;
    }
    if (command.argv.empty() || command.argv.front().empty()) {
      Fail(value.position(), InvalidInput(fmt::format("{}: the command is empty", key)));
      return std::nullopt;
    }
    return command;
  }

  // Adds an entry, or its application to the one that stands already.
  template <class T>
  void Add(std::map<std::string, T>& to, T item, std::string_view type, const std::string& parent) {
    if (auto ok = CheckResourceKey({std::string(type), item.id}); !ok) {
      Fail(item.position, std::move(ok).error());
      return;
    }
    const auto at = to.find(item.id);
    if (at == to.end()) {
      if (!parent.empty()) item.applications.push_back(parent);
      std::string id = item.id;
      to.emplace(std::move(id), std::move(item));
      return;
    }
    T& other = at->second;
    const auto& above = other.applications;
    const bool same_place = parent.empty()
                                ? above.empty()
                                : std::find(above.begin(), above.end(), parent) != above.end();
    if (same_place || !SameContents(other, item)) {
      Fail(item.position,
           InvalidInput(fmt::format("the id '{}' stands twice, first in line {}",
                                    Printable(item.id), other.position.line))
               .Hint(same_place
                         ? "give one of them another id"
                         : "an entry that stands in several places must say the same each time"));
      return;
    }
    if (parent.empty()) return;
    other.applications.push_back(parent);
    std::sort(other.applications.begin(), other.applications.end());
  }

  void ReadApplication(const Value& value) {
    const auto form = Check<ApplicationForm>(value, "application");
    if (!form) return;
    Application item;
    item.position = value.position();
    item.id = form->id.empty() ? form->name : form->id;
    item.name = form->name.empty() ? form->id : form->name;
    if (item.id.empty()) {
      Fail(value.position(), InvalidInput("an application needs an id or a name"));
      return;
    }
    item.quiesce = ReadCommand(form->quiesce, "quiesce");
    item.resume = ReadCommand(form->resume, "resume");
    item.stop = ReadCommand(form->stop, "stop");
    item.start = ReadCommand(form->start, "start");
    if (item.quiesce && !item.resume) {
      Fail(value.position(),
           InvalidInput(
               fmt::format("the application '{}' has quiesce and no resume", Printable(item.id)))
               .Hint("what is brought to rest must be let go on"));
    }
    item.volume = ReadVolume(form->volume, "");
    volume_above_ = item.volume;
    const std::string id = item.id;
    Add(applications_, std::move(item), kApplicationType, "");
    ReadChildren(form->directories, form->sqlite, form->postgresql, id);
    volume_above_.reset();
  }

  void ReadChildren(const Value& directories, const Value& sqlite, const Value& postgresql,
                    const std::string& parent) {
    Each(directories, "directories", [&](const Value& v) { ReadDirectory(v, parent); });
    Each(sqlite, "sqlite", [&](const Value& v) { ReadSqlite(v, parent); });
    Each(postgresql, "postgresql", [&](const Value& v) { ReadPostgresql(v, parent); });
  }

  void ReadDirectory(const Value& value, const std::string& parent) {
    auto form = Check<DirectoryForm>(value, "directory");
    if (!form || !CheckPath(value, form->path)) return;
    Directory item;
    item.position = value.position();
    // "/a//b/" and "/a/b" are one directory and must get one id; ".." is refused before.
    item.path = CleanPath(form->path);
    item.id = form->id.empty() ? item.path : form->id;
    item.name = form->name.empty() ? LastPart(item.path) : form->name;
    item.exclude = std::move(form->exclude);
    item.one_file_system = form->one_file_system;
    item.volume = ReadVolume(form->volume, item.path);
    Add(directories_, std::move(item), kDirectoryType, parent);
  }

  void ReadSqlite(const Value& value, const std::string& parent) {
    const auto form = Check<SqliteForm>(value, "sqlite database");
    if (!form || !CheckPath(value, form->path)) return;
    Sqlite item;
    item.position = value.position();
    item.path = CleanPath(form->path);
    item.id = form->id.empty() ? item.path : form->id;
    item.name = form->name.empty() ? LastPart(item.path) : form->name;
    item.volume = ReadVolume(form->volume, item.path);
    Add(sqlite_, std::move(item), kSqliteType, parent);
  }

  void ReadPostgresql(const Value& value, const std::string& parent) {
    auto form = Check<PostgresqlForm>(value, "postgresql database");
    if (!form) return;
    if (form->database.empty() && !form->discover) {
      Fail(value.position(), InvalidInput("a postgresql entry needs a database")
                                 .Hint("or 'discover: true' for every database of the server"));
      return;
    }
    if (!form->exclude.empty() && !form->discover) {
      Fail(value.position(), InvalidInput("exclude has a meaning only with 'discover: true'"));
      return;
    }
    if (!form->password_file.empty() && !form->password_env.empty()) {
      Fail(value.position(), InvalidInput("password_file and password_env: one of them is enough"));
      return;
    }
    Postgresql item;
    item.position = value.position();
    item.host = std::move(form->host);
    item.port = form->port;
    item.user = std::move(form->user);
    item.database = std::move(form->database);
    item.password_file = std::move(form->password_file);
    item.password_env = std::move(form->password_env);
    item.discover = form->discover;
    item.exclude = std::move(form->exclude);
    const std::string server = fmt::format("{}:{}", item.host, item.port);
    item.id = !form->id.empty() ? form->id
              : item.discover   ? server
                                : fmt::format("{}/{}", server, item.database);
    item.name = !form->name.empty() ? form->name : item.discover ? server : item.database;
    if (item.discover && item.database.empty()) item.database = "postgres";
    item.volume = ReadVolume(form->volume, "");
    Add(postgresql_, std::move(item), kPostgresqlType, parent);
  }

  std::string file_;
  std::vector<Error> errors_;
  std::optional<Volume> volume_above_;  // of the application whose children are read
  std::map<std::string, Application> applications_;
  std::map<std::string, Directory> directories_;
  std::map<std::string, Sqlite> sqlite_;
  std::map<std::string, Postgresql> postgresql_;
};

Value StringList(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) list.emplace_back(text);
  return Value(std::move(list));
}

}  // namespace

Value CommandToValue(const Command& command) {
  Value value(Value::Map{});
  value.Set("command", StringList(command.argv));
  value.Set("timeout_ms", static_cast<std::int64_t>(command.timeout.count()));
  return value;
}

Result<Command> CommandFromValue(const Value& value) {
  Command command;
  const Value* argv = value.Find("command");
  if (argv == nullptr || !argv->is_list() || argv->AsList().empty()) {
    return InvalidInput("a command is a map with a list 'command'");
  }
  for (const Value& word : argv->AsList()) {
    if (!word.is_string()) return InvalidInput("a word of a command is a string");
    command.argv.push_back(word.AsString());
  }
  command.timeout = std::chrono::milliseconds(value.IntOr("timeout_ms", 30'000));
  return command;
}

ResourceGraph::Node Application::Node() const {
  Value extra(Value::Map{});
  if (quiesce) extra.Set("quiesce", CommandToValue(*quiesce));
  if (resume) extra.Set("resume", CommandToValue(*resume));
  if (stop) extra.Set("stop", CommandToValue(*stop));
  if (start) extra.Set("start", CommandToValue(*start));
  if (volume) extra.Set(kVolumeKey, VolumeToValue(*volume));
  return {{std::string(kApplicationType), id}, name, std::move(extra)};
}

ResourceGraph::Node Directory::Node() const {
  Value extra(Value::Map{});
  extra.Set("path", path);
  if (!exclude.empty()) extra.Set("exclude", StringList(exclude));
  if (one_file_system) extra.Set("one_file_system", true);
  if (volume) extra.Set(kVolumeKey, VolumeToValue(*volume));
  return {{std::string(kDirectoryType), id}, name, std::move(extra)};
}

ResourceGraph::Node Sqlite::Node() const {
  Value extra(Value::Map{});
  extra.Set("path", path);
  if (volume) extra.Set(kVolumeKey, VolumeToValue(*volume));
  return {{std::string(kSqliteType), id}, name, std::move(extra)};
}

ResourceGraph::Node Postgresql::NodeOf(std::string_view database_name) const {
  Value extra(Value::Map{});
  extra.Set("host", host);
  extra.Set("port", port);
  extra.Set("database", database_name);
  if (!user.empty()) extra.Set("user", user);
  if (!password_file.empty()) extra.Set("password_file", password_file);
  if (!password_env.empty()) extra.Set("password_env", password_env);
  if (volume) extra.Set(kVolumeKey, VolumeToValue(*volume));
  const std::string node_id = discover ? fmt::format("{}/{}", id, database_name) : id;
  const std::string node_name = discover ? std::string(database_name) : name;
  return {{std::string(kPostgresqlType), node_id}, node_name, std::move(extra)};
}

Result<Inventory> ParseInventory(std::string_view text, std::string_view file) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value document, ParseYaml(text, file));
  return Reader(file).Read(document);
}

Result<Inventory> LoadInventory(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(errno, "inventory file " + Printable(file));
  std::string text;
  std::string buffer(64U << 10U, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      Error error = SystemError(errno, "inventory file " + Printable(file));
      ::close(fd);
      return error;
    }
    text.append(buffer, 0, static_cast<std::size_t>(got));
    if (text.size() > kMaxFileSize) {
      ::close(fd);
      return InvalidInput(fmt::format("inventory file {} is larger than 16 MiB", Printable(file)));
    }
  }
  ::close(fd);
  return ParseInventory(text, file);
}

}  // namespace holdfast::plugins::inventory
