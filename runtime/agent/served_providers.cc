#include "runtime/agent/served_providers.h"

#include <string_view>
#include <utility>

#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"

namespace holdfast::agent {

std::string ProviderFolderOf(const std::vector<std::string>& step_options) {
  constexpr std::string_view kOption = "--provider-config-dir=";
  std::string given;
  for (const std::string& option : step_options) {
    if (option.starts_with(kOption)) given = option.substr(kOption.size());
  }
  return ProviderFolderPath(given);
}

Result<std::vector<std::string>> LoadServedProviders(const std::string& folder,
                                                     PluginRegistry& registry, PluginSource& source,
                                                     Logger& log) {
  constexpr std::string_view kHint =
      "--step-option=--provider-config-dir=DIR names the folder of provider files that steps read";
  auto loaded = LoadProviderFolder(folder);
  if (!loaded) return std::move(loaded).error().Hint(std::string(kHint));
  std::vector<std::string> names;
  std::vector<Error> faults;
  for (const ProviderFolder::Broken& broken : loaded->broken) faults.push_back(broken.error);
  for (const ProviderConfig& config : loaded->providers) {
    if (!config.enabled) continue;
    const auto provider = Provider::Open(config, registry, source);
    if (!provider) {
      faults.push_back(provider.error());
      continue;
    }
    names.push_back(config.name);
    for (const std::string& warning : (*provider)->warnings()) log.Log(LogLevel::kWarning, warning);
  }
  if (names.empty() && faults.empty()) {
    return NotFound("there is no provider in '" + Printable(folder) + "'").Hint(std::string(kHint));
  }
  if (names.empty()) {
    Error error = std::move(faults.front());
    for (std::size_t i = 1; i < faults.size(); ++i)
      error = std::move(error).Because(std::move(faults[i]));
    return error;
  }
  for (const Error& fault : faults)
    log.Log(LogLevel::kError, "a provider file is not served: " + fault.OneLine());
  return names;
}

}  // namespace holdfast::agent
