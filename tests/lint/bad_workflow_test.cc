// Every file of bad/ has exactly the findings of the .found file beside it.
// HOLDFAST_UPDATE_GOLDEN=1 writes those anew: the difference is to be read as code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "plugins/sdk/file.h"
#include "runtime/lint/argo_lint.h"

namespace holdfast::lint {
namespace {

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TEST_BAD_FILES)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class BadForArgo : public testing::TestWithParam<std::string> {};

TEST_P(BadForArgo, HasTheseFindings) {
  const std::string base = std::string(HOLDFAST_TEST_BAD_FILES) + "/" + GetParam();
  const auto text = ReadFile(base + ".yaml");
  ASSERT_TRUE(text.has_value());
  std::string said;
  // The path that is shown must not depend on where the sources are.
  for (const Finding& finding : LintArgo({{GetParam() + ".yaml", *text}}, {}))
    said += "[" + finding.trap + "] " + finding.error.Render() + "\n";
  EXPECT_NE(said, "") << "it was accepted";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr)
    std::ofstream(base + ".found", std::ios::binary) << said;
  EXPECT_EQ(said, ReadFile(base + ".found").value_or(""));
}

INSTANTIATE_TEST_SUITE_P(Case, BadForArgo, testing::ValuesIn(CaseNames()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
});

}  // namespace
}  // namespace holdfast::lint
