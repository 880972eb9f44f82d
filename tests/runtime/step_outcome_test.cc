#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "tests/runtime/step_process.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The file of a container from which Kubernetes takes the reason why it failed.
class TerminationLog : public StepProcess {
 protected:
  TerminationLog() {
    std::ofstream(Path("termination-log")) << "of an earlier process, and longer";
  }
  // What the step leaves in it.
  std::string Left(const std::string& step, int exit_code) {
    return LeftBy(Arguments("run", step), exit_code);
  }
  std::string LeftBy(const std::vector<std::string>& arguments, int exit_code) {
    ProcessSpec spec = Spec(arguments, "");
    spec.environment["HOLDFAST_TERMINATION_LOG"] = Path("termination-log");
    const auto outcome = Call(spec);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.error;
    std::ifstream file(Path("termination-log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Up to the step vol-par, which fails.
  void BeginToFail() {
    Publish(Value().Set("parallel_fail", true));
    ASSERT_EQ(Begin().exit_code, 0);
    for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
  }
};

// As Argo's executor and the agent name one; nothing depends on it.
TEST_F(TerminationLog, IsNotWhereAStepSaysHowFarItIs) {
  Publish(Value().Set("parallel_yields", 2));
  ASSERT_EQ(Begin().exit_code, 0);
  for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
  std::ofstream(Path("progress")) << "1000/1000\n";
  ProcessSpec spec = Spec(Arguments("run", "vol-par"), "");
  spec.environment["ARGO_PROGRESS_FILE"] = Path("progress");
  EXPECT_EQ(Call(spec).exit_code, 0);
  std::ifstream file(Path("progress"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "0/2\n");
  // It says nothing of how far it is, nor does another process for it.
  spec = Spec(Arguments("run", "app-par"), "");
  spec.environment["ARGO_PROGRESS_FILE"] = Path("progress");
  EXPECT_EQ(Call(spec).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("progress")));
  spec = Spec(Arguments("run", "vol-post"), "");
  spec.environment["ARGO_PROGRESS_FILE"] = Path("nowhere/progress");
  EXPECT_EQ(Call(spec).exit_code, 0);
}

TEST_F(TerminationLog, SaysInOneLineWhyTheStepFailed) {
  BeginToFail();
  EXPECT_EQ(Left("vol-par", 4),
            "parallel of Noop::Volume#vol failed: noop was told to fail protect.parallel of "
            "Noop::Volume#vol");
}

TEST_F(TerminationLog, NamesNoResourceWhereThePlanKeepsThemOutOfStepNames) {
  policy_.Set("step_names", "opaque");
  BeginToFail();
  EXPECT_EQ(Left("vol-par", 4),
            "the activity of this step failed; the log and the journal say more");
}

TEST_F(TerminationLog, NamesNoResourceWhereItIsNotKnownWhetherItMay) {
  policy_.Set("step_names", "opaque");
  BeginToFail();
  EXPECT_EQ(Run("vol-par").exit_code, 4);
  EXPECT_EQ(End().exit_code, 5);
  ASSERT_GT(std::filesystem::remove_all(Path("bank/t/local/bundles")), 1U);
  const std::string left = LeftBy(Arguments("end"), 5);
  EXPECT_THAT(left, HasSubstr("the run failed: not everything succeeded; "));
  EXPECT_THAT(left, Not(HasSubstr("vol")));
}

TEST_F(TerminationLog, IsShortAndNothingInItIsInterpreted) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  std::string hostile = "{{{workflow.name}}\n\x1b[2J";
  for (int i = 0; i < 200; ++i) hostile += "\u00e9";
  const std::string left = Left(hostile, 10);
  EXPECT_LE(left.size(), 200U);
  EXPECT_GT(left.size(), 190U);
  EXPECT_TRUE(IsUtf8(left)) << left;
  EXPECT_EQ(Printable(left), left);
  EXPECT_THAT(left, HasSubstr("{ { {workflow.name}}"));
}

TEST_F(TerminationLog, StaysAsItIsWhenTheStepSucceeds) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  EXPECT_EQ(Left("app-pre", 0), "of an earlier process, and longer");
}

TEST_F(TerminationLog, ThatIsNotThereIsNoFailureAndIsNotMade) {
  BeginToFail();
  std::filesystem::remove(Path("termination-log"));
  EXPECT_EQ(Left("vol-par", 4), "");
  EXPECT_FALSE(std::filesystem::exists(Path("termination-log")));
}

// One line is all that an engine sees of the program.
class StepReported : public StepProcess {
 protected:
  StepReported() { std::filesystem::create_directories(Path("log")); }

  ProcessOutcome CallReporting(std::vector<std::string> arguments,
                               const std::string& failpoint = "") {
    arguments.emplace_back("--report");
    arguments.push_back("--log-dir=" + Path("log"));
    return Call(Spec(arguments, failpoint));
  }
  // The report of a program that has printed nothing else.
  Value Reported(const std::vector<std::string>& arguments) {
    const ProcessOutcome outcome = CallReporting(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
    // As the workflows for Mistral look at it.
    EXPECT_TRUE(outcome.output.starts_with("{\"exit\":")) << outcome.output;
    const auto report = ParseJson(outcome.output, "report");
    EXPECT_TRUE(report) << outcome.output;
    return report ? *report : Value();
  }
  std::string Log(const std::string& name) const {
    std::ifstream file(Path("log/run-1/" + name + ".log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(StepReported, IsTheExitCodeAndTheReasonOnOneLine) {
  Publish(Value().Set("parallel_fail", true));
  EXPECT_EQ(Reported(Arguments("begin")).IntOr("exit", -1), 0);
  for (const char* const step : {"app-pre", "vol-pre"})
    EXPECT_EQ(Reported(Arguments("run", step)).IntOr("exit", -1), 0) << step;
  const Value failed = Reported(Arguments("run", "vol-par"));
  EXPECT_EQ(failed.IntOr("exit", -1), 4);
  EXPECT_THAT(failed.StringOr("message", ""), HasSubstr("parallel of Noop::Volume#vol failed"));
  EXPECT_THAT(failed.StringOr("log", ""), HasSubstr(":" + Path("log/run-1/vol-par.log")));
  EXPECT_EQ(Reported(Arguments("run", "app-par")).IntOr("exit", -1), 0);
  EXPECT_EQ(Reported(Arguments("gate", "vol-par")).IntOr("exit", -1), 0);
  for (const char* const step : {"vol-post", "app-post"})
    EXPECT_EQ(Reported(Arguments("run", step)).IntOr("exit", -1), 0) << step;
  EXPECT_EQ(Reported(Arguments("end")).IntOr("exit", -1), 5);
  EXPECT_EQ(State(), RecordState::kError);
}

TEST_F(StepReported, LeavesItsLogToItsUserAndGroup) {
  Publish(Value().Set("parallel_fail", true));
  Reported(Arguments("begin"));
  EXPECT_THAT(Log("begin"), HasSubstr("\"command\":\"begin\""));
  struct stat status {};
  ASSERT_EQ(stat(Path("log/run-1/begin.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
  // A second try adds to it.
  const std::size_t before = Log("begin").size();
  Reported(Arguments("begin"));
  EXPECT_GT(Log("begin").size(), before);
  Reported(Arguments("gate", "app-pre"));
  EXPECT_THAT(Log("gate.app-pre"), HasSubstr("the gates of app-pre succeeded"));
}

TEST_F(StepReported, IsNoLineWhenTheStepIsKilled) {
  Publish();
  Reported(Arguments("begin"));
  const auto killed = CallReporting(Arguments("run", "app-pre"), "before:activity");
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(killed.output, "");
  EXPECT_EQ(Reported(Arguments("run", "app-pre")).IntOr("exit", -1), 0);
}

TEST_F(StepReported, NamesNoResourceWhereThePlanKeepsThemOutOfStepNames) {
  policy_.Set("step_names", "opaque");
  Publish(Value().Set("parallel_fail", true));
  Reported(Arguments("begin"));
  for (const char* const step : {"app-pre", "vol-pre"}) Reported(Arguments("run", step));
  const Value failed = Reported(Arguments("run", "vol-par"));
  EXPECT_EQ(failed.StringOr("message", ""),
            "the activity of this step failed; the log and the journal say more");
}

TEST_F(StepReported, SaysWhatIsWrongWithTheArgumentsOrTheFolderOfTheLog) {
  Publish();
  auto unknown = Arguments("begin");
  unknown.emplace_back("--recrod=x");
  EXPECT_THAT(CallReporting(unknown).output, HasSubstr("{\"exit\":2,\"message\":\"unknown option"));
  // A file stands where the folder should be.
  std::filesystem::remove_all(Path("log"));
  std::ofstream(Path("log")) << "";
  const Value refused = Reported(Arguments("begin"));
  EXPECT_EQ(refused.IntOr("exit", -1), 13);
  EXPECT_THAT(refused.StringOr("message", ""), HasSubstr("cannot write the step's log"));
  EXPECT_EQ(State(), std::nullopt);
}

// The engine's own deadline would end its wait, and not the step.
TEST_F(StepReported, EndsAtThePlansDeadline) {
  policy_.Set("step_deadline", 1000);
  Publish(Value().Set("parallel_sleep", "30s"));
  Reported(Arguments("begin"));
  for (const char* const step : {"app-pre", "vol-pre"}) Reported(Arguments("run", step));
  const Value ended = Reported(Arguments("run", "vol-par"));
  EXPECT_EQ(ended.IntOr("exit", -1), 143);
  EXPECT_THAT(ended.StringOr("message", ""), HasSubstr("the plan's step_deadline is over"));
}

using StepGate = StepProcess;

TEST_F(StepGate, OfSeveralStepsIsOpenWhenOneOfThemCanRun) {
  Publish(Value().Set("pre_fail", true));
  const auto gate = [&](const std::string& steps) {
    return Call(Spec(Arguments("gate", steps), "")).exit_code;
  };
  ASSERT_EQ(Begin().exit_code, 0);
  EXPECT_EQ(gate("vol-pre,app-post"), 20);
  EXPECT_EQ(gate("vol-pre,app-pre"), 0);
  ASSERT_EQ(Run("app-pre").exit_code, 0);
  ASSERT_EQ(Run("vol-pre").exit_code, 4);
  EXPECT_EQ(gate("vol-par,vol-post"), 20);
  EXPECT_EQ(gate("vol-par,app-par"), 0);
  EXPECT_EQ(gate("vol-par,no-such-step"), 10);
  EXPECT_EQ(gate(""), 2);
}

}  // namespace
}  // namespace holdfast::testing_runtime
