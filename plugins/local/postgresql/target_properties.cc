#include "plugins/local/postgresql/target_properties.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "plugins/local/postgresql/database_properties.h"
#include "plugins/local/postgresql/database_swap.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

using SavedInfo = PostgresqlProtection::SavedInfo;

// Of what may be null, which is a list of nothing.
Value::List ListOf(const Value& value) { return value.is_list() ? value.AsList() : Value::List(); }

void DropRoles(SavedInfo& info) {
  info.owner.clear();
  info.grants = Value();
  Value::List settings;
  for (const Value& setting : ListOf(info.settings)) {
    if (setting.StringOr("role", "").empty()) settings.push_back(setting);
  }
  info.settings = settings.empty() ? Value() : Value(std::move(settings));
}

// In one order, with `owner` for the role that owned the database that they are of.
Value GrantsFor(const Value& grants, const std::string& owner_before, const std::string& owner) {
  if (!grants.is_list()) return {};
  std::set<std::tuple<std::string, std::string, bool>> all;
  for (const Value& grant : grants.AsList()) {
    std::string role = grant.StringOr("role", "");
    if (role == owner_before) role = owner;
    all.emplace(std::move(role), grant.StringOr("privilege", ""), grant.BoolOr("grantable", false));
  }
  Value::List list;
  for (const auto& [role, privilege, grantable] : all) {
    list.push_back(Value(Value::Map{})
                       .Set("role", role)
                       .Set("privilege", privilege)
                       .Set("grantable", grantable));
  }
  return Value(std::move(list));
}

// Puts what the ready database has over what the checkpoint has; says where both have something else.
class Keeper {
 public:
  Keeper(SavedInfo& info, const SavedInfo& ready) : info_(info), ready_(ready) {}

  // Where both had something, and it was not the same: "its comment".
  std::vector<std::string> Keep() {
    KeepSettings();
    if (!ready_.comment.empty()) {
      if (!info_.comment.empty() && info_.comment != ready_.comment) Differs("its comment");
      info_.comment = ready_.comment;
    }
    if (ready_.connection_limit >= 0) {
      if (info_.connection_limit >= 0 && info_.connection_limit != ready_.connection_limit) {
        Differs("its connection limit");
      }
      info_.connection_limit = ready_.connection_limit;
    }
    const Value of_ready = GrantsFor(ready_.grants, ready_.owner, info_.owner);
    if (of_ready.is_list()) {
      if (info_.grants.is_list() && !(info_.grants == of_ready)) Differs("its privileges");
      info_.grants = of_ready;
    }
    return std::move(differing_);
  }

 private:
  void Differs(std::string what) { differing_.push_back(std::move(what)); }

  void KeepSettings() {
    Value::List settings;
    for (const Value& setting : ListOf(info_.settings)) {
      const Value* const kept = SameSetting(ready_.settings, setting);
      if (kept == nullptr) {
        settings.push_back(setting);
      } else if (!(*kept == setting)) {
        Differs("the setting " + Printable(setting.StringOr("name", "")));
      }
    }
    for (const Value& setting : ListOf(ready_.settings)) settings.push_back(setting);
    if (!settings.empty()) info_.settings = Value(std::move(settings));
  }

  static const Value* SameSetting(const Value& settings, const Value& wanted) {
    if (!settings.is_list()) return nullptr;
    for (const Value& setting : settings.AsList()) {
      if (setting.StringOr("role", "") == wanted.StringOr("role", "") &&
          setting.StringOr("name", "") == wanted.StringOr("name", "")) {
        return &setting;
      }
    }
    return nullptr;
  }

  SavedInfo& info_;
  const SavedInfo& ready_;
  std::vector<std::string> differing_;
};

Result<bool> MayGiveTo(Connection& maintenance, const std::string& role) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto may,
                            maintenance.Ask("SELECT 1 FROM pg_roles WHERE rolname = $1 AND "
                                            "pg_has_role(current_user, oid, 'MEMBER')",
                                            {role}));
  return may.has_value();
}

// The owner of the restored database.
Result<std::string> OwnerFor(Connection& maintenance, const std::string& of_checkpoint,
                             const std::optional<SavedInfo>& ready, const std::string& shown,
                             std::vector<std::string>& warnings) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto self, maintenance.Ask("SELECT current_user"));
  const std::string me = self.value_or("");
  if (ready && ready->owner != me) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool may, MayGiveTo(maintenance, ready->owner));
    if (may) {
      if (!of_checkpoint.empty() && of_checkpoint != ready->owner) {
        warnings.push_back(fmt::format(
            "database '{}' stood ready and keeps its owner '{}'; the protected one was of '{}'",
            shown, Printable(ready->owner), Printable(of_checkpoint)));
      }
      return ready->owner;
    }
  }
  if (of_checkpoint.empty()) return me;
  HOLDFAST_ASSIGN_OR_RETURN(const bool may, MayGiveTo(maintenance, of_checkpoint));
  if (may) return of_checkpoint;
  warnings.push_back(fmt::format("database '{}' cannot be given back to role '{}'", shown,
                                 Printable(of_checkpoint)));
  return me;
}

std::string LocaleOf(const SavedInfo& info) {
  std::string text = fmt::format("{} {} {}", info.encoding, info.collate, info.ctype);
  if (!info.icu_locale.empty()) text += " icu " + info.icu_locale;
  return Printable(text);
}

// Takes from `wanted` what the server does not have, or not for this role.
Status ChooseTablespaces(Connection& maintenance, const std::string& shown,
                         TargetProperties& wanted) {
  SavedInfo& info = wanted.info;
  if (info.tablespace.empty() && info.tablespaces.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto rows,
                            maintenance.Query("SELECT spcname FROM pg_tablespace WHERE "
                                              "has_tablespace_privilege(oid, 'CREATE')"));
  std::set<std::string> usable;
  for (const Connection::Row& row : rows) usable.insert(row[0].value_or(""));
  if (!info.tablespace.empty() && !usable.contains(info.tablespace)) {
    wanted.warnings.push_back(
        fmt::format("the server has no tablespace '{}' that this role may use: database '{}' goes "
                    "to the default one",
                    Printable(info.tablespace), shown));
    info.tablespace.clear();
  }
  // Where the database itself is, no privilege is asked for.
  usable.insert(info.tablespace.empty() ? "pg_default" : info.tablespace);
  std::vector<std::string> missing;
  for (const std::string& name : info.tablespaces) {
    if (!usable.contains(name)) missing.push_back(fmt::format("'{}'", Printable(name)));
  }
  if (!missing.empty()) {
    wanted.tablespaces = false;
    wanted.warnings.push_back(
        fmt::format("the server has no tablespace {} that this role may use: all tables and "
                    "indexes of database '{}' go to the tablespace of the database",
                    Join(missing, " nor "), shown));
  }
  return Ok();
}

}  // namespace

Result<TargetProperties> PropertiesFor(Connection& maintenance, const ServerAddress& address,
                                       const std::string& target, const SavedInfo& info,
                                       const PostgresqlProtection::RestoreParameters& parameters,
                                       Context& context) {
  const std::string shown = Printable(target);
  TargetProperties wanted;
  wanted.info = info;
  if (!parameters.owners) DropRoles(wanted.info);
  std::optional<SavedInfo> ready;
  if (!parameters.overwrite) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, DatabaseExists(maintenance, target));
    if (there) {
      HOLDFAST_ASSIGN_OR_RETURN(ready, ReadDatabase(address, target, context));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string owner, OwnerFor(maintenance, wanted.info.owner, ready,
                                                              shown, wanted.warnings));
  wanted.info.grants = GrantsFor(wanted.info.grants, wanted.info.owner, owner);
  wanted.info.owner = owner;
  if (ready) {
    const std::vector<std::string> differing = Keeper(wanted.info, *ready).Keep();
    if (!differing.empty()) {
      wanted.warnings.push_back(
          fmt::format("database '{}' stood ready and keeps {}; the checkpoint has something else, "
                      "which 'overwrite: true' takes",
                      shown, Join(differing, ", ")));
    }
    if (!info.encoding.empty() && LocaleOf(*ready) != LocaleOf(info)) {
      wanted.warnings.push_back(fmt::format(
          "database '{}' stood ready with encoding and locale {}, it gets those of the checkpoint: "
          "{}",
          shown, LocaleOf(*ready), LocaleOf(info)));
    }
    if (!ready->tablespace.empty()) wanted.info.tablespace = ready->tablespace;
  }
  HOLDFAST_RETURN_IF_ERROR(ChooseTablespaces(maintenance, shown, wanted));
  return wanted;
}

}  // namespace holdfast::plugins::postgresql
