#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/agent/job_table.h"
#include "runtime/agent/step_kind.h"
#include "tests/agent/agent_fixture.h"
#include "tests/sdk/still_clock.h"

// Which of the steps that wait is run, when, and how often.
namespace holdfast::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Id(int number) { return fmt::format("00000000-0000-4000-8000-{:012}", number); }

StepRequest Command(const std::string& command, const std::string& step = "") {
  StepRequest request = StepNamed(step);
  request.command = command;
  return request;
}

class Turns : public ::testing::Test {
 protected:
  Turns() : store_(*JobStore::Open(folder_.path() / "agent")) { Restart(); }

  void Restart(TableLimits limits = {}) {
    table_.emplace(store_, clock_, log_, limits);
    table_->Restore(*store_.Load(log_));
  }
  void Accept(int number, const StepRequest& request) {
    ASSERT_TRUE(table_->Accept(Id(number), request));
  }
  // Only where something is to be run: it would wait.
  std::string Run() {
    auto job = table_->TakeToRun();
    if (!job) return "";
    running_.push_back(*job);
    return job->request.command == "run" ? job->request.step : job->request.command;
  }
  void End(const std::string& report = R"({"exit":0})") {
    Job job = running_.front();
    running_.erase(running_.begin());
    job.report = report;
    table_->Ended(job);
  }
  // What can be run now, in its order: so many, and no more.
  std::vector<std::string> RunAll(std::size_t expected) {
    std::vector<std::string> out;
    std::atomic<std::size_t> started = 0;
    std::thread runner([&] {
      for (std::string step = Run(); !step.empty(); step = Run()) {
        out.push_back(step);
        ++started;
      }
    });
    for (int i = 0; i < 1000 && started < expected; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    table_->StopRunning();
    runner.join();
    return out;
  }
  std::size_t Running() {
    std::size_t running = 0;
    for (const JobView& view : table_->List()) running += view.state == JobState::kRunning ? 1 : 0;
    return running;
  }
  std::vector<std::string> ToReport() {
    std::vector<std::string> out;
    clock_.steady += std::chrono::milliseconds(1);
    while (table_->OldestUnreported()) {
      out.push_back(table_->TakeToReport()->id);
      table_->Done(out.back());
    }
    return out;
  }

  testing::TemporaryFolder folder_;
  testing::StillClock clock_{*ParseTime("2026-11-28T10:00:00.000Z")};
  KeptLog log_;
  JobStore store_;
  std::optional<JobTable> table_;
  std::vector<Job> running_;
};

TEST_F(Turns, OfWhatEndsARestComeBeforeCopies) {
  const std::vector<StepRequest> handed_in{
      StepNamed("a-1-copy"), StepNamed("a-1-par"),  StepNamed("unnamed"),
      StepNamed("b-1-pre"),  StepNamed("b-1-post"), StepNamed("b-1-fin"),
      Command("end"),        Command("begin"),      Command("gate", "x")};
  for (std::size_t i = 0; i < handed_in.size(); ++i) Accept(static_cast<int>(i), handed_in[i]);
  EXPECT_THAT(RunAll(9), ElementsAre("b-1-post", "b-1-fin", "end", "begin", "gate", "b-1-pre",
                                     "a-1-copy", "a-1-par", "unnamed"));
}

TEST_F(Turns, OfLongStepsLeaveSomeToTheOthers) {
  Restart({.most_long = 2});
  for (int i = 0; i < 4; ++i) Accept(i, StepNamed(fmt::format("s{}-copy", i)));
  EXPECT_EQ(Run(), "s0-copy");
  EXPECT_EQ(Run(), "s1-copy");
  Accept(9, StepNamed("x-post"));
  EXPECT_EQ(Run(), "x-post");
  End();
  EXPECT_EQ(Run(), "s2-copy");
}

TEST_F(Turns, AreSharedByAllThatAskForOneStep) {
  Accept(1, StepNamed("a-copy"));
  Accept(2, StepNamed("a-copy"));  // it waits
  EXPECT_EQ(Run(), "a-copy");
  Accept(3, StepNamed("a-copy"));  // it is at work
  StepRequest other = StepNamed("a-copy");
  other.run = "another";
  Accept(4, other);
  EXPECT_EQ(Running(), 3U);
  EXPECT_THAT(log_.text(), HasSubstr("accepted a step that is there already: it is run once"));
  End();
  // The newest one is the one that Mistral waits for.
  EXPECT_THAT(ToReport(), ElementsAre(Id(3), Id(2), Id(1)));
  EXPECT_EQ(store_.Load(log_)->size(), 1U);
  // Asked for when it is done, it is run once more, and finds that.
  Accept(5, StepNamed("a-copy"));
  EXPECT_THAT(RunAll(2), ElementsAre("a-copy", "a-copy"));
}

// Each report would be one more try.
TEST_F(Turns, ThatAreTriedAgainAreReportedForTheNewestAlone) {
  Accept(1, StepNamed("a-copy"));
  EXPECT_EQ(Run(), "a-copy");
  Accept(2, StepNamed("a-copy"));
  End(R"({"exit":75,"message":"m"})");
  EXPECT_THAT(ToReport(), ElementsAre(Id(2)));
  EXPECT_THAT(*store_.Load(log_), IsEmpty());
  Accept(3, StepNamed("a-copy"));
  EXPECT_EQ(Run(), "a-copy");
  Accept(4, StepNamed("a-copy"));
  End(R"({"exit":4,"message":"m"})");
  EXPECT_THAT(ToReport(), ElementsAre(Id(4), Id(3)));
}

TEST_F(Turns, OfAFormerLifeAreShared) {
  Accept(1, StepNamed("a-post"));
  clock_.wall += std::chrono::seconds(1);
  Accept(2, StepNamed("a-post"));
  Restart();
  EXPECT_THAT(RunAll(1), ElementsAre("a-post"));
  End();
  EXPECT_EQ(table_->TakeToReport()->id, Id(2));
}

TEST_F(Turns, OfAFormerLifeAreForWhatMistralStillWants) {
  Accept(1, Command("begin"));
  Accept(2, StepNamed("a-pre"));
  Accept(3, StepNamed("a-copy"));
  Accept(4, StepNamed("a-leaf"));
  Restart();
  std::thread runner([this] { EXPECT_EQ(Run(), "a-pre"); });
  EXPECT_EQ(table_->TakeToAsk(), Id(1));
  EXPECT_EQ(table_->TakeToAsk(), Id(2));
  table_->Asked(Id(1), Wanted::kNo);
  table_->Asked(Id(2), Wanted::kYes);
  runner.join();
  EXPECT_EQ(table_->TakeToAsk(), Id(3));
  table_->Asked(Id(3), Wanted::kNo);
  EXPECT_EQ(store_.Load(log_)->size(), 2U);
  EXPECT_THAT(log_.text(), HasSubstr("is not run: nobody in Mistral waits for it any more"));
  // Nothing is reported of it.
  EXPECT_FALSE(table_->OldestUnreported());
}

// A cancel leaves an action RUNNING: whoever looks at it is told.
TEST_F(Turns, ThatNobodyWaitsForAreReportedWhereTheirActionGoesOn) {
  Accept(1, Command("begin"));
  Accept(2, Command("begin"));
  Restart();
  std::thread runner([this] { EXPECT_EQ(Run(), ""); });
  EXPECT_EQ(table_->TakeToAsk(), Id(2));
  table_->Asked(Id(2), Wanted::kNotAbove);
  // On the disk, too: it is not run at the next start either.
  const auto kept = store_.Load(log_);
  for (const Job& job : *kept) EXPECT_TRUE(job.ended());
  for (const int number : {2, 1}) {
    clock_.steady += std::chrono::seconds(1);
    const auto job = table_->TakeToReport();
    ASSERT_TRUE(job);
    EXPECT_EQ(job->id, Id(number));
    EXPECT_THAT(job->report, HasSubstr("has not run it, or not again: its task or its execution"));
    // Such a one Mistral does not try again.
    EXPECT_THAT(job->report, HasSubstr(R"({"exit":143,)"));
    table_->Done(job->id);
  }
  EXPECT_THAT(*store_.Load(log_), IsEmpty());
  table_->StopRunning();
  runner.join();
}

TEST_F(Turns, OfWhatEndsARestDoNotWaitForMistral) {
  Accept(1, Command("end"));
  Accept(2, StepNamed("a-post"));
  Accept(3, StepNamed("a-fin"));
  Accept(4, StepNamed("a-pre"));
  Restart();
  EXPECT_THAT(RunAll(3), ElementsAre("end", "a-post", "a-fin"));
}

TEST_F(Turns, WaitForAMistralThatIsAwayOnlyWhereTheyMayBeginARest) {
  Accept(1, Command("begin"));
  Accept(2, StepNamed("a-pre"));
  Accept(3, StepNamed("a-copy"));
  Accept(4, StepNamed("another"));
  Restart();
  std::thread runner([this] { EXPECT_EQ(Run(), "a-copy"); });
  for (int i = 1; i <= 4; ++i) table_->Asked(*table_->TakeToAsk(), Wanted::kNoAnswer);
  runner.join();
  EXPECT_THAT(table_->List()[0].trouble, HasSubstr("Mistral, which is to be asked"));
  // It is asked again.
  clock_.steady += std::chrono::seconds(15);
  std::thread again([this] { EXPECT_EQ(Run(), "begin"); });
  std::vector<std::string> asked;
  for (int i = 0; i < 3; ++i) {
    asked.push_back(*table_->TakeToAsk());
    table_->Asked(asked.back(), asked.back() == Id(1) ? Wanted::kYes : Wanted::kNotKnown);
  }
  again.join();
  EXPECT_THAT(asked, ElementsAre(Id(1), Id(2), Id(4)));
}

TEST_F(Turns, OfWhatMistralHasNotKnownForADayDoNotCome) {
  Accept(1, StepNamed("a-pre"));
  Restart();
  clock_.wall += std::chrono::hours(25);
  std::thread runner([this] { EXPECT_EQ(Run(), ""); });
  table_->Asked(*table_->TakeToAsk(), Wanted::kNotKnown);
  EXPECT_THAT(table_->List(), IsEmpty());
  table_->StopRunning();
  runner.join();
}

TEST_F(Turns, ThatCameLateAreForWhatMistralStillWants) {
  Accept(1, StepNamed("a-pre"));
  clock_.steady += std::chrono::seconds(61);
  std::thread runner([this] { EXPECT_EQ(Run(), "b-pre"); });
  EXPECT_EQ(table_->TakeToAsk(), Id(1));
  table_->Asked(Id(1), Wanted::kNo);
  Accept(2, StepNamed("b-pre"));
  runner.join();
}

// It was handed in again while Mistral said so of the older one.
TEST_F(Turns, AreNotTakenFromWhoHasJustAskedForThem) {
  Accept(1, StepNamed("a-pre"));
  Restart();
  std::thread runner([this] { EXPECT_EQ(Run(), "a-pre"); });
  EXPECT_EQ(table_->TakeToAsk(), Id(1));
  Accept(2, StepNamed("a-pre"));
  table_->Asked(Id(1), Wanted::kNo);
  runner.join();
}

TEST_F(Turns, ComeAgainWhereAProcessCouldNotBeStarted) {
  Accept(1, StepNamed("a-post"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run(), "a-post");
    EXPECT_TRUE(table_->NotStarted(running_.back(), "no descriptors"));
    EXPECT_EQ(table_->List()[0].state, JobState::kAccepted);
    EXPECT_EQ(table_->List()[0].trouble, "its process cannot be started");
    clock_.steady += std::chrono::seconds(30);
  }
  // But not for ever.
  clock_.steady += std::chrono::minutes(5);
  EXPECT_EQ(Run(), "a-post");
  EXPECT_FALSE(table_->NotStarted(running_.back(), "no descriptors"));
}

}  // namespace
}  // namespace holdfast::agent
