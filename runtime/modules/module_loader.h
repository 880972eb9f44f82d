#pragma once

#include <memory>
#include <string_view>

#include "plugins/sdk/provider.h"
#include "plugins/sdk/registry.h"

namespace holdfast::runtime {

// Registers what is linked into every program: the filesystem bank.
void RegisterBuiltIns(PluginRegistry& registry);

// Opens plugin families, the shared modules of this build, when a provider names one of their
// plugins: a table that the build generates says which module a name is in. A module of another
// build is refused (kInvalidInput). Modules lie in HOLDFAST_MODULE_DIR, else in ../lib/holdfast
// beside the folder of the program; they stay open as long as the process lives. One thread.
std::unique_ptr<PluginSource> MakeModuleLoader();

// How far a plugin of a module is: "stable", "beta" or "wip" (its holdfast_plugin line says so);
// empty for a name that no module has. Opens nothing.
std::string_view PluginStatus(std::string_view plugin);

}  // namespace holdfast::runtime
