#include <gtest/gtest.h>

#include "plugins/conformance/built_in_samples.h"
#include "plugins/conformance/plugin_suite.h"
#include "plugins/local/application/register.h"
#include "plugins/local/directory/register.h"
#include "plugins/local/postgresql/register.h"
#include "plugins/local/sqlite/register.h"
#include "plugins/noop/register.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::conformance {
namespace {

const PluginRegistry& Registry() {
  static const PluginRegistry kRegistry = [] {
    PluginRegistry registry;
    application::Register(registry);
    directory::Register(registry);
    noop::Register(registry);
    postgresql::Register(registry);
    sqlite::Register(registry);
    HOLDFAST_CHECK(registry.status().has_value());
    return registry;
  }();
  return kRegistry;
}

struct Case {
  std::string plugin;
  const PluginCheck* check;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* plugin :
       {"noop", "local-application", "local-directory", "local-sqlite", "local-postgresql"}) {
    for (const PluginCheck& check : PluginChecks()) {
      // Its life needs a server: tests/plugins/postgresql.
      if (check.needs_sample && std::string_view(plugin) == "local-postgresql") continue;
      cases.push_back({plugin, &check});
    }
  }
  return cases;
}

class BuiltInPlugin : public ::testing::TestWithParam<Case> {};

TEST_P(BuiltInPlugin, Keeps) {
  const auto& [name, check] = GetParam();
  const testing_plugins::TempFolder folder;
  const auto processes = MakeProcessRunner();
  const auto sample = BuiltInSample(name);
  PluginUnderTest plugin;
  plugin.entry = Registry().FindProtection(name);
  ASSERT_NE(plugin.entry, nullptr);
  if (sample) plugin.sample = &*sample;
  ASSERT_TRUE(sample || !check->needs_sample);
  PluginCheckOptions options;
  options.folder = folder.path();
  options.processes = processes.get();
  const PluginCheckResult result = RunPluginCheck(plugin, *check, options);
  EXPECT_TRUE(result.outcome.has_value()) << result.outcome.error().Render();
}

std::string CaseName(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.plugin + "_" + std::string(info.param.check->name);
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, BuiltInPlugin, ::testing::ValuesIn(Cases()), CaseName);

}  // namespace
}  // namespace holdfast::plugins::conformance
