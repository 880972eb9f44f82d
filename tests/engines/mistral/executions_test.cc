#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"

// What is made of what the real Mistral said (recorded/, by record.py).
namespace holdfast::engines::mistral {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Answers as it was recorded.
class Recorded final : public Api {
 public:
  explicit Recorded(const std::string& name) {
    const auto text = ReadFile(std::string(HOLDFAST_TEST_RECORDED) + "/" + name + ".json");
    EXPECT_TRUE(text) << text.error().Render();
    answers_ = *ParseJson(*text, name);
  }
  std::string Place() const override { return "Mistral"; }
  Result<Answer> Send(const Call& call) override {
    asked_.push_back(call.target);
    const Value* const answer = answers_.Find(call.target);
    if (answer == nullptr) return NotFound("nothing is recorded of " + call.target);
    return Answer{*answer, std::nullopt};
  }
  // The one that has no other above it: the shortest request for one alone.
  std::string Execution() const {
    for (const auto& [target, answer] : answers_.AsMap()) {
      if (target.starts_with("/executions/"))
        return target.substr(std::string("/executions/").size());
    }
    return {};
  }
  std::vector<std::string>& asked() { return asked_; }
  Value& answers() { return answers_; }

 private:
  Value answers_;
  std::vector<std::string> asked_;
};

std::vector<std::string> Failed(const RunStatus& run) {
  std::vector<std::string> out;
  for (const StepStatus& step : run.steps) {
    if (step.failed()) out.push_back(step.path + ": " + step.message);
  }
  return out;
}

TEST(Executions, TheStepsOfASubWorkflowStandWhereItsTaskDoes) {
  Recorded api("failed");
  RunReader reader(api, api.Execution());
  const auto run = reader.Read();
  ASSERT_TRUE(run) << run.error().Render();
  EXPECT_EQ(run->name, "n-protect");
  EXPECT_EQ(run->uid, api.Execution());
  EXPECT_EQ(run->handle, run->uid);
  EXPECT_EQ(run->record(), run->uid);
  EXPECT_TRUE(run->ended());
  EXPECT_EQ(VerdictOf(*run), 5);
  EXPECT_EQ(run->steps.size(), 35U);
  EXPECT_EQ(run->steps.front().path, "begin");
  EXPECT_EQ(run->steps.back().path, "end");
  for (const StepStatus& step : run->steps) {
    EXPECT_THAT(step.path, Not(HasSubstr("gate")));
    EXPECT_THAT(step.path, Not(HasSubstr("verdict")));
    EXPECT_TRUE(step.ended()) << step.path;
  }
  EXPECT_THAT(Failed(*run),
              ElementsAre(AllOf(StartsWith("d02-fee3443b-all.d03-fda6b6e4-par: "),
                                EndsWith("noop was told to fail protect.parallel of X::Disk#d03")),
                          StartsWith("end: checkpoint ")));
  EXPECT_EQ(run->message, "") << "the steps say it";
}

// The report of a step may be lost after it has done its work: the record is whole then, and the run red.
TEST(Executions, ARunThatIsRedForALostReportSaysSo) {
  Recorded api("failed");
  int ends = 0;
  for (auto& [target, answer] : api.answers().MutableMap()) {
    if (!target.starts_with("/action_executions?")) continue;
    for (Value& action : answer.MutableMap().at("action_executions").MutableList()) {
      if (action.StringOr("output", "").find(R"({\"exit\":5)") == std::string::npos) continue;
      action.Set("output",
                 R"({"result": "{\"exit\":0,\"message\":\"checkpoint c is available\"}"})");
      ++ends;
    }
  }
  ASSERT_EQ(ends, 1);
  RunReader reader(api, api.Execution());
  const auto run = reader.Read();
  ASSERT_TRUE(run) << run.error().Render();
  EXPECT_EQ(VerdictOf(*run), 5);
  EXPECT_EQ(run->steps.back().message,
            "checkpoint c is available; all that the run was to do is done, and Mistral calls it "
            "failed because it has no report of that from d02-fee3443b-all.d03-fda6b6e4-par");
}

TEST(Executions, WhatHasEndedIsAskedForOnce) {
  Recorded api("failed");
  RunReader reader(api, api.Execution());
  ASSERT_TRUE(reader.Read());
  const std::size_t first = api.asked().size();
  api.asked().clear();
  const auto again = reader.Read();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->steps.size(), 35U);
  EXPECT_GT(first, 8U);
  EXPECT_EQ(api.asked().size(), 2U) << "the execution, and those below it";
}

TEST(Executions, WhatAGateLeftOutHasNotFailed) {
  Recorded api("omitted");
  RunReader reader(api, api.Execution());
  const auto run = reader.Read();
  ASSERT_TRUE(run) << run.error().Render();
  EXPECT_THAT(Failed(*run), ElementsAre(StartsWith("g-8b01ddc8-pre: pre of X::Group#g failed"),
                                        StartsWith("end: ")));
  std::set<std::string> omitted;
  for (const StepStatus& step : run->steps) {
    if (step.phase == Phase::kOmitted) omitted.insert(step.path);
    if (step.phase == Phase::kOmitted) {
      EXPECT_EQ(step.exit_code, 20) << step.path;
    }
  }
  // Of a part in which nothing can run its gate alone has run: the part stands for all of it.
  EXPECT_THAT(omitted, ::testing::UnorderedElementsAre("d00-549c3f31-all", "d02-fee3443b-all",
                                                       "d04-929da68d-all", "d06-40c28148-all",
                                                       "d08-f08ef0b3-all", "g-8b01ddc8-par",
                                                       "g-8b01ddc8-post"));
}

TEST(Executions, AStepThatNobodyCouldStartSaysWhereToLook) {
  Recorded waiting("retrying");
  RunReader reader(waiting, waiting.Execution());
  const auto run = reader.Read();
  ASSERT_TRUE(run) << run.error().Render();
  ASSERT_EQ(run->steps.size(), 1U);
  EXPECT_FALSE(run->ended());
  EXPECT_FALSE(run->steps.front().ended());
  EXPECT_EQ(run->steps.front().message,
            "Mistral could not run it over ssh on 127.0.0.1: the log of its executor says why");
  EXPECT_EQ(reader.ReportOf(run->steps.front(), run->steps.front().tries.back())->has_value(),
            false);

  Recorded over("unreachable");
  const auto ended = RunReader(over, over.Execution()).Read();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->ended());
  EXPECT_EQ(ended->steps.front().tries.size(), 3U);
  EXPECT_EQ(VerdictOf(*ended), 5);
}

TEST(Executions, TheReportOfAStepHasItsLog) {
  Recorded api("failed");
  RunReader reader(api, api.Execution());
  const auto run = reader.Read();
  ASSERT_TRUE(run);
  const StepStatus* const bad = run->Find("d03-fda6b6e4-par");
  ASSERT_NE(bad, nullptr);
  const auto report = reader.ReportOf(*bad, bad->tries.back());
  ASSERT_TRUE(report && *report);
  EXPECT_THAT((*report)->log, EndsWith("d03-fda6b6e4-par.log"));
  EXPECT_THAT((*report)->log_tail, HasSubstr("noop was told to fail"));
  // Of one that succeeded it is asked for when somebody wants it.
  const StepStatus* const good = run->Find("begin");
  ASSERT_NE(good, nullptr);
  const auto other = reader.ReportOf(*good, good->tries.back());
  ASSERT_TRUE(other && *other);
  EXPECT_EQ((*other)->exit_code, 0);
  EXPECT_THAT((*other)->log, EndsWith("begin.log"));
}

TEST(Executions, ACancelledOneIsStopped) {
  Recorded api("failed");
  const std::string id = api.Execution();
  api.answers().MutableMap().at("/executions/" + id).Set("state", "CANCELLED");
  const auto run = RunReader(api, id).Read();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->shutdown, kCancelled);
  EXPECT_EQ(VerdictOf(*run), 6);
}

TEST(Executions, OfAnotherOneNothingIsMadeUp) {
  Recorded api("failed");
  const auto run = RunReader(api, "00000000-0000-4000-8000-000000000000").Read();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code(), ErrorCode::kNotFound);
}

// Says no to whatever is started, as the real one did (store.sh).
class Refusing final : public Api {
 public:
  explicit Refusing(std::string why) : why_(std::move(why)) {}
  std::string Place() const override { return "Mistral"; }
  Result<Answer> Send(const Call& call) override {
    body = call.body;
    return InvalidInput("Mistral: " + why_ + " (status 400)");
  }
  std::string body;

 private:
  std::string why_;
};

TEST(Executions, AnotherCompileIsNotStarted) {
  NewExecution execution;
  execution.workflow = "n-protect";
  execution.bundle_input = "of-bundle-0123456789abcdef";
  execution.inputs[execution.bundle_input] = "true";
  Refusing api(
      "Invalid input [name=n-protect, class=DirectWorkflowSpec, "
      "unexpected=['of-bundle-0123456789abcdef']]");
  const Status refused = StartExecution(api, execution);
  ASSERT_FALSE(refused);
  EXPECT_THAT(api.body, HasSubstr("of-bundle-0123456789abcdef")) << "it is said";
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable) << "the same again may go well";
  EXPECT_EQ(
      refused.error().message(),
      "somebody has just stored another compile of the workflow n-protect in Mistral: nothing "
      "was started");
  EXPECT_EQ(refused.error().hint(), "the same again begins with what is there now");
}

TEST(Executions, WhatElseIsRefusedIsSaidAsItIs) {
  NewExecution execution;
  execution.workflow = "n-protect";
  execution.bundle_input = "of-bundle-0123456789abcdef";
  for (const char* const why :
       {"Invalid input [name=n-protect, class=DirectWorkflowSpec, unexpected=['partial']]",
        "Invalid input [name=n-protect, class=DirectWorkflowSpec, "
        "missing=['of-bundle-0123456789abcdef']]",
        "Environment is not found: of-bundle-0123456789abcdef"}) {
    Refusing api(why);
    const Status refused = StartExecution(api, execution);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput) << why;
    EXPECT_THAT(refused.error().message(), HasSubstr(why));
  }
  // An earlier build's definition has no such input.
  execution.bundle_input = "";
  Refusing api("Invalid input [name=n-protect, class=DirectWorkflowSpec, unexpected=['partial']]");
  EXPECT_EQ(StartExecution(api, execution).error().code(), ErrorCode::kInvalidInput);
}

TEST(Executions, AReportIsOneLineWithAnExitCode) {
  EXPECT_EQ(ParseStepReport(R"({"exit":0})")->exit_code, 0);
  EXPECT_EQ(ParseStepReport(R"({"exit":5,"message":"m","log":"h:/f"})")->log, "h:/f");
  for (const char* const text : {"", "ssh: connection refused", "{}", R"({"exit":"0"})", "[0]"})
    EXPECT_FALSE(ParseStepReport(text)) << text;
}

TEST(Executions, IdsAreUuidsAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(NewExecutionId());
  EXPECT_EQ(ids.size(), 100U);
  for (const std::string& id : ids)
    EXPECT_THAT(id, ::testing::MatchesRegex(
                        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

}  // namespace
}  // namespace holdfast::engines::mistral
