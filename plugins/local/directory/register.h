#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::directory {

// Adds local-directory and the protectable of Local::Directory.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::directory
