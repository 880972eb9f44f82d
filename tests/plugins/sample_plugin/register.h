#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::sample {

// Adds sample-file and the protectable of Sample::File.
void Register(PluginRegistry& registry);

}  // namespace holdfast::plugins::sample
