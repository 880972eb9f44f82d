#include "plugins/local/postgresql/postgresql_protectable.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "plugins/local/inventory/inventory_protectable.h"
#include "plugins/local/postgresql/server.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

ServerAddress AddressOfEntry(const inventory::Postgresql& entry) {
  ServerAddress address{entry.host, entry.port, entry.user, {}};
  if (!entry.password_file.empty()) {
    address.password = {SecretReference::Kind::kFile, entry.password_file};
  } else if (!entry.password_env.empty()) {
    address.password = {SecretReference::Kind::kEnvironment, entry.password_env};
  }
  return address;
}

// A database as an entry of the inventory names it.
struct Named {
  std::string id;
  ServerAddress address;
};

// Servers by address; those that cannot be asked are "": whoever needs them says so.
class Servers {
 public:
  const std::string& IdentityOf(const ServerAddress& address, const std::string& database,
                                Context& context) {
    const auto [at, is_new] = known_.try_emplace(address.str() + " " + address.user);
    if (is_new) {
      if (auto connection = Connection::Open(address, database, context)) {
        if (auto identity = ServerIdentity(*connection)) at->second = std::move(*identity);
      }
    }
    return at->second;
  }

 private:
  std::map<std::string, std::string> known_;
};

class PostgresqlList final : public inventory::InventoryProtectable {
 public:
  using InventoryProtectable::InventoryProtectable;

 protected:
  Result<std::vector<Found>> Entries(Context& context,
                                     const inventory::Inventory& inventory) override {
    std::vector<Found> found;
    std::map<std::string, std::vector<Named>> by_database;
    for (const inventory::Postgresql& entry : inventory.postgresql) {
      if (!entry.discover) {
        found.push_back({entry.Node(), entry.applications});
        by_database[entry.database].push_back({found.back().node.key.id, AddressOfEntry(entry)});
        continue;
      }
      auto listed = ListDatabases(AddressOfEntry(entry), entry.database, context);
      // A server that does not answer must not make the graph smaller.
      if (!listed) {
        return std::move(listed).error().While(
            fmt::format("the databases of server '{}'", Printable(entry.id)));
      }
      for (const auto& [name, is_template, allows_connections] : *listed) {
        const bool left_out =
            std::find(entry.exclude.begin(), entry.exclude.end(), name) != entry.exclude.end();
        if (left_out) continue;
        if (is_template || !allows_connections) {
          SayLeftOut(entry.id, name,
                     is_template ? "it is a template; give it an entry of its own"
                                 : "it allows no connections; allow them",
                     context);
          continue;
        }
        found.push_back({entry.NodeOf(name), entry.applications});
        by_database[name].push_back({found.back().node.key.id, AddressOfEntry(entry)});
      }
    }
    SayTwice(by_database, context);
    return found;
  }

 private:
  // Who lists a server takes what it lists to be all that there is.
  void SayLeftOut(const std::string& server, const std::string& database, std::string_view why,
                  Context& context) {
    if (!said_.emplace(server, database).second) return;
    context.log().Log(LogLevel::kWarning,
                      fmt::format("database '{0}' of server '{1}' is not protected: {2}, or "
                                  "say 'exclude: [{0}]' to leave it out in silence",
                                  Printable(database), Printable(server), why));
  }

  // One server has many addresses (a socket, localhost, 127.0.0.1), so a database can be listed twice
  // by them, or by an entry of its own and by one that lists all. Servers are asked only where two
  // databases have one name.
  void SayTwice(const std::map<std::string, std::vector<Named>>& by_database, Context& context) {
    Servers servers;
    for (const auto& [database, all] : by_database) {
      if (all.size() < 2) continue;
      std::map<std::string, const Named*> first;
      for (const Named& one : all) {
        const std::string& server = servers.IdentityOf(one.address, database, context);
        if (server.empty()) continue;
        const auto [at, is_new] = first.try_emplace(server, &one);
        if (is_new || !said_.emplace(at->second->id, one.id).second) continue;
        context.log().Log(
            LogLevel::kWarning,
            fmt::format("'{}' and '{}' are one: database '{}' of one server, which is at {} and at "
                        "{}; with both in a plan it is protected twice",
                        Printable(at->second->id), Printable(one.id), Printable(database),
                        Printable(at->second->address.str()), Printable(one.address.str())));
      }
    }
  }

  std::set<std::pair<std::string, std::string>> said_;  // Entries() is asked again and again
};

}  // namespace

ProtectableEntry PostgresqlProtectable() {
  return inventory::EntryOf<PostgresqlList>(
      inventory::kPostgresqlType,
      "PostgreSQL databases of this machine, from its inventory and from its servers");
}

}  // namespace holdfast::plugins::postgresql
