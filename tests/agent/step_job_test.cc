#include "runtime/agent/step_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/json.h"
#include "runtime/agent/step_runner.h"
#include "tests/agent/agent_fixture.h"

namespace holdfast::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Body(const std::string& members) {
  return R"({"run":"r","record":"","bundle":")" + kHash + R"(","provider":"p")" +
         (members.empty() ? "" : "," + members) + "}";
}

TEST(StepRequest, IsReadAsTheActionSendsIt) {
  const auto begin =
      ParseStepRequest(Body(R"("command":"begin","step":"","fail_fast":"True","partial":false)"));
  ASSERT_TRUE(begin) << begin.error().Render();
  EXPECT_TRUE(begin->fail_fast);
  EXPECT_FALSE(begin->partial);
  EXPECT_THAT(ArgvOf(*begin, "/bin/step", {"--log-dir=/l"}),
              ElementsAre("/bin/step", "begin", "--report", "--run=r", "--bundle=" + kHash,
                          "--provider=p", "--started-by=mistral", "--fail-fast", "--log-dir=/l"));
  const auto run = ParseStepRequest(Body(R"("step":"a-1-pre","fail_fast":"","partial":"no")"));
  ASSERT_TRUE(run) << run.error().Render();
  EXPECT_THAT(ArgvOf(*run, "step", {}),
              ElementsAre("step", "run", "--report", "--run=r", "--bundle=" + kHash, "--provider=p",
                          "--step=a-1-pre"));
  const auto gate = ParseStepRequest(Body(R"("command":"gate","step":"a,b")"));
  ASSERT_TRUE(gate) << gate.error().Render();
  EXPECT_EQ(ArgvOf(*gate, "step", {}).back(), "--step=a,b");
  EXPECT_TRUE(ParseStepRequest(Body(R"("command":"end")")));
}

TEST(StepRequest, MayHoldAnythingInATextAsFarAsItsShapeGoes) {
  const auto refused = ParseStepRequest(Body(R"("step":"a,[{\"[{,,,,,,,,,\\")"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("'step'"));
}

TEST(StepRequest, IsRefusedWithTheMemberThatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"[]", "no JSON object"},
      {"[1,1,1,1,1,1,1,1,1,1]", "no JSON object of at most 8 texts"},
      {std::string(60'000, '['), "no JSON object of at most 8 texts"},
      {Body(R"("step":{"a":1})"), "no JSON object of at most 8 texts"},
      {Body(R"("a":"1","b":"1","c":"1","d":"1","e":"1")"), "no JSON object of at most 8 texts"},
      {"{", "not valid JSON"},
      {Body(R"("command":"rm")"), "'command' is run, begin, end or gate"},
      {Body(R"("step":"../x")"), "'step'"},
      {Body(R"("step":"a b")"), "'step'"},
      {Body(R"("step":"--help")"), "'step'"},
      {Body(""), "'step'"},
      {Body(R"("command":"gate","step":"a,,b")"), "'step'"},
      {Body(R"("command":"gate")"), "'step'"},
      {Body(R"("command":"end","step":"a")"), "'step' is not for end"},
      {Body(R"("step":"a","fail_fast":true)"), "are for begin"},
      {Body(R"("command":"begin","partial":"maybe")"), "'partial' is true or false"},
      {Body(R"("command":"begin","partial":1)"), "'partial' is true or false"},
      {Body(R"("step":7)"), "'step' is a text"},
      {Body(R"("step":null)"), "'step' is a text"},
      {Body(R"("step":"a","prvider":"x")"), "no member 'prvider'; did you mean 'provider'?"},
      {Body(R"("step":"a","step":"b")"), "step"},
      {R"({"step":"a","run":"","bundle":")" + kHash + R"(","provider":"p"})", "'run'"},
      {R"({"step":"a","run":"r;x","bundle":")" + kHash + R"(","provider":"p"})", "'run'"},
      {R"({"step":"a","run":"r","record":"/","bundle":")" + kHash + R"(","provider":"p"})",
       "'record'"},
      {R"({"step":"a","run":"r","bundle":"abc","provider":"p"})", "'bundle'"},
      {R"({"step":"a","run":"r","bundle":")" + std::string(64, 'A') + R"(","provider":"p"})",
       "'bundle'"},
      {R"({"step":"a","run":"r","bundle":")" + kHash + R"(","provider":""})", "'provider'"},
      {R"({"step":"a","run":"r","bundle":")" + kHash + R"(","provider":"a\u0000b"})", "'provider'"},
  };
  for (const auto& [body, why] : wrong) {
    const auto request = ParseStepRequest(body);
    ASSERT_FALSE(request) << body;
    EXPECT_THAT(request.error().message(), HasSubstr(why)) << body;
  }
}

TEST(Job, IsReadAsItWasWritten) {
  Job job = JobNamed(kOne, "a");
  job.request.record = "other";
  job.report = R"({"exit":0})";
  job.ended_at = job.accepted + std::chrono::seconds(7);
  const auto text = DumpJob(job);
  ASSERT_TRUE(text);
  const auto read = ParseJob(*text, "f");
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(read->id, job.id);
  EXPECT_EQ(read->request, job.request);
  EXPECT_EQ(read->accepted, job.accepted);
  EXPECT_EQ(read->report, job.report);
  EXPECT_EQ(read->ended_at, job.ended_at);
  EXPECT_TRUE(read->ended());
  for (const char* const broken : {"", "{}", "[]", R"({"format":2})", R"({"format":1,"id":"x"})"}) {
    EXPECT_EQ(ParseJob(broken, "f").error().code(), ErrorCode::kCorrupt) << broken;
  }
}

ProcessOutcome Printed(const std::string& output, bool cancelled = false) {
  ProcessOutcome outcome;
  outcome.output = output;
  outcome.cancelled = cancelled;
  return outcome;
}

TEST(Job, HasTheReportOfItsProcess) {
  Job job;
  EXPECT_TRUE(SetOutcome(job, Printed("{\"exit\":4,\"message\":\"m\"}\n")));
  EXPECT_EQ(job.report, "{\"exit\":4,\"message\":\"m\"}");
  // Ended in another way, it may have been done by then.
  job = {};
  EXPECT_TRUE(SetOutcome(job, Printed("{\"exit\":0}\n", true)));
  EXPECT_EQ(job.report, "{\"exit\":0}");
  // Told to end by somebody else, that is how it ended.
  job = {};
  EXPECT_TRUE(SetOutcome(job, Printed("{\"exit\":143}\n")));
  EXPECT_EQ(job.report, "{\"exit\":143}");
}

TEST(Job, RunsAgainWhenItWasEndedWithTheAgent) {
  Job job;
  EXPECT_FALSE(SetOutcome(job, Printed("{\"exit\":143}\n", true)));
  EXPECT_FALSE(SetOutcome(job, Printed("", true)));
  EXPECT_FALSE(job.ended());
}

TEST(Job, SaysWhyThereIsNoReport) {
  Job job;
  ProcessOutcome killed;
  killed.signal = 9;
  EXPECT_TRUE(SetOutcome(job, killed));
  EXPECT_EQ(job.report, "");
  EXPECT_EQ(job.failure, "holdfast-step has left no report: ended by signal 9");
  for (const char* const none : {"hello\n", "{\"exit\":0}\n{\"exit\":0}\n", "{\"message\":\"m\"}",
                                 " {\"exit\":\"0\"}", "{ \"exit\":0}"}) {
    job = {};
    EXPECT_TRUE(SetOutcome(job, Printed(none)));
    EXPECT_EQ(job.report, "") << none;
    EXPECT_THAT(job.failure, HasSubstr("has left no report: exit code 0")) << none;
  }
}

}  // namespace
}  // namespace holdfast::agent
