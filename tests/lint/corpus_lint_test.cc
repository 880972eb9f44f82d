// Every recorded workflow of the real Argo, through the lint: an error where Argo refuses the file,
// the trap's name where the case shows one, and nothing on the rest.
// tests/local_engine/corpus/README.md says what the files hold; HOLDFAST_ARGO_CORPUS names another
// folder of cases.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "runtime/lint/argo_lint.h"
#include "tests/local_engine/cases.h"

namespace holdfast::lint {
namespace {

using Traps = std::set<std::string>;

// The cases that show a trap, by number. Two cases may be one workflow with two scripts: where one
// shows it, both have it.
const std::map<int, Traps>& TrapsOfCases() {
  static const std::map<int, Traps> traps{
      // no target: the clean-up decides
      {1, {"masked-failure"}},
      {2, {"masked-failure"}},
      {31, {"missing-outcome"}},
      {32, {"masked-failure", "missing-outcome"}},
      {33, {"masked-failure", "missing-outcome"}},
      {38, {"exit-hook"}},
      {39, {"exit-hook"}},
      {40, {"exit-hook"}},
      {43, {"exit-hook"}},
      {63, {"exit-hook"}},
      {47, {"masked-failure"}},
      // Recorded without an API server: that, with Argo's full definitions, takes 200 tasks.
      {80, {"too-large"}},
      {81, {"fan-in", "too-large"}},
      {82, {"too-large"}},
      // refused by Argo, too
      {78, {"unreadable"}},
      {79, {"unreadable"}},
  };
  return traps;
}

const std::string kCorpus = testing_cases::CorpusFolder(HOLDFAST_TEST_CORPUS);

std::string ReadText(const std::string& path) {
  auto text = ReadFile(path);
  if (!text) ADD_FAILURE() << text.error().Render();
  return text ? std::move(*text) : std::string();
}

class CorpusLint : public testing::TestWithParam<std::string> {};

TEST_P(CorpusLint, FindsTheTrapsOfTheCaseAndNoOther) {
  const std::string folder = kCorpus + "/" + GetParam();
  const Findings findings = LintArgo({{"workflow.yaml", ReadText(folder + "/workflow.yaml")}}, {});
  Traps found;
  std::string said;
  for (const Finding& finding : findings) {
    found.insert(finding.trap);
    said += finding.trap + ": " + finding.error.Render() + "\n";
    EXPECT_TRUE(finding.error.where() && finding.error.where()->line != 0) << said;
  }
  const auto wanted = TrapsOfCases().find(std::stoi(GetParam()));
  EXPECT_EQ(found, wanted == TrapsOfCases().end() ? Traps() : wanted->second) << said;
  const auto expected = ParseJson(ReadText(folder + "/expected.json"), "expected.json");
  ASSERT_TRUE(expected.has_value());
  if (expected->Find("workflow")->StringOr("lint", "") != "OK") {
    EXPECT_FALSE(findings.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Case, CorpusLint, testing::ValuesIn(testing_cases::FoldersIn(kCorpus)),
                         testing_cases::TestName);

}  // namespace
}  // namespace holdfast::lint
