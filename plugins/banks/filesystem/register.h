#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::banks::filesystem {

// Makes the bank known as "filesystem".
void Register(PluginRegistry& registry);

}  // namespace holdfast::banks::filesystem
