// Every file of bad/ has exactly the findings of the .found file beside it.
// HOLDFAST_UPDATE_GOLDEN=1 writes those anew: the difference is to be read as code.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "plugins/sdk/file.h"
#include "runtime/lint/argo_lint.h"
#include "tests/lint/said.h"
#include "tests/local_engine/cases.h"

namespace holdfast::lint {
namespace {

// Which zones there are must not depend on the machine.
Status KnowsBerlin(const std::string& timezone) {
  if (timezone == "Europe/Berlin") return Ok();
  return InvalidInput("there is no time zone '" + timezone + "'").Hint("there is Europe/Berlin");
}

class BadForArgo : public testing::TestWithParam<std::string> {};

TEST_P(BadForArgo, HasTheseFindings) {
  const std::string base = std::string(HOLDFAST_TEST_BAD_FILES) + "/" + GetParam();
  const auto text = ReadFile(base + ".yaml");
  ASSERT_TRUE(text.has_value());
  // The path that is shown must not depend on where the sources are.
  const std::string said = Said(LintArgo({{GetParam() + ".yaml", *text}}, {}, KnowsBerlin));
  EXPECT_NE(said, "") << "it was accepted";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr)
    std::ofstream(base + ".found", std::ios::binary) << said;
  EXPECT_EQ(said, ReadFile(base + ".found").value_or(""));
}

INSTANTIATE_TEST_SUITE_P(Case, BadForArgo,
                         testing::ValuesIn(testing_cases::FilesIn(HOLDFAST_TEST_BAD_FILES,
                                                                  ".yaml")),
                         testing_cases::TestName);

}  // namespace
}  // namespace holdfast::lint
