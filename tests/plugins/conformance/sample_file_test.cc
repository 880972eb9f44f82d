#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "plugins/conformance/plugin_sample.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::conformance {
namespace {

using ::testing::HasSubstr;

Result<PluginSample> Sample(const std::string& yaml) {
  return SampleFromValue(ParseYaml(yaml, "sample.yaml").value(), "sample.yaml");
}

constexpr char kResource[] = "resource: {type: A::B, id: x}\n";

TEST(PluginSample, IsPlacedInItsFolder) {
  const testing_plugins::TempFolder folder;
  const auto sample = Sample(
      "settings: {root: '{folder}'}\n"
      "files: {a/b.txt: text, empty/: ''}\n"
      "resource: {type: A::B, id: '{folder}/a', extra: {paths: ['{folder}/a', 7]}}\n"
      "parameters: {delete: {why: 'not {folder} but {folder}'}}\n");
  ASSERT_TRUE(sample.has_value()) << sample.error().Render();
  const auto placed = PlaceSample(*sample, folder.path());
  ASSERT_TRUE(placed.has_value()) << placed.error().Render();
  EXPECT_EQ(ReadFile(folder / "a/b.txt").value(), "text");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "empty"));
  EXPECT_EQ(placed->settings.StringOr("root", ""), folder.path());
  EXPECT_EQ(placed->resource.key.id, folder / "a");
  EXPECT_EQ(placed->resource.extra.Find("paths")->AsList()[0].AsString(), folder / "a");
  EXPECT_EQ(placed->parameters_of(Operation::kDelete).StringOr("why", ""),
            "not " + folder.path() + " but " + folder.path());
}

TEST(PluginSample, WritesNothingOutsideItsFolder) {
  for (const char* name : {"../x", "a/../../x", "/etc/x", "", ".", "a/./b"}) {
    const auto sample = Sample(std::string(kResource) + "files: {'" + name + "': text}\n");
    ASSERT_FALSE(sample.has_value()) << name;
    EXPECT_EQ(sample.error().code(), ErrorCode::kInvalidInput) << name;
  }
}

TEST(PluginSample, RefusesWhatItDoesNotKnowWithItsPlace) {
  for (const char* yaml :
       {"files: {}\n", "resource: {type: A::B}\n", "resource: {type: 'no type', id: x}\n",
        "resource: {type: A::B, id: x}\nsetings: {}\n",
        "resource: {type: A::B, id: x}\nparameters: {protct: {}}\n"}) {
    const auto sample = Sample(yaml);
    ASSERT_FALSE(sample.has_value()) << yaml;
    EXPECT_EQ(sample.error().code(), ErrorCode::kInvalidInput) << yaml;
  }
  EXPECT_THAT(Sample(std::string(kResource) + "setings: {}\n").error().OneLine(),
              HasSubstr("sample.yaml:2"));
}

}  // namespace
}  // namespace holdfast::plugins::conformance
