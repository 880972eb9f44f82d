#pragma once

#include <optional>
#include <string_view>

#include "plugins/conformance/plugin_sample.h"

namespace holdfast::plugins::conformance {

// A sample for a plugin of ours that needs no server: local-application, local-directory,
// local-sqlite, noop. nullopt for any other.
std::optional<PluginSample> BuiltInSample(std::string_view plugin);

}  // namespace holdfast::plugins::conformance
