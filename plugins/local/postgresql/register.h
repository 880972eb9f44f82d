#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::postgresql {

// Adds local-postgresql and the protectable of Local::PostgreSQL::Database.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::postgresql
