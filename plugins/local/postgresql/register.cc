#include "plugins/local/postgresql/register.h"

#include "plugins/local/postgresql/postgresql_protectable.h"
#include "plugins/local/postgresql/postgresql_protection.h"

namespace holdfast::plugins::postgresql {

void Register(PluginRegistry& registry) {
  registry.AddProtection<PostgresqlProtection>();
  registry.AddProtectable(PostgresqlProtectable());
}

}  // namespace holdfast::plugins::postgresql
