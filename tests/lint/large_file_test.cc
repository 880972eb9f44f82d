// What is far too large is refused for that, in a time that does not grow with the square of it.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "plugins/sdk/value.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/lint/mistral_expressions.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

// `count` tasks and a clean-up that masks the failure of the first; `more` is in each task.
std::string Masked(int count, const std::string& more) {
  std::string text =
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n"
      "  entrypoint: main\n  templates:\n  - {name: step, container: {image: i, command: [run]}}\n"
      "  - name: main\n    dag:\n      tasks:\n"
      "      - {name: clean, template: step, depends: t0.Succeeded || t0.Failed || t0.Errored}\n";
  for (int i = 0; i < count; ++i)
    text += "      - {name: t" + std::to_string(i) + ", template: step" + more + "}\n";
  return text;
}

std::map<std::string, int> TrapsOf(const std::string& text) {
  std::map<std::string, int> traps;
  for (const Finding& finding : LintArgo({{"wf.yaml", text}}, {})) ++traps[finding.trap];
  return traps;
}

TEST(LargeFile, FailuresAreNotWorkedOutWhereTheFileIsRefusedAnyway) {
  EXPECT_EQ(TrapsOf(Masked(1499, "")),
            (std::map<std::string, int>{{"masked-failure", 1}, {"too-large", 1}}));
  EXPECT_EQ(TrapsOf(Masked(1500, "")), (std::map<std::string, int>{{"too-large", 2}}));
}

TEST(LargeFile, EachOfManyFindingsHasItsLine) {
  const Findings found = LintArgo({{"wf.yaml", Masked(20'000, ", hook: x")}}, {});
  int unknown = 0;
  for (const Finding& finding : found) {
    if (finding.trap != "field") continue;
    EXPECT_EQ(finding.error.where()->text,
              "      - {name: t" + std::to_string(unknown) + ", template: step, hook: x}");
    ++unknown;
  }
  EXPECT_EQ(unknown, 20'000);
}

// With the square of it, each would take minutes.
TEST(LargeFile, WhatIsOpenedManyTimesAndNeverClosedIsLookedForOnce) {
  for (const std::string_view open :
       {"<% ", "{{ ", "{% ", "{ ", "< ", "a=<% ", "a={{ ", "a=[ ", "<%\n", "{{\n", "<% %> "}) {
    std::string text;
    while (text.size() < 400'000) text += open;
    const std::string shorthand = "std.echo " + text;
    const auto begun = std::chrono::steady_clock::now();
    CutShorthand(shorthand);
    EXPECT_EQ(HasExpression(text), open == "<% %> ") << open;
    CheckExpressions({"w.yaml", text},
                     Value().Set("vars", Value().Set("a", text).Set("b", shorthand)));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2)) << open;
  }
}

}  // namespace
}  // namespace holdfast::lint
