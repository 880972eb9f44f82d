#include "plugins/local/sqlite/register.h"

#include "plugins/local/inventory/inventory_protectable.h"
#include "plugins/local/sqlite/sqlite_protection.h"

namespace holdfast::plugins::sqlite {

void Register(PluginRegistry& registry) {
  registry.AddProtection<SqliteProtection>();
  registry.AddProtectable(inventory::SqliteProtectable());
}

}  // namespace holdfast::plugins::sqlite
