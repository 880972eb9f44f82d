// Every file of mistral_bad/ has exactly the findings of the .found file beside it, none of mistral_good/ has
// any, nor has a file that is emitted. What the real Mistral says of each is held to the first line of the file by
// tests/engines/mistral/lint_table.sh. HOLDFAST_UPDATE_GOLDEN=1 writes the .found files anew.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/file.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_lint.h"
#include "runtime/local/workflow_file.h"
#include "tests/lint/said.h"
#include "tests/local_engine/cases.h"
#include "tests/sdk/processor_time.h"
#include "tests/sdk/sanitizers.h"

namespace holdfast::lint {
namespace {

class BadForMistral : public ::testing::TestWithParam<std::string> {};

TEST_P(BadForMistral, HasTheseFindings) {
  const std::string base = std::string(HOLDFAST_TEST_BAD_MISTRAL) + "/" + GetParam();
  const auto text = ReadFile(base + ".yaml");
  ASSERT_TRUE(text.has_value());
  const std::string said = Said(LintMistral({{GetParam() + ".yaml", *text}}));
  EXPECT_NE(said, "") << "it was accepted";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr)
    std::ofstream(base + ".found", std::ios::binary) << said;
  EXPECT_EQ(said, ReadFile(base + ".found").value_or(""));
}

INSTANTIATE_TEST_SUITE_P(Case, BadForMistral,
                         ::testing::ValuesIn(testing_cases::FilesIn(HOLDFAST_TEST_BAD_MISTRAL,
                                                                    ".yaml")),
                         testing_cases::TestName);

TEST(GoodForMistral, HasNoFinding) {
  const auto files = *local::ReadTemplateFolder(HOLDFAST_TEST_GOOD_MISTRAL);
  for (const local::SourceFile& file : files) EXPECT_EQ(Said(LintMistral({file})), "");
  EXPECT_GE(files.size(), 5U);
}

TEST(GoodForMistral, IsWhatIsEmitted) {
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TEST_GOLDEN)) {
    const std::string base = entry.path().string() + "/expected.mistral";
    if (!std::filesystem::exists(base + ".yaml")) continue;
    std::vector<local::SourceFile> files{*local::ReadSourceFile(base + ".yaml")};
    if (std::filesystem::exists(base + ".children")) {
      auto children = *local::ReadTemplateFolder(base + ".children");
      for (local::SourceFile& child : children) files.push_back(std::move(child));
    }
    if (std::filesystem::exists(base + ".schedule.yaml"))
      files.push_back(*local::ReadSourceFile(base + ".schedule.yaml"));
    EXPECT_EQ(Said(LintMistral(files)), "") << entry.path();
    ++cases;
  }
  EXPECT_GT(cases, 10U);
}

// What lint says of a golden file with these edits: each text, wherever it stands, and what stands there instead.
std::string SaidOfEdited(const std::vector<std::pair<std::string, std::string>>& edits) {
  auto file =
      *local::ReadSourceFile(std::string(HOLDFAST_TEST_GOLDEN) + "/diamond/expected.mistral.yaml");
  for (const auto& [from, to] : edits) {
    const std::size_t at = file.text.find(from);
    if (at == std::string::npos) return "the golden file has changed: there is no " + from;
    file.text.replace(at, from.size(), to);
  }
  return Said(LintMistral({file}));
}

using Edit = std::pair<std::string, std::string>;
const Edit kCatches{"on-complete: [a-bc37fcd6-post]",
                    "on-success: [a-bc37fcd6-post]\n      on-error: [a-bc37fcd6-post]"};
const Edit kNoLookAtErrors{" or tasks(execution().id, false, ERROR).len() > 0", ""};
// With all that leads to it.
const std::vector<Edit> kNoEnd{{"      on-complete: [end]\n", ""},
                               {"    end:\n      action: holdfast.step\n      input: {command: "
                                "end}\n      fail-on: \"<% not (str(task().result) =~ "
                                "'^[{]\\\"exit\\\":0[,}]') or tasks(execution().id, false, "
                                "ERROR).len() > 0 %>\"\n",
                                ""}};

TEST(EditedForMistral, MasksAFailureThatNothingLooksAt) {
  EXPECT_EQ(SaidOfEdited({kCatches}), "");
  for (std::vector<Edit> edits : {std::vector<Edit>{kNoLookAtErrors}, kNoEnd}) {
    edits.push_back(kCatches);
    EXPECT_THAT(SaidOfEdited(edits),
                ::testing::StartsWith("warning: [masked-failure] " HOLDFAST_TEST_GOLDEN
                                      "/diamond/expected.mistral.yaml:49:7: when task "
                                      "'a-bc37fcd6-par' fails, nothing shows it"));
  }
}

// A step that fails is in the links of a compiled file never caught: whatever `end` says, Mistral ends the run in ERROR.
TEST(EditedForMistral, MasksNothingWhileOnlyOnCompleteLeadsOn) {
  EXPECT_EQ(SaidOfEdited({kNoLookAtErrors}), "");
  EXPECT_EQ(SaidOfEdited(kNoEnd), "");
  EXPECT_EQ(SaidOfEdited({{"on-success: [a-bc37fcd6-pre]", "on-complete: [a-bc37fcd6-pre]"}}), "");
}

std::string Repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// What a task publishes, on one line.
Findings LintPublished(const std::string& text) {
  return LintMistral({{"w.yaml",
                       "version: '2.0'\nw:\n  tasks:\n    a:\n      action: std.noop\n"
                       "      publish:\n        x: |-\n          " +
                           text + "\n"}});
}

// Python's recursion ends over each of them, and so it is refused: not by the end of our own stack.
TEST(DeepForMistral, IsRefusedThoughItGoesOnForEver) {
  constexpr int kTimes = 20'000;
  const auto deep = [](std::string_view open, std::string_view inside, std::string_view close) {
    return Repeated(open, kTimes) + std::string(inside) + Repeated(close, kTimes);
  };
  for (const std::string& text : {"<% " + deep("not ", "1", "") + " %>",
                                  "<% " + deep("- ", "1", "") + " %>",
                                  "<% " + deep("(", "1", ")") + " %>",
                                  "<% " + deep("[", "1", "]") + " %>",
                                  "<% " + deep("f(", "1", ")") + " %>",
                                  "<% $" + deep("[", "1", "]") + " %>",
                                  "<% " + deep("a(b => ", "1", ")") + " %>",
                                  "{{ " + deep("not ", "1", "") + " }}",
                                  "{{ " + deep("- - - - - - - ", "1", "") + " }}",
                                  "{{ " + deep("(", "1", ")") + " }}",
                                  "{{ " + deep("[", "1", "]") + " }}",
                                  "{{ " + deep("{1: ", "1", "}") + " }}",
                                  "{{ " + deep("f(", "1", ")") + " }}",
                                  "{{ 1" + deep("|f(1", "", ")") + " }}",
                                  "{{ 1" + deep(" is f(1", "", ")") + " }}",
                                  "{{ 1" + deep(" is f [1", "", "]") + " }}",
                                  "{{ 1" + deep("[1", "", "]") + " }}",
                                  "{{ " + deep("1 if 1 else ", "1", "") + " }}",
                                  "x{% " + deep("set (", "a", ")") + " = 1 %}{{ 1 }}",
                                  "{% set " + deep("(", "a", ")") + " = 1 %}{{ 1 }}",
                                  deep("{% if x %}", "{{ 1 }}", "{% endif %}"),
                                  deep("{% if x %}{% else %}", "{{ 1 }}", "{% endif %}"),
                                  deep("{% for x in y %}", "{{ 1 }}", "{% endfor %}"),
                                  deep("{% set x %}", "{{ 1 }}", "{% endset %}"),
                                  deep("{% with %}", "{{ 1 }}", "{% endwith %}")}) {
    const Findings found = LintPublished(text);
    EXPECT_TRUE(HasErrors(found)) << text.substr(0, 60);
    EXPECT_EQ(found.size(), 1U) << text.substr(0, 60);
  }
}

TEST(DeepForMistral, IsNoConstantThatOursIsTooDeepFor) {
  for (const std::string& text :
       {"<% " + Repeated("not ", 150'001) + "1 %>",
        "<% " + Repeated("(", 150'000) + "false" + Repeated(")", 150'000) + " %>"})
    EXPECT_EQ(ConstantIn(text), Value(false));
}

TEST(DeepForMistral, IsTakenWherePeopleWriteIt) {
  for (const std::string& text :
       {"<% " + Repeated("not ", 99) + "1 %>",
        "<% " + Repeated("(", 99) + "1" + Repeated(")", 99) + " %>",
        "{{ " + Repeated("- ", 99) + "1 }}", "{{ " + Repeated("not ", 99) + "1 }}",
        Repeated("{% if x %}", 99) + "{{ 1 }}" + Repeated("{% endif %}", 99),
        "{% if x %}" + Repeated("{% elif x %}", 999) + "{{ 1 }}{% endif %}"})
    EXPECT_EQ(Said(LintPublished(text)), "");
}

// Ten times what it may take of a user's time for 300 tasks, of the processor: machines of tests are slow and busy. A sanitizer has
// ten times of that.
TEST(GoodForMistral, IsReadAtOnceWithHundredsOfTasks) {
  std::string text = "version: '2.0'\nbig:\n  tasks:\n    t000: {action: std.noop, on-complete: [";
  for (int i = 1; i < 199; ++i) text += fmt::format("t{:03}{}", i, i < 198 ? ", " : "]}\n");
  for (int i = 1; i < 199; ++i)
    text += fmt::format(
        "    t{:03}: {{action: holdfast.step, input: {{step: t{:03}}}, on-complete: [end]}}\n", i,
        i);
  text += "    end: {action: holdfast.step, input: {command: end}, join: all}\n";
  const double begun = testing::ProcessorSeconds();
  EXPECT_EQ(Said(LintMistral({{"big.yaml", text}})), "");
  EXPECT_LT(testing::ProcessorSeconds() - begun, testing::kSanitized ? 2.0 : 0.2);
}

}  // namespace
}  // namespace holdfast::lint
