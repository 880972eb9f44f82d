#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::postgresql {

// The protectable of Local::PostgreSQL::Database: the databases that the inventory names, and, for
// an entry with `discover: true`, those that its server has now.
ProtectableEntry PostgresqlProtectable();

}  // namespace holdfast::plugins::postgresql
