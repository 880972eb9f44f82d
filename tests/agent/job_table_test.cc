#include "runtime/agent/job_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "plugins/sdk/file.h"
#include "tests/agent/agent_fixture.h"

namespace holdfast::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Jobs : public ::testing::Test {
 protected:
  Jobs() {
    auto store = JobStore::Open(state_);
    HOLDFAST_CHECK(store);
    store_.emplace(std::move(*store));
  }
  std::vector<std::string> Kept() {
    std::vector<std::string> ids;
    const auto jobs = store_->Load(log_);
    EXPECT_TRUE(jobs);
    for (const Job& job : *jobs) ids.push_back(job.id);
    return ids;
  }

  testing::TemporaryFolder folder_;
  std::string state_ = folder_.path() / "state" / "agent";
  KeptLog log_;
  std::optional<JobStore> store_;
};

TEST_F(Jobs, AreKeptUntilTheyAreDone) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  ASSERT_TRUE(table.Accept(kTwo, StepNamed("b")));
  EXPECT_THAT(Kept(), ElementsAre(kOne, kTwo));
  auto job = table.TakeToRun();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->id, kOne);
  EXPECT_EQ(table.List()[0].state, JobState::kRunning);
  EXPECT_TRUE(table.List()[0].running_since);
  EXPECT_EQ(table.List()[1].state, JobState::kAccepted);
  job->report = R"({"exit":0})";
  table.Ended(*job);
  EXPECT_EQ(table.List()[0].state, JobState::kReporting);
  EXPECT_EQ((*store_->Load(log_))[0].report, job->report);
  const auto reported = table.TakeToReport();
  ASSERT_TRUE(reported);
  EXPECT_EQ(reported->report, job->report);
  table.Done(kOne);
  EXPECT_THAT(Kept(), ElementsAre(kTwo));
  EXPECT_EQ(table.List().size(), 1U);
}

TEST_F(Jobs, SayHowFarTheyAreWhileTheyRun) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  auto job = table.TakeToRun();
  ASSERT_TRUE(job);
  const std::string file = table.ProgressFileOf(*job);
  EXPECT_EQ(table.List()[0].progress, "");
  const auto says = [&](const std::string& text) {
    std::ofstream(file) << text;
    return table.List()[0].progress;
  };
  EXPECT_EQ(says("40/100\n"), "40/100");
  // What one that was longer has left behind it.
  EXPECT_EQ(says("5/6\n100\n"), "5/6");
  for (const char* const none : {"", "\n", "x/y", "7/6", "1/0", "-1/2", "1/2/3", "1", " 1/2",
                                 "1/18446744073709551615", "1/2\x1b[2J"})
    EXPECT_EQ(says(none), "") << none;
  // Another action that asks for the same step shares its process.
  ASSERT_TRUE(table.Accept(kTwo, StepNamed("a")));
  EXPECT_EQ(says("3/4"), "3/4");
  EXPECT_EQ(table.List()[1].progress, "3/4");
  job->report = R"({"exit":0})";
  table.Ended(*job);
  EXPECT_EQ(table.List()[0].progress, "");
  table.Done(kOne);
  table.Done(kTwo);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Jobs, SayHowFarTheyHadComeAfterARestart) {
  {
    JobTable table(*store_, SystemClock(), log_, {});
    ASSERT_TRUE(table.Accept(kOne, StepNamed("a-post")));
    const auto job = table.TakeToRun();
    ASSERT_TRUE(job);
    std::ofstream(table.ProgressFileOf(*job)) << "40/100\n";
    std::ofstream(state_ + "/progress/" + kTwo) << "1/2\n";
  }
  auto jobs = store_->Load(log_);
  ASSERT_TRUE(jobs);
  EXPECT_FALSE(std::filesystem::exists(state_ + "/progress/" + kTwo)) << "of no job";
  JobTable table(*store_, SystemClock(), log_, {});
  table.Restore(std::move(*jobs));
  EXPECT_EQ(table.List()[0].progress, "");
  ASSERT_TRUE(table.TakeToRun());
  EXPECT_EQ(table.List()[0].progress, "40/100");
}

TEST_F(Jobs, AreStartedOnce) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  EXPECT_EQ(table.Accept(kOne, StepNamed("b")).error().code(), ErrorCode::kConflict);
  auto job = table.TakeToRun();
  ASSERT_TRUE(job);
  job->failure = "why";
  table.Ended(*job);
  ASSERT_TRUE(table.TakeToReport());
  table.Done(kOne);
  // Also of what is done.
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  EXPECT_EQ(table.Accept(kOne, StepNamed("b")).error().code(), ErrorCode::kConflict);
  EXPECT_THAT(table.List(), IsEmpty());
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(Jobs, OfAFormerLifeAreRunOrReported) {
  Job ended = JobNamed(kOne);
  ended.report = R"({"exit":0})";
  ASSERT_TRUE(store_->Keep(ended));
  ASSERT_TRUE(store_->Keep(JobNamed(kTwo)));
  std::ofstream(state_ + "/jobs/" + kOne + ".json.tmp17") << "half";
  std::ofstream(state_ + "/jobs/broken.json") << "{";
  auto jobs = store_->Load(log_);
  ASSERT_TRUE(jobs);
  EXPECT_EQ(jobs->size(), 2U);
  EXPECT_THAT(log_.text(), HasSubstr("broken.json' is no step that an agent has kept"));
  EXPECT_FALSE(std::filesystem::exists(state_ + "/jobs/" + kOne + ".json.tmp17"));
  EXPECT_TRUE(std::filesystem::exists(state_ + "/jobs/broken.json"));
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  table.Restore(std::move(*jobs));
  EXPECT_EQ(table.TakeToReport()->id, kOne);
  // Not before Mistral has been asked whether it still wants it.
  std::thread asking([&table] {
    const auto id = table.TakeToAsk();
    EXPECT_EQ(id, kTwo);
    table.Asked(*id, Wanted::kYes);
  });
  EXPECT_EQ(table.TakeToRun()->id, kTwo);
  asking.join();
}

TEST_F(Jobs, AreNoLinksToOtherFiles) {
  const std::string elsewhere = state_ + "/precious";
  std::ofstream(elsewhere) << "precious";
  std::filesystem::create_symlink(elsewhere, state_ + "/jobs/" + kOne + ".json");
  auto jobs = store_->Load(log_);
  ASSERT_TRUE(jobs);
  EXPECT_TRUE(jobs->empty());
  EXPECT_THAT(log_.text(), HasSubstr("was a link"));
  ASSERT_TRUE(store_->Keep(JobNamed(kOne)));
  EXPECT_EQ(*ReadFile(elsewhere, 1000), "precious");
}

TEST_F(Jobs, ThatCannotBeReadAreReportedAsLost) {
  const std::string file = state_ + "/jobs/" + kOne + ".json";
  std::ofstream(file) << R"({"format":1,"id":"0000)";
  auto jobs = store_->Load(log_);
  ASSERT_TRUE(jobs);
  ASSERT_EQ(jobs->size(), 1U);
  EXPECT_EQ(jobs->front().id, kOne);
  EXPECT_THAT(jobs->front().failure, HasSubstr("the agent has lost this step"));
  EXPECT_EQ(*ReadFile(state_ + "/jobs/broken/" + kOne + ".json", 1000),
            R"({"format":1,"id":"0000)");
  // Also by the next one that starts.
  auto again = store_->Load(log_);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 1U);
  EXPECT_EQ(again->front().failure, jobs->front().failure);
  JobTable table(*store_, SystemClock(), log_, {});
  table.Restore(std::move(*again));
  EXPECT_EQ(table.TakeToReport()->id, kOne);
  table.Done(kOne);
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(Jobs, AreNotMoreThanSoMany) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 1});
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  EXPECT_EQ(table.Accept(kTwo, StepNamed("a")).error().code(), ErrorCode::kUnavailable);
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
}

TEST_F(Jobs, AreNotAcceptedWhereTheyCannotBeKept) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  std::filesystem::remove_all(state_ + "/jobs");
  EXPECT_FALSE(table.Accept(kOne, StepNamed("a")));
  EXPECT_THAT(table.List(), IsEmpty());
}

// The file may be there although it is not known to be on the disk.
TEST_F(Jobs, ThatWereRefusedDoNotRunAtTheNextStart) {
  if (::geteuid() == 0) {
    // Nobody keeps root from reading a folder: as somebody else, in a process of its own.
    const pid_t child = ::fork();
    if (child == 0) {
      const bool ready = ::chown((state_ + "/jobs").c_str(), 65534, 65534) == 0 &&
                         ::chmod((state_ + "/jobs").c_str(), 0300) == 0 &&
                         ::chmod(state_.c_str(), 0711) == 0 &&
                         ::setresuid(65534, 65534, 65534) == 0;
      JobTable table(*store_, SystemClock(), log_, {});
      const auto refused = table.Accept(kOne, StepNamed("a"));
      ::_exit(ready && !refused ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  } else {
    ::chmod((state_ + "/jobs").c_str(), 0300);
    JobTable table(*store_, SystemClock(), log_, {});
    EXPECT_FALSE(table.Accept(kOne, StepNamed("a")));
    ::chmod((state_ + "/jobs").c_str(), 0700);
  }
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(Jobs, AreReportedAgainAfterAWhile) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  Job job = JobNamed(kOne);
  job.report = R"({"exit":0})";
  table.Restore({job});
  ASSERT_TRUE(table.TakeToReport());
  const auto begin = std::chrono::steady_clock::now();
  table.ReportLater(kOne, milliseconds(200), "why");
  EXPECT_EQ(table.List()[0].trouble, "why");
  EXPECT_EQ(table.TakeToReport()->id, kOne);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(200));
}

TEST_F(Jobs, AreReportedInTheOrderInWhichTheirTimeComes) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  Job one = JobNamed(kOne);
  one.report = R"({"exit":0})";
  Job two = one;
  two.id = kTwo;
  table.Restore({one, two});
  EXPECT_EQ(table.TakeToReport()->id, kOne);
  table.ReportLater(kOne, {}, "");
  EXPECT_EQ(table.TakeToReport()->id, kTwo);
  EXPECT_EQ(table.TakeToReport()->id, kOne);
}

TEST_F(Jobs, EndAllWaiting) {
  JobTable table(*store_, SystemClock(), log_, {.most_jobs = 10});
  std::thread runner([&table] { EXPECT_FALSE(table.TakeToRun()); });
  std::thread reporter([&table] { EXPECT_FALSE(table.TakeToReport()); });
  std::thread pausing([&table] { EXPECT_FALSE(table.Pause(std::chrono::hours(1))); });
  table.Stop();
  runner.join();
  reporter.join();
  pausing.join();
  EXPECT_EQ(table.Accept(kOne, StepNamed("a")).error().code(), ErrorCode::kUnavailable);
}

TEST_F(Jobs, AreAcceptedForTheNextStartWhileOthersEnd) {
  JobTable table(*store_, SystemClock(), log_, {});
  ASSERT_TRUE(table.Accept(kOne, StepNamed("a")));
  auto job = table.TakeToRun();
  table.StopRunning();
  EXPECT_FALSE(table.TakeToRun());
  EXPECT_FALSE(table.TakeToAsk());
  ASSERT_TRUE(table.Accept(kTwo, StepNamed("b")));
  job->report = R"({"exit":0})";
  table.Ended(*job);
  EXPECT_EQ(table.TakeToReport()->id, kOne);
  table.Done(kOne);
  EXPECT_THAT(Kept(), ElementsAre(kTwo));
}

TEST_F(Jobs, HaveOneAgentAFolder) {
  const auto second = JobStore::Open(state_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kLocked);
  store_.reset();
  EXPECT_TRUE(JobStore::Open(state_));
}

TEST_F(Jobs, AreNotTakenFromAFolderThatOthersMayWriteTo) {
  store_.reset();
  using std::filesystem::perms;
  std::filesystem::permissions(state_ + "/jobs", perms::owner_all | perms::group_write);
  const auto refused = JobStore::Open(state_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
}

TEST_F(Jobs, AreForTheirUserAlone) {
  const auto mode = std::filesystem::status(state_ + "/jobs").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace holdfast::agent
