#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/descriptor.h"

namespace holdfast::compiler {

// A plugin that protects one type and has every activity of every operation.
inline PluginDescriptor AnyPlugin(std::string_view type) {
  PluginDescriptor plugin;
  plugin.name = "any";
  plugin.types = {std::string(type)};
  for (auto& operation : plugin.operations) operation.activities.fill(true);
  return plugin;
}

}  // namespace holdfast::compiler
