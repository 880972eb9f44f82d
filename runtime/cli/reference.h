#pragma once

#include <string>

#include "plugins/sdk/registry.h"
#include "runtime/cli/command_node.h"

namespace holdfast::cli {

// What `holdfast reference` prints; a test fails when the files below docs/reference are stale.

// docs/reference/cli.md.
std::string ReferenceMarkdown(const CommandNode& root);

// docs/reference/exit-codes.md.
std::string ExitCodesMarkdown();

// docs/reference/plugins.md: every bank and plugin that is built in, with its settings, activities
// and parameters. `registry` holds all of them.
std::string PluginsMarkdown(const PluginRegistry& registry);

// docs/reference/provider-keys.md: every key of every section of a provider file, with who reads it,
// and the names of OpenStack Karbor. `registry` holds all that is built in.
std::string ProviderKeysMarkdown(const PluginRegistry& registry);

}  // namespace holdfast::cli
