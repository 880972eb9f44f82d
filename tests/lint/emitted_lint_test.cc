// What we write ourselves has no trap: every golden file, and the templates that come with us.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "plugins/sdk/file.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TEST_GOLDEN)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Said(const Findings& findings) {
  std::string said;
  for (const Finding& finding : findings)
    said += finding.trap + ": " + finding.error.Render() + "\n";
  return said;
}

class EmittedLint : public testing::TestWithParam<std::string> {};

TEST_P(EmittedLint, HasNoTrap) {
  const auto text =
      ReadFile(std::string(HOLDFAST_TEST_GOLDEN) + "/" + GetParam() + "/expected.argo.yaml");
  ASSERT_TRUE(text.has_value());
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEST_TEMPLATES);
  ASSERT_TRUE(templates.has_value());
  EXPECT_EQ(Said(LintArgo({{"expected.argo.yaml", *text}}, *templates)), "");
}

INSTANTIATE_TEST_SUITE_P(Golden, EmittedLint, testing::ValuesIn(CaseNames()),
                         [](const auto& info) { return info.param; });

TEST(EmittedLint, TheTemplatesHaveNoTrap) {
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEST_TEMPLATES);
  ASSERT_TRUE(templates.has_value());
  ASSERT_FALSE(templates->empty());
  EXPECT_EQ(Said(LintArgo(*templates, {})), "");
}

}  // namespace
}  // namespace holdfast::lint
