#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/context.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"

namespace holdfast::plugins::postgresql {

// Where a server is and how to log in; no secret, only where it stands.
struct ServerAddress {
  std::string host;  // a name, an address, or the folder of its socket; empty: libpq's default
  std::int64_t port = 5432;
  std::string user;  // empty: libpq's default
  SecretReference password;

  // "HOST:PORT", for people and ids.
  std::string str() const;
};

// What of a resource's extra info ({"host", "port", "user", "password_file", "password_env"}) is
// given goes over `defaults`.
ServerAddress AddressOf(const Resource& resource, ServerAddress defaults);

// The variables with which a PostgreSQL program finds the server. The password is in the child's
// environment alone, never in an argument.
Status AddToEnvironment(const ServerAddress& address, const Context& context, ProcessSpec& spec);
// A connection string that names a database whatever its name holds, for --dbname.
std::string DatabaseArgument(std::string_view database);

// A connection to one database; libpq stops here. Every call has a deadline and honours
// context.cancellation(). One thread.
class Connection {
 public:
  // kUnavailable when the server cannot be reached, kNotFound when there is no such database,
  // kDenied for a refused login. `application` shows in pg_stat_activity.
  static Result<Connection> Open(const ServerAddress& address, std::string_view database,
                                 Context& context, std::string_view application = "holdfast");
  // A connection for making, renaming and dropping databases, and for asking about all of them: to
  // `preferred`, but never to `target`, which could not be replaced then, nor to one that is not
  // there; then, as PostgreSQL's own createdb, to "postgres" or "template1". Its application name
  // is kMaintenanceApplication. While it is open nobody can replace the database that it is
  // connected to, nor copy template1 (CREATE DATABASE): not to be kept while a database is filled.
  static Result<Connection> OpenMaintenance(const ServerAddress& address,
                                            std::string_view preferred, std::string_view target,
                                            Context& context);
  static constexpr std::string_view kMaintenanceApplication = "holdfast maintenance";

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // Runs one statement with parameters ($1, ...; nullopt = NULL). Rows of texts; NULL is nullopt.
  using Row = std::vector<std::optional<std::string>>;
  Result<std::vector<Row>> Query(const std::string& sql,
                                 const std::vector<std::optional<std::string>>& parameters = {});
  // The first column of the first row; nullopt when there is no row or it is NULL.
  Result<std::optional<std::string>> Ask(
      const std::string& sql, const std::vector<std::optional<std::string>>& parameters = {});
  // Statements without parameters or rows; several in one go are one transaction.
  Status Do(const std::string& sql);
  // 150020 for 15.20.
  int server_version() const;

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A name in double quotes, a text in single ones, for statements that take no parameters.
std::string QuoteName(std::string_view name);
std::string QuoteText(std::string_view text);

// What tells the server at the other end from every other, copies of its data included: two addresses
// with one identity lead to one server. Changes when it is started again.
Result<std::string> ServerIdentity(Connection& connection);

struct ListedDatabase {
  std::string name;
  bool is_template = false;
  bool allows_connections = true;
};

// The databases of a server, sorted by name, but for template0, template1 and what a restore is filling.
Result<std::vector<ListedDatabase>> ListDatabases(const ServerAddress& address,
                                                  std::string_view connect_to, Context& context);

}  // namespace holdfast::plugins::postgresql
