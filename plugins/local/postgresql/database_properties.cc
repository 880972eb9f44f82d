#include "plugins/local/postgresql/database_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

// Lists of names, which the server keeps as one text with each name quoted where it must be
// (GUC_LIST_QUOTE): that text as a value would be one odd name.
constexpr std::array<std::string_view, 6> kLists{
    "local_preload_libraries",  "search_path",      "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"};

bool IsList(std::string_view setting) {
  return std::find(kLists.begin(), kLists.end(), setting) != kLists.end();
}

// "work_mem", "shop.mode": the parts of a name, each quoted.
std::string QuoteSetting(std::string_view name) {
  std::vector<std::string> parts;
  for (const std::string_view part : Split(name, '.')) parts.push_back(QuoteName(part));
  return Join(parts, ".");
}

// Of privileges none is made up of more words, and none is taken from a text that somebody chose.
bool IsPrivilege(std::string_view word) {
  return word == "CREATE" || word == "CONNECT" || word == "TEMPORARY";
}

constexpr std::string_view kDefaultTablespace = "pg_default";

class Giver {
 public:
  Giver(Connection& maintenance, std::string shown, Context& context)
      : maintenance_(maintenance), shown_(std::move(shown)), context_(context) {}

  // `what` for the warning: "its comment".
  Status Give(const std::string& sql, const std::string& what) {
    Status given = maintenance_.Do(sql);
    if (given) return Ok();
    if (given.error().code() == ErrorCode::kUnavailable) return given;
    context_.log().Log(LogLevel::kWarning,
                       fmt::format("database '{}' does not get {} back: {}", Printable(shown_),
                                   what, given.error().message()));
    return Ok();
  }

 private:
  Connection& maintenance_;
  std::string shown_;
  Context& context_;
};

std::string RoleName(const std::string& role) { return role.empty() ? "PUBLIC" : QuoteName(role); }

Status GiveGrants(Giver& giver, const std::string& name, const Value& grants,
                  const std::string& old_owner, const std::string& owner) {
  const std::string on = fmt::format("ON DATABASE {}", QuoteName(name));
  // What a new database has by itself: all for its owner, CONNECT and TEMPORARY for everybody.
  HOLDFAST_RETURN_IF_ERROR(giver.Give(
      fmt::format("REVOKE ALL {} FROM PUBLIC, {}", on, QuoteName(owner)), "its privileges"));
  for (const Value& grant : grants.AsList()) {
    std::string role = grant.StringOr("role", "");
    const std::string privilege = grant.StringOr("privilege", "");
    if (!IsPrivilege(privilege)) continue;
    if (role == old_owner) role = owner;
    const std::string who = role.empty() ? "everybody" : fmt::format("role '{}'", Printable(role));
    HOLDFAST_RETURN_IF_ERROR(giver.Give(
        fmt::format("GRANT {} {} TO {}{}", privilege, on, RoleName(role),
                    grant.BoolOr("grantable", false) && !role.empty() ? " WITH GRANT OPTION" : ""),
        fmt::format("the privilege {} of {}", privilege, who)));
  }
  return Ok();
}

Status GiveSettings(Giver& giver, const std::string& name, const Value& settings) {
  for (const Value& setting : settings.AsList()) {
    const std::string role = setting.StringOr("role", "");
    const std::string key = setting.StringOr("name", "");
    const std::string value = setting.StringOr("value", "");
    if (key.empty()) continue;
    const std::string of = role.empty() ? fmt::format("ALTER DATABASE {}", QuoteName(name))
                                        : fmt::format("ALTER ROLE {} IN DATABASE {}",
                                                      QuoteName(role), QuoteName(name));
    // A list goes through the setting itself, for the length of this one transaction: the server
    // takes the text apart as it put it together.
    const std::string sql =
        IsList(key) ? fmt::format("SELECT set_config({}, {}, true); {} SET {} FROM CURRENT",
                                  QuoteText(key), QuoteText(value), of, QuoteSetting(key))
                    : fmt::format("{} SET {} TO {}", of, QuoteSetting(key), QuoteText(value));
    HOLDFAST_RETURN_IF_ERROR(giver.Give(
        sql, fmt::format("the setting {}{}", Printable(key),
                         role.empty() ? "" : fmt::format(" of role '{}'", Printable(role)))));
  }
  return Ok();
}

// What is no UTF-8 is left out, with a warning.
Status ReadProperties(Connection& connection, PostgresqlProtection::SavedInfo& info,
                      Context& context) {
  const auto text = [&](const std::optional<std::string>& value,
                        std::string_view what) -> std::optional<std::string> {
    if (!value || IsUtf8(*value)) return value;
    context.log().Log(LogLevel::kWarning,
                      fmt::format("{} of database '{}' is no UTF-8 and is not protected", what,
                                  Printable(info.database)));
    return std::nullopt;
  };
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto rows,
      connection.Query("SELECT datconnlimit::text, shobj_description(oid, 'pg_database'), "
                       "(datacl IS NOT NULL)::text, (SELECT spcname FROM pg_tablespace t WHERE "
                       "t.oid = dattablespace) FROM pg_database WHERE datname = "
                       "current_database()"));
  if (rows.size() != 1) return Internal("the server does not know its own database");
  info.connection_limit = std::strtoll(rows[0][0].value_or("-1").c_str(), nullptr, 10);
  info.comment = text(rows[0][1], "the comment").value_or("");
  if (rows[0][3] != kDefaultTablespace) {
    info.tablespace = text(rows[0][3], "the tablespace").value_or("");
  }
  // Of what is where its database is, pg_class says nothing (0).
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto tablespaces,
      connection.Query("SELECT DISTINCT t.spcname FROM pg_class c JOIN pg_tablespace t ON t.oid = "
                       "c.reltablespace WHERE t.spcname <> 'pg_global' ORDER BY 1"));
  for (const Connection::Row& row : tablespaces) {
    if (const auto name = text(row[0], "a tablespace")) info.tablespaces.push_back(*name);
  }
  if (rows[0][2] == "true") {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto grants,
        connection.Query("SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) "
                         "END, a.privilege_type, a.is_grantable::text FROM pg_database d, "
                         "aclexplode(d.datacl) a WHERE d.datname = current_database() ORDER BY 1, "
                         "2"));
    Value::List list;
    for (const Connection::Row& row : grants) {
      const auto role = text(row[0], "a role with privileges");
      if (!role) continue;
      list.push_back(Value(Value::Map{})
                         .Set("role", *role)
                         .Set("privilege", row[1].value_or(""))
                         .Set("grantable", row[2] == "true"));
    }
    info.grants = Value(std::move(list));
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto settings,
      connection.Query("SELECT CASE WHEN s.setrole = 0 THEN '' ELSE pg_get_userbyid(s.setrole) "
                       "END, c.entry FROM pg_db_role_setting s JOIN pg_database d ON d.oid = "
                       "s.setdatabase, unnest(s.setconfig) WITH ORDINALITY c(entry, place) WHERE "
                       "d.datname = current_database() ORDER BY 1, c.place"));
  Value::List list;
  for (const Connection::Row& row : settings) {
    const auto role = text(row[0], "a role with settings");
    const auto entry = text(row[1], "a setting");
    if (!role || !entry) continue;
    const std::size_t equals = entry->find('=');
    if (equals == std::string::npos) continue;
    list.push_back(Value(Value::Map{})
                       .Set("role", *role)
                       .Set("name", entry->substr(0, equals))
                       .Set("value", entry->substr(equals + 1)));
  }
  if (!list.empty()) info.settings = Value(std::move(list));
  return Ok();
}

}  // namespace

Result<PostgresqlProtection::SavedInfo> ReadDatabase(const ServerAddress& address,
                                                     const std::string& database,
                                                     Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(Connection connection, Connection::Open(address, database, context));
  PostgresqlProtection::SavedInfo info;
  info.host = address.host;
  info.port = address.port;
  info.database = database;
  info.server_version = connection.server_version();
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto rows,
      connection.Query(
          "SELECT pg_encoding_to_char(encoding), datcollate, datctype, "
          "pg_get_userbyid(datdba), pg_database_size(oid)::text FROM pg_database WHERE "
          "datname = current_database()"));
  if (rows.size() != 1) return Internal("the server does not know its own database");
  const Connection::Row& row = rows.front();
  info.encoding = row[0].value_or("");
  info.collate = row[1].value_or("");
  info.ctype = row[2].value_or("");
  info.owner = row[3].value_or("");
  info.database_size.bytes = std::strtoull(row[4].value_or("0").c_str(), nullptr, 10);
  if (info.server_version >= 150000) {
    // Renamed in 17.
    const char* column = info.server_version >= 170000 ? "datlocale" : "daticulocale";
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto locale,
        connection.Ask(fmt::format("SELECT {} FROM pg_database WHERE datname = current_database() "
                                   "AND datlocprovider = 'i'",
                                   column)));
    info.icu_locale = locale.value_or("");
  }
  HOLDFAST_RETURN_IF_ERROR(ReadProperties(connection, info, context));
  return info;
}

Status ApplyProperties(Connection& maintenance, const std::string& name,
                       const PostgresqlProtection::SavedInfo& info, const std::string& shown,
                       Context& context) {
  Giver giver(maintenance, shown, context);
  if (info.grants.is_list()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto owner, maintenance.Ask("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE "
                                          "datname = $1",
                                          {name}));
    if (!owner) return NotFound(fmt::format("the restored database '{}' is gone", Printable(name)));
    HOLDFAST_RETURN_IF_ERROR(GiveGrants(giver, name, info.grants, info.owner, *owner));
  }
  if (info.settings.is_list()) {
    HOLDFAST_RETURN_IF_ERROR(GiveSettings(giver, name, info.settings));
  }
  if (!info.comment.empty()) {
    HOLDFAST_RETURN_IF_ERROR(giver.Give(
        fmt::format("COMMENT ON DATABASE {} IS {}", QuoteName(name), QuoteText(info.comment)),
        "its comment"));
  }
  if (info.connection_limit >= 0) {
    HOLDFAST_RETURN_IF_ERROR(giver.Give(fmt::format("ALTER DATABASE {} CONNECTION LIMIT {}",
                                                    QuoteName(name), info.connection_limit),
                                        "its connection limit"));
  }
  return Ok();
}

}  // namespace holdfast::plugins::postgresql
