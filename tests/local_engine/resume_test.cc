// The engine is killed with SIGKILL, and another one goes on with its run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "tests/local_engine/engine_fixture.h"

namespace holdfast::local {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Resume : public EngineTest {
 protected:
  // Runs the workflow in a process of its own; returns how that ended.
  int RunInChild(const std::string& failpoint) {
    const int pid = fork();
    if (pid == 0) {
      if (!failpoint.empty()) setenv("HOLDFAST_FAILPOINT", failpoint.c_str(), 1);
      options_.environment["HOLDFAST_FAILPOINT"] = "";
      Run();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  static bool WasKilled(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  static long Count(const std::string& text, const std::string& line) {
    std::istringstream in(text);
    long count = 0;
    for (std::string one; std::getline(in, one);) count += one == line ? 1 : 0;
    return count;
  }
  // a, then b kills the engine the first time it runs, then c; `end` after all.
  void WriteKillingWorkflow() {
    Write(
        "      - {name: a, template: plain}\n      - {name: b, template: killer, depends: "
        "a.Succeeded}\n"
        "      - {name: c, template: plain, depends: b.Succeeded}\n",
        Script("plain", "echo {{tasks.name}} >> $OUT") +
            Script("killer",
                   "echo b >> $OUT\nif [ ! -e $DIR/mark ]; then\n  touch $DIR/mark; echo $$ > "
                   "$DIR/pid\n"
                   "  kill -9 $PPID\n  exec sleep 600\nfi") +
            Script("end", "echo end {{workflow.status}} {{workflow.uid}} >> $OUT"),
        "  onExit: end\n");
  }
};

TEST_F(Resume, RunsWhatHadNotFinishedAndNothingElse) {
  WriteKillingWorkflow();
  options_.run_id = "run-7";
  ASSERT_TRUE(WasKilled(RunInChild("")));
  options_.run_id.clear();
  options_.resume = true;
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kSucceeded);
  EXPECT_EQ(outcome.run_id, "run-7");
  EXPECT_EQ(Read("out"), "a\nb\nb\nc\nend Succeeded run-7\n");
  EXPECT_THAT(events_, Not(Contains("started a")));
  ASSERT_NE(Find(outcome, "a"), nullptr);
  EXPECT_TRUE(Find(outcome, "a")->end.has_value()) << "what ran before is in the outcome too";
}

// Of a run id that is given twice each start has a name of its own; a resume is no start.
TEST_F(Resume, StepsLearnWhichStartOfTheRunTheyWorkFor) {
  Write("      - {name: a, template: killer}\n",
        Script("killer",
               "echo $HOLDFAST_START >> $OUT\nif [ ! -e $DIR/mark ]; then\n  touch $DIR/mark\n"
               "  kill -9 $PPID\n  exec sleep 600\nfi"));
  options_.run_id = "run-7";
  options_.environment["HOLDFAST_START"] = "inherited";
  ASSERT_TRUE(WasKilled(RunInChild("")));
  const std::string first = Read("out");
  EXPECT_EQ(first.size(), 37U) << first;
  options_.resume = true;
  const RunOutcome resumed = Run();
  EXPECT_EQ(Read("out"), first + first);
  EXPECT_EQ(resumed.start_id + "\n", first);
  options_.resume = false;
  options_.work_folder = folder_ + "/other";
  const auto earlier = FindEarlierRun(options_);
  EXPECT_TRUE(earlier.has_value() && !earlier->has_value());
  const RunOutcome other = Run();
  EXPECT_EQ(Read("out"), first + first + other.start_id + "\n");
  EXPECT_NE(other.start_id, resumed.start_id);
  EXPECT_EQ((*FindEarlierRun(options_))->start_id, other.start_id);
}

TEST_F(Resume, AStepOfADeadEngineIsToldToEnd) {
  WriteKillingWorkflow();
  ASSERT_TRUE(WasKilled(RunInChild("")));
  const int pid = std::stoi(Read("pid"));
  const int watched = static_cast<int>(syscall(SYS_pidfd_open, pid, 0U));
  if (watched < 0) return;  // it is gone already
  pollfd wait{watched, POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 20'000), 1) << "the step outlives its engine";
  close(watched);
}

TEST_F(Resume, AnInterruptedRunIsNotPassedOverSilently) {
  WriteKillingWorkflow();
  ASSERT_TRUE(WasKilled(RunInChild("")));
  const auto refused = RunWorkflow(options_, *this);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(refused.error().hint(), HasSubstr("--resume"));
  options_.abandon_interrupted = true;
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Count(Read("out"), "a"), 2);
}

TEST_F(Resume, ARunThatHasEndedOrNeverWasIsNoneToResume) {
  Write("      - {name: a, template: plain}\n", Script("plain", "true"));
  options_.resume = true;
  const auto none = RunWorkflow(options_, *this);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
  options_.resume = false;
  Run();
  options_.resume = true;
  const auto ended = RunWorkflow(options_, *this);
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(ended.error().message(), HasSubstr("has ended: Succeeded"));
}

TEST_F(Resume, AChangedFileIsRefused) {
  WriteKillingWorkflow();
  ASSERT_TRUE(WasKilled(RunInChild("")));
  WriteFile("wf.yaml", Read("wf.yaml") + "# changed\n");
  options_.resume = true;
  const auto refused = RunWorkflow(options_, *this);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("has changed since run"));
}

TEST_F(Resume, ATornLastLineCountsAsNotWrittenADamagedOneIsCorrupt) {
  WriteKillingWorkflow();
  options_.run_id = "r";
  ASSERT_TRUE(WasKilled(RunInChild("")));
  const std::string state = "wf.yaml.run/r/state.jsonl";
  const std::string good = Read(state);
  options_.resume = true;
  WriteFile(state, good + "{\"event\":\"fini\n{\"event\":\"started\"}\n");
  const auto corrupt = RunWorkflow(options_, *this);
  ASSERT_FALSE(corrupt.has_value());
  EXPECT_EQ(corrupt.error().code(), ErrorCode::kCorrupt);
  WriteFile(state, good + "{\"event\":\"finished\",\"node\":\"b\",\"ex");
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Count(Read("out"), "b"), 2) << "the torn line said nothing";
}

TEST_F(Resume, AStoppedRunStaysStopped) {
  Write("      - {name: a, template: long}\n      - {name: b, template: plain, depends: a}\n",
        Script("long", "echo a >> $OUT\nkill -INT $PPID\nexec sleep 600") +
            Script("plain", "echo b >> $OUT") +
            Script("killer",
                   "echo end {{workflow.status}} >> $OUT\nif [ ! -e $DIR/mark ]; then\n  touch "
                   "$DIR/mark\n  kill -9 $PPID\n"
                   "  exec sleep 600\nfi"),
        "  onExit: killer\n");
  ASSERT_TRUE(WasKilled(RunInChild("")));
  options_.resume = true;
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(Read("out"), "a\nend Failed\nend Failed\n");
}

TEST_F(Resume, GoesOnWithOtherJobs) {
  WriteKillingWorkflow();
  options_.jobs = 1;
  ASSERT_TRUE(WasKilled(RunInChild("")));
  options_.jobs = 4;
  options_.resume = true;
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
}

// Killed at each place and each time that it gets there; then resumed, killed again and again.
class ResumeAt : public Resume, public testing::WithParamInterface<const char*> {};

TEST_P(ResumeAt, EndsTheRunWhereverItWasKilled) {
  Write(
      "      - {name: a, template: plain}\n      - {name: b, template: flaky, depends: a}\n"
      "      - {name: c, template: plain, depends: a}\n      - {name: d, template: plain, depends: "
      "b && c}\n",
      Script("plain", "echo {{tasks.name}} >> $OUT") +
          Script("flaky", "echo b{{retries}} >> $OUT\ntest {{retries}} = 1 || exit 75",
                 "    retryStrategy:\n      limit: '3'\n      expression: "
                 "asInt(lastRetry.exitCode) == 75\n"
                 "      backoff: {duration: 1ms}\n") +
          Script("end", "echo end {{workflow.status}} >> $OUT"),
      "  onExit: end\n");
  int kills = 0;
  for (int round = 0; round < 40; ++round) {
    // Later and later, as an engine that is killed at its first start each time gets nowhere.
    const int status = RunInChild(std::string(GetParam()) + ":" + std::to_string(1 + kills / 2));
    if (!WasKilled(status)) {
      ASSERT_EQ(status, 0);
      break;
    }
    ++kills;
    // Killed before the run was made known, there is nothing to resume.
    options_.resume = std::filesystem::exists(options_.file + ".run/latest");
  }
  EXPECT_GT(kills, 0);
  const std::string out = Read("out");
  for (const char* line : {"a", "b0", "b1", "c", "d", "end Succeeded"})
    EXPECT_GE(Count(out, line), 1) << line << "\n" << out;
  EXPECT_EQ(Count(out, "b2"), 0) << "a try that finished was tried again";
  EXPECT_EQ(out.substr(out.rfind("end ")), "end Succeeded\n");
  // A kill comes after at most the steps that ran right then.
  EXPECT_LE(Count(out, "a"), 1 + kills);
}

INSTANTIATE_TEST_SUITE_P(Failpoint, ResumeAt,
                         testing::Values("engine:before-start", "engine:after-start",
                                         "engine:before-finished", "engine:after-finished"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == ':' || c == '-'; }, '_');
                           return name;
                         });

TEST_F(Resume, KilledBeforeTheRunWasMadeKnownNothingHadStarted) {
  WriteKillingWorkflow();
  ASSERT_TRUE(WasKilled(RunInChild("engine:before-latest")));
  EXPECT_EQ(Read("out"), "");
  WriteFile("mark", "");  // so that b kills nobody
  EXPECT_EQ(Run().phase, Phase::kSucceeded) << "the half-made run is in nobody's way";
}

}  // namespace
}  // namespace holdfast::local
