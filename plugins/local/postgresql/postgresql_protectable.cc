#include "plugins/local/postgresql/postgresql_protectable.h"

#include <fmt/format.h>

#include <algorithm>

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

class PostgresqlList final : public inventory::InventoryProtectable {
 public:
  using InventoryProtectable::InventoryProtectable;

 protected:
  Result<std::vector<Found>> Entries(Context& context,
                                     const inventory::Inventory& inventory) override {
    std::vector<Found> found;
    for (const inventory::Postgresql& entry : inventory.postgresql) {
      if (!entry.discover) {
        found.push_back({entry.Node(), entry.applications});
        continue;
      }
      auto names = ListDatabases(AddressOfEntry(entry), entry.database, context);
      // A server that does not answer must not make the graph smaller.
      if (!names) {
        return std::move(names).error().While(
            fmt::format("the databases of server '{}'", Printable(entry.id)));
      }
      for (const std::string& name : *names) {
        const bool left_out =
            std::find(entry.exclude.begin(), entry.exclude.end(), name) != entry.exclude.end();
        if (!left_out) found.push_back({entry.NodeOf(name), entry.applications});
      }
    }
    return found;
  }
};

}  // namespace

ProtectableEntry PostgresqlProtectable() {
  return inventory::EntryOf<PostgresqlList>(
      inventory::kPostgresqlType,
      "PostgreSQL databases of this machine, from its inventory and from its servers");
}

}  // namespace holdfast::plugins::postgresql
