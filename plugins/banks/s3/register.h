#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::banks::s3 {

// Makes the bank known as "s3".
void Register(PluginRegistry& registry);

}  // namespace holdfast::banks::s3
