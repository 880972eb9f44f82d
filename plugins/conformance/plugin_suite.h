#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/conformance/plugin_sample.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/registry.h"

namespace holdfast::plugins::conformance {

// What any protection plugin must keep, as checks: in our tests on every plugin that is built, and
// in the field as `holdfast plugins check`, also of executables. The checks work on a bank in
// memory; what a plugin does outside it, it does for real, to the sample's files.

struct PluginUnderTest {
  const ProtectionEntry* entry = nullptr;  // Not owned; outlives the checks.
  // Without a sample only checks run that need no real resource; then `settings` (as in a provider
  // file) are those with which the plugin is made. A sample brings its own.
  const PluginSample* sample = nullptr;  // Not owned; outlives the checks.
  Value settings;
};

struct PluginCheckOptions {
  // An absolute path; exists and is empty. Whoever calls removes it.
  std::string folder;
  ProcessRunner* processes = nullptr;  // Not owned; outlives the checks.
  // How long one activity may take.
  std::chrono::milliseconds activity_limit{std::chrono::minutes(2)};
  // How long an activity that yielded waits to be polled again; the plugin's own setting is for
  // the work of hours.
  std::chrono::milliseconds poll_interval{5};
};

// One check: its name states the promise ("UnknownParametersAreRefused").
struct PluginCheck {
  std::string_view name;
  bool needs_sample = false;
  // Ok, or an error whose message says what was expected and what happened. `options.folder` is
  // one of this check alone.
  Status (*run)(const PluginUnderTest& plugin, const PluginCheckOptions& options);
};

// All of them, in a fixed order. Static storage.
std::span<const PluginCheck> PluginChecks();

struct PluginCheckResult {
  std::string name;
  Status outcome;
};

// Runs one check in <folder>/<name>, which it leaves there. An exception of the plugin is a
// failure of the check; a plugin that ends the process ends it, so say the name before.
PluginCheckResult RunPluginCheck(const PluginUnderTest& plugin, const PluginCheck& check,
                                 const PluginCheckOptions& options);

// Runs all that can be run: those that need a sample only where there is one. `before` (may be
// empty) is called with the name of each check before it runs.
std::vector<PluginCheckResult> RunPluginChecks(
    const PluginUnderTest& plugin, const PluginCheckOptions& options,
    const std::function<void(std::string_view name)>& before = {});

}  // namespace holdfast::plugins::conformance
