#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::noop {

// Adds the protection plugin noop. Its protectables come with each plugin object: which types they
// are of is a setting.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::noop
