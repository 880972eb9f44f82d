#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::exec {

// Adds no plugin, but the resolver of names that begin with "exec:": it asks the executable to
// describe itself and adds it under its whole name. Its protectables come with each plugin object.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::exec
