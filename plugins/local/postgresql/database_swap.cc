#include "plugins/local/postgresql/database_swap.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

// A renaming waits 5 s for the sessions of its database to go, so this is a minute.
constexpr int kRenameTries = 12;

// Spares those that another restore needs for its own statements when this database is the one that
// it maintains the others from: they end soon, and it would fail.
Status EndSessions(Connection& maintenance, const std::string& database) {
  HOLDFAST_RETURN_IF_ERROR(maintenance.Query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> "
      "pg_backend_pid() AND NOT (application_name = $2 AND usename = current_user)",
      {database, std::string(Connection::kMaintenanceApplication)}));
  return Ok();
}

Status Drop(Connection& maintenance, const std::string& database) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, DatabaseExists(maintenance, database));
  if (!there) return Ok();
  // FORCE came with 13; before it, a session that a killed pg_restore left must be ended first.
  const bool can_force = maintenance.server_version() >= 130000;
  if (!can_force) HOLDFAST_RETURN_IF_ERROR(EndSessions(maintenance, database));
  return maintenance.Do(
      fmt::format("DROP DATABASE {}{}", QuoteName(database), can_force ? " WITH (FORCE)" : ""));
}

// pg_restore makes the subscriptions of a dump, not connected; a database that has one cannot be
// dropped. Their slots are those of the protected database, and stay.
Status DropSubscriptions(const ServerAddress& address, Connection& maintenance,
                         const std::string& database, Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto names,
      maintenance.Query("SELECT s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = "
                        "s.subdbid WHERE d.datname = $1",
                        {database}));
  if (names.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(Connection inside, Connection::Open(address, database, context));
  for (const Connection::Row& name : names) {
    HOLDFAST_RETURN_IF_ERROR(
        inside.Do(fmt::format("ALTER SUBSCRIPTION {0} DISABLE; ALTER SUBSCRIPTION {0} SET "
                              "(slot_name = NONE); DROP SUBSCRIPTION {0}",
                              QuoteName(name[0].value_or("")))));
  }
  return Ok();
}

Status DropFresh(const ServerAddress& address, Connection& maintenance, const SwapNames& names,
                 Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, DatabaseExists(maintenance, names.fresh));
  if (!there) return Ok();
  HOLDFAST_RETURN_IF_ERROR(DropSubscriptions(address, maintenance, names.fresh, context));
  HOLDFAST_RETURN_IF_ERROR(Drop(maintenance, names.fresh));
  context.log().Log(LogLevel::kInfo,
                    fmt::format("dropped database '{}', a restore of '{}' that was not whole",
                                names.fresh, Printable(names.target)));
  return Ok();
}

// Kept out by what holds the database: nothing is recorded as the outcome of the clean-up.
Error NotDropped(const std::string& what, Error why, Context& context) {
  if (context.cancelled()) return why;
  std::string message = fmt::format("{} is left, it cannot be dropped: {}", what, why.message());
  context.log().Log(LogLevel::kWarning, message);
  return Error(ErrorCode::kLocked, std::move(message))
      .Hint("end what holds it, or drop it; until it is gone, 'holdfast gc' tries again");
}

}  // namespace

SwapNames NamesOfRestore(const Checkpoint& checkpoint, const Resource& resource,
                         const std::string& target) {
  const std::string token = Sha256Hex(fmt::format("{}\n{}\n{}", checkpoint.record_id(),
                                                  resource.key.type, resource.key.id))
                                .substr(0, 16);
  return {target, "holdfast_tmp_" + token, "holdfast_tmp_" + token + "_old"};
}

Result<bool> DatabaseExists(Connection& maintenance, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto found, maintenance.Ask("SELECT 1 FROM pg_database WHERE datname = $1", {name}));
  return found.has_value();
}

Result<std::string> DatabaseIdentity(Connection& maintenance, const ServerAddress& address,
                                     const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto oid, maintenance.Ask("SELECT oid FROM pg_database WHERE datname = $1", {name}));
  return oid ? fmt::format("{}/{}", address.str(), *oid) : std::string();
}

Status RefuseExisting(const ServerAddress& address, Connection& maintenance,
                      const std::string& target, bool overwrite, Context& context) {
  if (overwrite) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, DatabaseExists(maintenance, target));
  if (!there) return Ok();
  const auto refuse = [&target](std::string_view why) {
    return Error(ErrorCode::kConflict, fmt::format("database '{}' {}", Printable(target), why))
        .Hint("'overwrite: true' replaces it, 'database' restores into another one");
  };
  // Our own sessions take a moment to go after they are closed.
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto sessions,
      maintenance.Ask(
          "SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND NOT (application_name IN "
          "('holdfast', $2) AND usename = current_user)",
          {target, std::string(Connection::kMaintenanceApplication)}));
  if (sessions) return refuse("exists already, and someone is connected to it");
  HOLDFAST_ASSIGN_OR_RETURN(Connection inside, Connection::Open(address, target, context));
  // Objects of users: 16384 is the first number that is not PostgreSQL's own (FirstNormalObjectId).
  std::string sql =
      "SELECT 1 WHERE EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind IN "
      "('r','p','v','m','S','f','c')) OR EXISTS (SELECT FROM pg_namespace WHERE oid >= 16384 AND "
      "nspname !~ '^pg_(toast_)?temp_') OR EXISTS (SELECT FROM pg_subscription s JOIN pg_database "
      "d "
      "ON d.oid = s.subdbid WHERE d.datname = current_database())";
  for (const char* const catalog : {"pg_proc", "pg_type", "pg_operator", "pg_cast", "pg_collation",
                                    "pg_extension", "pg_ts_config", "pg_ts_dict"}) {
    sql += fmt::format(" OR EXISTS (SELECT FROM {} WHERE oid >= 16384)", catalog);
  }
  // PostgreSQL itself has none of these.
  for (const char* const catalog : {"pg_foreign_data_wrapper", "pg_publication", "pg_event_trigger",
                                    "pg_largeobject_metadata"}) {
    sql += fmt::format(" OR EXISTS (SELECT FROM {})", catalog);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto objects, inside.Ask(sql));
  if (objects) return refuse("exists already, and is not empty");
  return Ok();
}

Status RefuseHeld(Connection& maintenance, const std::string& target) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto found,
      maintenance.Query("SELECT datistemplate::text, pg_has_role(datdba, 'USAGE')::text, "
                        "pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1",
                        {target}));
  if (found.empty()) return Ok();
  const Connection::Row& database = found.front();
  if (database[1] != "true") {
    return Error(ErrorCode::kDenied,
                 fmt::format("database '{}' belongs to role '{}', and only that one may replace it",
                             Printable(target), Printable(database[2].value_or(""))))
        .Hint("'user' names a role that is it, or a member of it, or a superuser");
  }
  std::vector<std::string> what;
  std::vector<std::string> hints;
  if (database[0] == "true") {
    what.emplace_back("it is a template");
    hints.emplace_back("'ALTER DATABASE ... IS_TEMPLATE false' makes it an ordinary one");
  }
  struct Holder {
    const char* what;
    const char* names;  // asks for those of database $1, as one text
    const char* hint;
  };
  // A slot that nobody reads from does not keep a database, it is dropped with it, without a word.
  for (const Holder& holder :
       {Holder{"replication slot",
               "SELECT string_agg(quote_ident(slot_name), ', ' ORDER BY slot_name) FROM "
               "pg_replication_slots WHERE database = $1 AND NOT temporary",
               "pg_drop_replication_slot() drops a slot that nobody reads from any more"},
        Holder{"subscription",
               "SELECT string_agg(quote_ident(s.subname), ', ' ORDER BY s.subname) FROM "
               "pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1",
               "DROP SUBSCRIPTION in that database ends one"},
        Holder{"prepared transaction",
               "SELECT string_agg(quote_literal(gid), ', ' ORDER BY gid) FROM pg_prepared_xacts "
               "WHERE database = $1",
               "COMMIT PREPARED or ROLLBACK PREPARED in that database ends one"}}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto names, maintenance.Ask(holder.names, {target}));
    if (!names) continue;
    what.push_back(fmt::format("{} {}", holder.what, Printable(*names)));
    hints.emplace_back(holder.hint);
  }
  if (what.empty()) return Ok();
  return Error(ErrorCode::kConflict, fmt::format("database '{}' cannot be replaced: {}",
                                                 Printable(target), Join(what, "; ")))
      .Hint(Join(hints, "; ") + "; or 'database' restores into another one");
}

Status CreateFresh(const ServerAddress& address, Connection& maintenance, const SwapNames& names,
                   const PostgresqlProtection::SavedInfo& info, Context& context) {
  HOLDFAST_RETURN_IF_ERROR(DropFresh(address, maintenance, names, context));
  std::string sql = fmt::format("CREATE DATABASE {} TEMPLATE template0", QuoteName(names.fresh));
  if (!info.encoding.empty()) sql += fmt::format(" ENCODING {}", QuoteText(info.encoding));
  if (!info.collate.empty()) sql += fmt::format(" LC_COLLATE {}", QuoteText(info.collate));
  if (!info.ctype.empty()) sql += fmt::format(" LC_CTYPE {}", QuoteText(info.ctype));
  if (!info.icu_locale.empty() && maintenance.server_version() >= 150000) {
    sql += fmt::format(" LOCALE_PROVIDER icu ICU_LOCALE {}", QuoteText(info.icu_locale));
  }
  if (!info.owner.empty()) sql += fmt::format(" OWNER {}", QuoteName(info.owner));
  if (!info.tablespace.empty()) sql += fmt::format(" TABLESPACE {}", QuoteName(info.tablespace));
  if (Status made = maintenance.Do(sql); !made) {
    return std::move(made)
        .error()
        .While("making the database")
        .Hint("the role needs CREATEDB, and the server the locale that the database had");
  }
  return Ok();
}

Status SwapIn(Connection& maintenance, const SwapNames& names) {
  for (int tries = 1;; ++tries) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool fresh, DatabaseExists(maintenance, names.fresh));
    HOLDFAST_ASSIGN_OR_RETURN(const bool target, DatabaseExists(maintenance, names.target));
    if (!fresh) {
      if (target) return Ok();
      return NotFound(fmt::format("the restored database '{}' is gone", names.fresh));
    }
    std::string sql;
    if (target) {
      // Of an earlier epoch, which swapped in what is no longer there.
      HOLDFAST_RETURN_IF_ERROR(Drop(maintenance, names.replaced));
      HOLDFAST_RETURN_IF_ERROR(EndSessions(maintenance, names.target));
      sql = fmt::format("ALTER DATABASE {} RENAME TO {};", QuoteName(names.target),
                        QuoteName(names.replaced));
    }
    sql += fmt::format("ALTER DATABASE {} RENAME TO {}", QuoteName(names.fresh),
                       QuoteName(names.target));
    // Both in one message are one transaction: at no moment is there none of that name.
    Status renamed = maintenance.Do(sql);
    if (renamed) return Ok();
    // An application that connects again at once gets in between now and then.
    if (renamed.error().code() != ErrorCode::kUnavailable || tries == kRenameTries) {
      return std::move(renamed).error().While(
          fmt::format("renaming to '{}'", Printable(names.target)));
    }
  }
}

Status DropLeftovers(const ServerAddress& address, Connection& maintenance, const SwapNames& names,
                     Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool target, DatabaseExists(maintenance, names.target));
  HOLDFAST_ASSIGN_OR_RETURN(bool replaced, DatabaseExists(maintenance, names.replaced));
  if (replaced && !target) {
    // Someone has dropped the new one by hand; the old one is the last that there is.
    HOLDFAST_RETURN_IF_ERROR(maintenance.Do(fmt::format(
        "ALTER DATABASE {} RENAME TO {}", QuoteName(names.replaced), QuoteName(names.target))));
    context.log().Log(LogLevel::kWarning,
                      fmt::format("the restored database '{}' is gone; the one that it had "
                                  "replaced has its name again",
                                  Printable(names.target)));
    replaced = false;
  }
  if (Status dropped = DropFresh(address, maintenance, names, context); !dropped) {
    return NotDropped(fmt::format("database '{}', a restore of '{}' that is not whole,",
                                  names.fresh, Printable(names.target)),
                      std::move(dropped).error(), context);
  }
  if (!replaced) return Ok();
  if (Status dropped = Drop(maintenance, names.replaced); !dropped) {
    return NotDropped(fmt::format("database '{}', which was '{}' before the restore,",
                                  names.replaced, Printable(names.target)),
                      std::move(dropped).error(), context);
  }
  context.log().Log(LogLevel::kInfo,
                    fmt::format("dropped database '{}', which was '{}' before the restore",
                                names.replaced, Printable(names.target)));
  return Ok();
}

}  // namespace holdfast::plugins::postgresql
