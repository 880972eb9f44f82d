#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/log.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/result.h"

namespace holdfast::agent {

// The folder of provider files that every step reads, from the options that each of them is given, else as holdfast-step
// finds it itself.
std::string ProviderFolderOf(const std::vector<std::string>& step_options);

// Loads every provider of the folder as a step would, without opening a bank: their names. One that cannot be loaded is an
// error in the log, and no reason to serve none of the others. Where none can be: kNotFound without a folder or without
// any provider in it, else what is wrong with the first one, with the others as causes.
Result<std::vector<std::string>> LoadServedProviders(const std::string& folder,
                                                     PluginRegistry& registry, PluginSource& source,
                                                     Logger& log);

}  // namespace holdfast::agent
