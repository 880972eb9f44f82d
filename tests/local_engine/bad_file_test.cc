// Every file of bad/ is refused, with exactly the text of the .err file beside it.
// HOLDFAST_UPDATE_GOLDEN=1 writes those anew: the difference is to be read as code.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/local/workflow_file.h"
#include "tests/local_engine/cases.h"

namespace holdfast::local {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class BadWorkflowFile : public testing::TestWithParam<std::string> {};

TEST_P(BadWorkflowFile, IsRefusedWithThisText) {
  const std::string base = std::string(HOLDFAST_TEST_BAD_FILES) + "/" + GetParam();
  // The path that is shown must not depend on where the sources are.
  std::vector<SourceFile> files{{GetParam() + ".yaml", ReadFile(base + ".yaml")}};
  const auto workflow = ReadWorkflow(std::move(files));
  Status refused = Ok();
  if (!workflow) {
    refused = Error(workflow.error());
  } else if (auto parameters = ResolveParameters(*workflow, {}); !parameters) {
    refused = Error(parameters.error());
  }
  ASSERT_FALSE(refused.has_value()) << "it was accepted";
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  ASSERT_TRUE(refused.error().where().has_value());
  const std::string text = refused.error().Render() + "\n";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr)
    std::ofstream(base + ".err", std::ios::binary) << text;
  EXPECT_EQ(text, ReadFile(base + ".err"));
}

INSTANTIATE_TEST_SUITE_P(Case, BadWorkflowFile,
                         testing::ValuesIn(testing_cases::FilesIn(HOLDFAST_TEST_BAD_FILES,
                                                                  ".yaml")),
                         testing_cases::TestName);

}  // namespace
}  // namespace holdfast::local
