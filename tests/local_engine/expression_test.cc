#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "runtime/local/depends.h"
#include "runtime/local/expression.h"
#include "runtime/local/text_template.h"

namespace holdfast::local {
namespace {

using testing::ElementsAre;

const DependsExpression::TaskNumbers kTasks{{"a", 0}, {"a-pre", 1}, {"b", 2}, {"c", 3}};

DependsExpression ParseDepends(const std::string& text) {
  auto parsed = DependsExpression::Parse(text, kTasks);
  if (!parsed) ADD_FAILURE() << text << ": " << parsed.error().OneLine();
  return parsed ? *parsed : DependsExpression();
}

bool Holds(const std::string& text, std::map<std::uint32_t, Phase> phases) {
  return ParseDepends(text).Evaluate([&](std::uint32_t task) { return phases.at(task); });
}

TEST(Depends, AndBindsTighterThanOr) {
  const std::map<std::uint32_t, Phase> phases{
      {0, Phase::kSucceeded}, {2, Phase::kFailed}, {3, Phase::kFailed}};
  EXPECT_TRUE(Holds("a.Succeeded || b.Succeeded && c.Succeeded", phases));
  EXPECT_FALSE(Holds("(a.Succeeded || b.Succeeded) && c.Succeeded", phases));
}

TEST(Depends, NotBindsTightest) {
  const std::map<std::uint32_t, Phase> phases{{0, Phase::kFailed}, {2, Phase::kFailed}};
  EXPECT_FALSE(Holds("!a.Succeeded && b.Succeeded", phases));
  EXPECT_TRUE(Holds("!(a.Succeeded && b.Succeeded)", phases));
  EXPECT_TRUE(Holds("!!a.Failed", phases));
}

TEST(Depends, ABareNameIsSucceededOrSkipped) {
  for (const auto& [phase, want] : std::map<Phase, bool>{{Phase::kSucceeded, true},
                                                         {Phase::kSkipped, true},
                                                         {Phase::kOmitted, false},
                                                         {Phase::kFailed, false},
                                                         {Phase::kError, false}}) {
    EXPECT_EQ(Holds("a-pre", {{1, phase}}), want) << NameOf(phase);
  }
}

TEST(Depends, NothingIsEverDaemonedOrAGroup) {
  EXPECT_TRUE(Holds("!a.Daemoned", {{0, Phase::kFailed}}));
  EXPECT_FALSE(Holds("a.AnySucceeded || a.AllFailed", {{0, Phase::kSucceeded}}));
}

TEST(Depends, NamesEachTaskOnceInOrder) {
  const auto parsed = ParseDepends("c.Failed || a-pre && c.Errored");
  EXPECT_THAT(std::vector<std::uint32_t>(parsed.tasks().begin(), parsed.tasks().end()),
              ElementsAre(3, 1));
}

TEST(Depends, RequiredSuccessesAreTheGates) {
  EXPECT_THAT(ParseDepends("a.Succeeded && a-pre.Succeeded && (b.Succeeded || b.Failed)")
                  .RequiredSuccesses(),
              ElementsAre(0, 1));
  EXPECT_THAT(ParseDepends("a.Succeeded && !b.Daemoned").RequiredSuccesses(), ElementsAre(0));
  EXPECT_THAT(ParseDepends("a.Succeeded || b.Succeeded").RequiredSuccesses(), ElementsAre());
}

// The limits at which the real evaluator breaks (design: argo).
TEST(Depends, CountsNodesAsArgoDoes) {
  const auto many = [](int count, const std::string& one, const std::string& first) {
    std::string text = first;
    for (int i = 0; i < count; ++i) text += (text.empty() ? "" : " && ") + one;
    return ParseDepends(text).over_limit();
  };
  EXPECT_FALSE(many(833, "a", ""));
  EXPECT_TRUE(many(834, "a", ""));
  const std::string four = "(a.Succeeded || a.Failed || a.Errored || a.Omitted)";
  EXPECT_FALSE(many(625, four, ""));
  EXPECT_TRUE(many(626, four, ""));
  const std::string five = "(a.Succeeded || a.Failed || a.Errored || a.Skipped || a.Omitted)";
  EXPECT_FALSE(many(500, five, ""));
  EXPECT_TRUE(many(501, five, ""));
  EXPECT_FALSE(many(1999, "!a.Daemoned", "b.Succeeded"));
  EXPECT_TRUE(many(2000, "!a.Daemoned", "b.Succeeded"));
  EXPECT_FALSE(many(2500, "a.Failed", ""));
  EXPECT_TRUE(many(2501, "a.Failed", ""));
}

TEST(Depends, DeepNestingDoesNotRecurse) {
  const std::string text = std::string(200'000, '(') + "a" + std::string(200'000, ')');
  EXPECT_TRUE(Holds(text, {{0, Phase::kSucceeded}}));
  EXPECT_TRUE(Holds(std::string(200'000, '!') + "a", {{0, Phase::kSucceeded}}));
}

std::string Evaluated(const std::string& text) {
  static const std::map<std::string, std::string, std::less<>> kValues{
      {"lastRetry.status", "Failed"}, {"lastRetry.exitCode", "75"}, {"inputs.parameters.a-b", "7"}};
  auto parsed = Expression::Parse(text);
  if (!parsed) return "error: " + parsed.error().message();
  const auto value = parsed->Evaluate([](std::string_view name) {
    const auto found = kValues.find(name);
    return found == kValues.end() ? nullptr : &found->second;
  });
  return value ? TextOf(*value) : "error: " + value.error().message();
}

TEST(Expressions, TheRetryConditionOfGeneratedFiles) {
  EXPECT_EQ(
      Evaluated("lastRetry.status == \"Error\" || asInt(lastRetry.exitCode) in [75, 137, 143]"),
      "true");
  EXPECT_EQ(Evaluated("asInt(lastRetry.exitCode) == 4"), "false");
  EXPECT_EQ(Evaluated("not (asInt(lastRetry.exitCode) in [4])"), "true");
}

TEST(Expressions, Arithmetic) {
  EXPECT_EQ(Evaluated("1+1"), "2");
  EXPECT_EQ(Evaluated("2 + 3 * -4 % 5"), "0");
  EXPECT_EQ(Evaluated("'a' + \"b\""), "ab");
  EXPECT_EQ(Evaluated("asInt(inputs.parameters['a-b']) * 6"), "42");
  EXPECT_EQ(Evaluated("1 < 2 ? 'yes' : 'no'"), "yes");
}

TEST(Expressions, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(Evaluated("1 +"), "error: it ends where a value was expected, at character 4");
  EXPECT_EQ(Evaluated("1 $ 2"), "error: an operator was expected, at character 3");
  EXPECT_EQ(Evaluated("foo(1)"), "error: there is no function 'foo', at character 1");
  EXPECT_EQ(Evaluated("nope"), "error: there is no variable 'nope' here");
  EXPECT_EQ(Evaluated("1 && true"), "error: '&&' does not work on an integer");
  EXPECT_EQ(Evaluated("9223372036854775807 + 1"), "error: an integer is too large");
  EXPECT_EQ(Evaluated("1 / 0"), "error: division by zero");
  EXPECT_EQ(Evaluated("asInt('x')"), "error: asInt: 'x' is no number");
  EXPECT_EQ(Evaluated(std::string(1000, '(') + "1"), "error: nested too deeply, at character 102");
}

TEST(TextTemplates, FillsVariablesAndExpressions) {
  const std::string name = "wf";
  const auto text = TextTemplate::Parse("--run={{ workflow.name }} {{=1+1}} }} {{retries}}");
  ASSERT_TRUE(text.has_value());
  const auto filled =
      text->Fill([&](std::string_view n) { return n == "workflow.name" ? &name : nullptr; });
  ASSERT_TRUE(filled.has_value()) << filled.error().OneLine();
  EXPECT_EQ(*filled, "--run=wf 2 }} {{retries}}");
}

TEST(TextTemplates, PercentEncodedTextIsNotInterpreted) {
  const auto text = TextTemplate::Parse("%7B%7Bworkflow.name%7D%7D");
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->Fill([](std::string_view) { return nullptr; }).value(),
            "%7B%7Bworkflow.name%7D%7D");
}

TEST(TextTemplates, AValueThatArgoWouldInterpretAgainIsRefused) {
  const std::string value = "{{workflow.name}}";
  const auto text = TextTemplate::Parse("{{inputs.parameters.a}}");
  ASSERT_TRUE(text.has_value());
  EXPECT_FALSE(text->Fill([&](std::string_view) { return &value; }).has_value());
}

}  // namespace
}  // namespace holdfast::local
