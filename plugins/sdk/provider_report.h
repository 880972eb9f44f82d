#pragma once

#include "plugins/sdk/provider.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// A plugin as `--json` shows it: name, description, types, settings_section, quiesces,
// post_acts_on_failure, and as JSON Schema its settings, its saved info and, by operation, its
// parameters, with the activities that it defines.
Value DescribePlugin(const PluginDescriptor& descriptor);

// A protectable likewise: type, description, parent_types, settings_section, settings.
Value DescribeProtectable(const ProtectableDescriptor& descriptor);

// A bank likewise: name, description, settings_section, settings.
Value DescribeBank(const BankEntry& bank);

// An opened provider with all its parts: file, name, id, description, enabled, bank (null when it
// is not built in), plugins, protectables, warnings. No setting's value, so no secret.
Value DescribeProvider(const Provider& provider);

}  // namespace holdfast
