#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::application {

// Adds local-application and the protectable of Local::Application.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::application
