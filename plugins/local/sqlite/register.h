#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::sqlite {

// Adds local-sqlite and the protectable of Local::SQLite::Database.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::sqlite
