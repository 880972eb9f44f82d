#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::banks::swift {

// Makes the bank known as "swift".
void Register(PluginRegistry& registry);

}  // namespace holdfast::banks::swift
