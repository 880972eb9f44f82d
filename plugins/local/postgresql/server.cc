#include "plugins/local/postgresql/server.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectDeadline{std::chrono::seconds(15)};
constexpr milliseconds kStatementDeadline{std::chrono::minutes(10)};
constexpr milliseconds kLookAtCancellationEvery{50};
// A time limit that a database or role has for its application must not end our statements: they have
// a deadline. As an option of the connection, since a SET can itself be ended by such a limit.
constexpr char kNoTimeLimits[] = "-c statement_timeout=0 -c lock_timeout=0";

struct FreeConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionHandle = std::unique_ptr<PGconn, FreeConnection>;
struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, FreeResult>;

// The first line of what libpq says: the rest is context for a terminal.
std::string FirstLine(const char* text) {
  std::string_view line = Trim(text == nullptr ? "" : text);
  line = line.substr(0, line.find('\n'));
  return Printable(line);
}

Error ErrorOfState(std::string_view sqlstate, const std::string& message) {
  ErrorCode code = ErrorCode::kInternal;
  const std::string_view group = sqlstate.substr(0, 2);
  if (group == "08" || group == "57" || group == "53") code = ErrorCode::kUnavailable;
  if (sqlstate == "53100") code = ErrorCode::kDenied;       // disk_full
  if (sqlstate == "3D000") code = ErrorCode::kNotFound;     // invalid_catalog_name
  if (sqlstate == "42P04") code = ErrorCode::kConflict;     // duplicate_database
  if (sqlstate == "55006") code = ErrorCode::kUnavailable;  // object_in_use
  if (sqlstate == "42501" || group == "28") code = ErrorCode::kDenied;
  return Error(code, message);
}

// Waits until the socket is ready; the deadline and the cancellation of the caller are errors.
Status WaitFor(PGconn* connection, short events, SteadyTime until, Context& context) {
  for (;;) {
    if (context.cancelled()) return CancelledError();
    const auto now = context.clock().Steady();
    if (now >= until) return Unavailable("the PostgreSQL server does not answer");
    const auto wait = std::min<milliseconds>(
        kLookAtCancellationEvery,
        std::chrono::duration_cast<milliseconds>(until - now) + milliseconds(1));
    pollfd waiting{PQsocket(connection), events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(wait.count()));
    if (ready > 0) return Ok();
    if (ready < 0 && errno != EINTR) return SystemError(errno, "waiting for the PostgreSQL server");
  }
}

Error ConnectError(PGconn* connection, const ServerAddress& address, std::string_view database) {
  const std::string said = FirstLine(PQerrorMessage(connection));
  // libpq has no SQLSTATE for a failed connect; the server's texts are the only difference, and a
  // localised one falls back to "unavailable".
  ErrorCode code = ErrorCode::kUnavailable;
  if (said.find("does not exist") != std::string::npos &&
      said.find("database") != std::string::npos) {
    code = ErrorCode::kNotFound;
  } else if (said.find("authentication failed") != std::string::npos ||
             said.find("no password supplied") != std::string::npos ||
             said.find("pg_hba.conf") != std::string::npos ||
             said.find("permission denied") != std::string::npos ||
             said.find("role \"") != std::string::npos) {
    code = ErrorCode::kDenied;
  }
  return Error(code, fmt::format("connecting to database '{}' at {}: {}", Printable(database),
                                 Printable(address.str()), said));
}

}  // namespace

std::string ServerAddress::str() const {
  return fmt::format("{}:{}", host.empty() ? "localhost" : host, port);
}

ServerAddress AddressOf(const Resource& resource, ServerAddress defaults) {
  const Value& extra = resource.extra;
  defaults.host = extra.StringOr("host", defaults.host);
  defaults.port = extra.IntOr("port", defaults.port);
  defaults.user = extra.StringOr("user", defaults.user);
  if (const std::string file = extra.StringOr("password_file", ""); !file.empty()) {
    defaults.password = {SecretReference::Kind::kFile, file};
  } else if (const std::string name = extra.StringOr("password_env", ""); !name.empty()) {
    defaults.password = {SecretReference::Kind::kEnvironment, name};
  }
  return defaults;
}

Status AddToEnvironment(const ServerAddress& address, const Context& context, ProcessSpec& spec) {
  // Ours decides, not what the caller's shell happened to hold.
  for (const char* name :
       {"PGSERVICE", "PGSERVICEFILE", "PGDATABASE", "PGHOSTADDR", "HOLDFAST_FAILPOINT"}) {
    spec.environment_removed.emplace_back(name);
  }
  if (!address.host.empty()) spec.environment["PGHOST"] = address.host;
  spec.environment["PGPORT"] = std::to_string(address.port);
  if (!address.user.empty()) spec.environment["PGUSER"] = address.user;
  spec.environment["PGCONNECT_TIMEOUT"] = "15";
  spec.environment["PGAPPNAME"] = "holdfast";
  spec.environment["PGOPTIONS"] = kNoTimeLimits;
  // What the program says is read for its meaning.
  spec.environment["LC_MESSAGES"] = "C";
  if (address.password.given()) {
    HOLDFAST_ASSIGN_OR_RETURN(const Secret secret, context.ReadSecret(address.password));
    spec.environment["PGPASSWORD"] = secret.Reveal();
  }
  return Ok();
}

std::string DatabaseArgument(std::string_view database) {
  std::string out = "dbname='";
  for (const char c : database) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

struct Connection::State {
  ConnectionHandle handle;
  Context* context;  // Not owned; outlives the connection, as an activity's context does.
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::OpenMaintenance(const ServerAddress& address,
                                               std::string_view preferred, std::string_view target,
                                               Context& context) {
  std::optional<Error> missing;
  for (const std::string_view database :
       {preferred, std::string_view("postgres"), std::string_view("template1")}) {
    if (database == target) continue;
    auto connection = Open(address, database, context, kMaintenanceApplication);
    // Also what one gets that is renamed by another restore while we connect.
    if (connection || connection.error().code() != ErrorCode::kNotFound) return connection;
    if (!missing) missing = std::move(connection).error();
  }
  return std::move(*missing).Hint(
      "'maintenance_database' in the section [local_postgresql] names one that is there");
}

Result<Connection> Connection::Open(const ServerAddress& address, std::string_view database,
                                    Context& context, std::string_view application) {
  std::map<std::string, std::string> settings{{"dbname", std::string(database)},
                                              {"port", std::to_string(address.port)},
                                              {"application_name", std::string(application)},
                                              {"client_encoding", "UTF8"},
                                              {"options", kNoTimeLimits},
                                              {"tcp_user_timeout", "30000"}};
  if (!address.host.empty()) settings["host"] = address.host;
  if (!address.user.empty()) settings["user"] = address.user;
  std::optional<Secret> password;
  if (address.password.given()) {
    HOLDFAST_ASSIGN_OR_RETURN(password, context.ReadSecret(address.password));
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : settings) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  if (password) {
    keys.push_back("password");
    values.push_back(password->Reveal().c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  // expand_dbname 0: a database called "host=..." is a name, not a connection string.
  ConnectionHandle handle(PQconnectStartParams(keys.data(), values.data(), 0));
  if (handle == nullptr) return Unavailable("no memory for a connection");
  const SteadyTime until = context.clock().Steady() + context.TimeLeft(kConnectDeadline);
  if (PQstatus(handle.get()) == CONNECTION_BAD)
    return ConnectError(handle.get(), address, database);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
       next = PQconnectPoll(handle.get())) {
    if (next == PGRES_POLLING_FAILED) return ConnectError(handle.get(), address, database);
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (Status waited = WaitFor(handle.get(), events, until, context); !waited) {
      return std::move(waited).error().While(
          fmt::format("connecting to {}", Printable(address.str())));
    }
  }
  auto state = std::make_unique<State>();
  state->handle = std::move(handle);
  state->context = &context;
  Connection connection(std::move(state));
  // A hostile search path must not choose which functions and tables our statements mean.
  HOLDFAST_RETURN_IF_ERROR(connection.Do("SET search_path = pg_catalog"));
  return connection;
}

int Connection::server_version() const { return PQserverVersion(state_->handle.get()); }

Result<std::vector<Connection::Row>> Connection::Query(
    const std::string& sql, const std::vector<std::optional<std::string>>& parameters) {
  PGconn* const connection = state_->handle.get();
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters)
    values.push_back(parameter ? parameter->c_str() : nullptr);
  // Without parameters the simple protocol: several statements in one go are then allowed.
  const int sent = parameters.empty()
                       ? PQsendQuery(connection, sql.c_str())
                       : PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()),
                                           nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0)
    return Unavailable(fmt::format("PostgreSQL: {}", FirstLine(PQerrorMessage(connection))));
  const SteadyTime until =
      state_->context->clock().Steady() + state_->context->TimeLeft(kStatementDeadline);
  std::vector<Row> rows;
  std::optional<Error> failure;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      if (Status waited = WaitFor(connection, POLLIN, until, *state_->context); !waited) {
        // Whatever the server still does for us is of no use to anyone.
        if (PGcancel* cancel = PQgetCancel(connection); cancel != nullptr) {
          char ignored[256];
          PQcancel(cancel, ignored, sizeof ignored);
          PQfreeCancel(cancel);
        }
        return Error(std::move(waited).error());
      }
      if (PQconsumeInput(connection) == 0) {
        return Unavailable(fmt::format("PostgreSQL: {}", FirstLine(PQerrorMessage(connection))));
      }
    }
    const ResultHandle result(PQgetResult(connection));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK) {
      for (int r = 0; r < PQntuples(result.get()); ++r) {
        Row row;
        for (int c = 0; c < PQnfields(result.get()); ++c) {
          if (PQgetisnull(result.get(), r, c) != 0) {
            row.emplace_back(std::nullopt);
          } else {
            row.emplace_back(
                std::string(PQgetvalue(result.get(), r, c),
                            static_cast<std::size_t>(PQgetlength(result.get(), r, c))));
          }
        }
        rows.push_back(std::move(row));
      }
    } else if (status != PGRES_COMMAND_OK && !failure) {
      const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      const char* primary = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
      failure = ErrorOfState(
          sqlstate == nullptr ? "08006" : sqlstate,
          fmt::format("PostgreSQL: {}",
                      FirstLine(primary != nullptr ? primary : PQerrorMessage(connection))));
    }
  }
  if (failure) return std::move(*failure);
  return rows;
}

Result<std::optional<std::string>> Connection::Ask(
    const std::string& sql, const std::vector<std::optional<std::string>>& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Row> rows, Query(sql, parameters));
  if (rows.empty() || rows.front().empty()) return std::optional<std::string>();
  return std::move(rows.front().front());
}

Status Connection::Do(const std::string& sql) {
  HOLDFAST_RETURN_IF_ERROR(Query(sql));
  return Ok();
}

std::string QuoteName(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string QuoteText(std::string_view text) {
  // E'' so that the meaning of a backslash does not depend on standard_conforming_strings.
  std::string out = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

Result<std::string> ServerIdentity(Connection& connection) {
  // A copy of its data folder has the same identifier, and was not started at the same microsecond.
  HOLDFAST_ASSIGN_OR_RETURN(const auto identity,
                            connection.Ask("SELECT system_identifier || '/' || extract(epoch FROM "
                                           "pg_postmaster_start_time()) FROM pg_control_system()"));
  if (!identity) return Internal("the server does not know itself");
  return *identity;
}

Result<std::vector<ListedDatabase>> ListDatabases(const ServerAddress& address,
                                                  std::string_view connect_to, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(Connection connection, Connection::Open(address, connect_to, context));
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto rows,
      connection.Query("SELECT datname, datistemplate, datallowconn FROM pg_database "
                       "WHERE datname NOT IN ('template0', 'template1') "
                       "AND datname NOT LIKE 'holdfast\\_tmp\\_%' ORDER BY datname COLLATE \"C\""));
  std::vector<ListedDatabase> databases;
  for (const auto& row : rows) {
    if (row.size() == 3 && row[0]) databases.push_back({*row[0], row[1] == "t", row[2] == "t"});
  }
  return databases;
}

}  // namespace holdfast::plugins::postgresql
