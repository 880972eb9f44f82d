// The sample executable keeps what every protection plugin must keep.

#include <gtest/gtest.h>

#include "plugins/conformance/plugin_suite.h"
#include "plugins/exec/register.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::conformance {
namespace {

const ProtectionEntry* SampleEntry() {
  static PluginRegistry registry;
  static const bool kResolved = [] {
    exec::Register(registry);
    return registry.Resolve(std::string("exec:") + HOLDFAST_SAMPLE).has_value();
  }();
  return kResolved ? registry.FindProtection(std::string("exec:") + HOLDFAST_SAMPLE) : nullptr;
}

PluginSample KeyValueSample() {
  PluginSample sample;
  sample.settings = Value().Set("folder", "{folder}/stores");
  sample.files["stores/shop.json"] = R"({"milk": 2, "bread": 1})";
  sample.resource.key = {"Sample::KeyValue", "shop"};
  sample.resource.name = "shop";
  sample.resource.extra = Value().Set("path", "{folder}/stores/shop.json");
  for (Value& parameters : sample.parameters) parameters = Value(Value::Map{});
  sample.parameters[static_cast<std::size_t>(Operation::kProtect)].Set("polls", 1);
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)].Set("overwrite", true);
  return sample;
}

class SampleExecutable : public ::testing::TestWithParam<const PluginCheck*> {};

TEST_P(SampleExecutable, Keeps) {
  const testing_plugins::TempFolder folder;
  const auto processes = MakeProcessRunner();
  const PluginSample sample = KeyValueSample();
  PluginUnderTest plugin;
  plugin.entry = SampleEntry();
  ASSERT_NE(plugin.entry, nullptr);
  plugin.sample = &sample;
  PluginCheckOptions options;
  options.folder = folder.path();
  options.processes = processes.get();
  const PluginCheckResult result = RunPluginCheck(plugin, *GetParam(), options);
  EXPECT_TRUE(result.outcome.has_value()) << result.outcome.error().Render();
}

std::vector<const PluginCheck*> AllChecks() {
  std::vector<const PluginCheck*> out;
  for (const PluginCheck& check : PluginChecks()) out.push_back(&check);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Exec, SampleExecutable, ::testing::ValuesIn(AllChecks()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace holdfast::plugins::conformance
