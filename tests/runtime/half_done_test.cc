#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/protect_fixture.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// --- a pre that fails and cannot undo its own half-done work -------------------------------------

class HalfDone : public Protect {
 protected:
  void FailPre(const std::string& resource) {
    Behaviour& behaviour = world.script["pre " + resource];
    behaviour.fails = true;
    behaviour.half_done = true;
  }
  std::string ReasonOf(const std::string& id) const {
    const auto record = runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, id);
    return (*record->State())->reason;
  }
};

TEST_F(HalfDone, StepFailsAndTheEndOfTheRunCleansUp) {
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  const auto pre = world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(pre.code, ExitCode::kActivityFailed);
  EXPECT_THAT(pre.text, HasSubstr("could not undo its half-done work: as the script says"));
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-pre", "pre T::App#shop"), ElementsAre("half-done"));
  EXPECT_THAT(world.quiesced, Contains("T::App#shop"));
  // Nothing below it runs, and its post does not take the clean-up away from `end`.
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOmitted);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-post").code, ExitCode::kOmitted);
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"), IsEmpty());
  const auto end = world.End("run-1");
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("pre of T::App#shop failed"));
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 1U);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

TEST_F(HalfDone, IsCleanedUpByGcWhenTheEngineDies) {
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_FALSE(actions.front().failed);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(HalfDone, IsOwedAlsoWhereNothingWasJournaled) {
  Publish();
  FailPre("T::App#shop");
  world.script["pre T::App#shop"].journals = false;
  world.RunAll("run-1", bundle);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(HalfDone, StepRunAgainIsCalledAgainAndCanSucceed) {
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.script.clear();
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step);
  const auto end = world.End("run-1");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

TEST_F(HalfDone, StepRunAgainThatUndoesEverythingOwesNothing) {
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.script["pre T::App#shop"].half_done = false;
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kActivityFailed);
  world.End("run-1");
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 0U);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(HalfDone, StepRunAgainAndKilledIsStillOwed) {
  Publish();
  FailPre("T::App#shop");
  world.script["pre T::App#shop"].journals = false;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.script["pre T::App#shop"].dies = true;
  world.Run("run-1", bundle, "app-shop-pre");
  world.bank.Disarm();
  world.End("run-1");
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 1U);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(HalfDone, ResumeCleansUpTheOldEpochFirst) {
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;  // the engine is dead: no `end`
  world.script.clear();
  EXPECT_EQ(world.Begin("run-2", bundle, "run-1").code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 1U);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-2", bundle, step, "run-1");
  const auto end = world.End("run-2");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 2U);
}

TEST_F(HalfDone, WhosePostFailsTooIsNamedByTheEndOfTheRun) {
  Publish();
  FailPre("T::App#shop");
  world.script["post T::App#shop"].fails = true;
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("T::App#shop may still be at rest: its post failed"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
  EXPECT_THAT(ReasonOf("run-1"), ::testing::StartsWith("T::App#shop may still be at rest"));
}

TEST_F(HalfDone, WhosePostFailsInGcIsAFailureOfGc) {
  Publish();
  FailPre("T::App#shop");
  world.script["post T::App#shop"].fails = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_TRUE(actions.front().failed);
  EXPECT_THAT(actions.front().action, HasSubstr("may still be at rest"));
}

TEST_F(HalfDone, WhosePostTimesOutStaysOwedAndGcTakesTheWordBack) {
  Publish();
  FailPre("T::App#shop");
  world.script["post T::App#shop"].hangs = true;
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("T::App#shop may still be at rest: its post did not end"));
  EXPECT_THAT(world.Unfinished(), ElementsAre("run-1"));
  world.script.erase("post T::App#shop");
  world.quiesced.insert("T::App#shop");
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_FALSE(actions.front().failed) << actions.front().action;
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
  EXPECT_THAT(ReasonOf("run-1"), Not(HasSubstr("at rest")));
  EXPECT_THAT(ReasonOf("run-1"), HasSubstr("pre of T::App#shop failed"));
}

TEST_F(HalfDone, DeletionMakesTheCleanUpThatIsOwedBeforeItForgetsIt) {
  Publish();
  FailPre("T::App#shop");
  world.script["post T::App#shop"].hangs = true;
  world.RunAll("run-1", bundle);
  world.quiesced.insert("T::App#shop");
  const std::string deletion = world.Publish(Operation::kDelete, "run-1");
  EXPECT_EQ(world.Begin("del-1", deletion).code, ExitCode::kTryAgain);
  EXPECT_THAT(world.Unfinished(), ElementsAre("run-1"));
  world.script.clear();
  EXPECT_EQ(world.RunAll("del-2", deletion).code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

TEST_F(HalfDone, FailFastLeavesOutOthersButNotTheStepItself) {
  world.fail_fast = true;
  world.Add("T::Volume#alone");
  Publish();
  FailPre("T::App#shop");
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(world.Run("run-1", bundle, "volume-alone-pre").code, ExitCode::kOmitted);
  world.script.clear();
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
}

TEST_F(HalfDone, FusedLeafIsCleanedUpByTheEndOfTheRun) {
  world.fuse_leaves = true;
  world.Add("T::Volume#alone");
  Publish();
  FailPre("T::Volume#alone");
  world.Begin("run-1", bundle);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-alone-leaf").code, ExitCode::kActivityFailed);
  EXPECT_EQ(world.CallsOf("parallel T::Volume#alone"), 0U);
  world.End("run-1");
  EXPECT_EQ(world.CallsOf("post T::Volume#alone"), 1U);
  EXPECT_THAT(world.snapshots, IsEmpty());
}

TEST_F(HalfDone, AggregatedStepIsCleanedUpForEachResource) {
  World group;
  group.Add("T::Group#x");
  group.Add("T::Group#y");
  const std::string made = group.Publish();
  group.script["pre T::Group#x"].fails = group.script["pre T::Group#x"].half_done = true;
  EXPECT_EQ(group.RunAll("run-1", made).code, ExitCode::kRunFailed);
  EXPECT_EQ(group.CallsOf("post T::Group#x"), 1U);
  EXPECT_EQ(group.CallsOf("post T::Group#y"), 1U);
  EXPECT_THAT(group.snapshots, IsEmpty());
}

TEST_F(HalfDone, CommitPostIsNotCalled) {
  world.Add("T::Ledger#l");
  Publish();
  FailPre("T::Ledger#l");
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.CallsOf("post T::Ledger#l"), 0U);
}

TEST_F(HalfDone, CountsMoreThanALaterOmission) {
  const ResourceKey key{"T::App", "shop"};
  runtime::StepJournal journal;
  for (const auto outcome : {runtime::Outcome::kHalfDone, runtime::Outcome::kOmitted}) {
    runtime::ActivityOutcome one;
    one.resource = key;
    one.outcome = outcome;
    one.reason = outcome == runtime::Outcome::kOmitted ? runtime::kReasonFailFast : "";
    journal.attempts.emplace_back().outcomes.push_back(one);
  }
  EXPECT_EQ(journal.Find(key, ActivityKind::kPre, 1)->outcome, runtime::Outcome::kHalfDone);
}

TEST_F(HalfDone, SaysNothingOfActivitiesOtherThanPre) {
  Publish();
  Behaviour& behaviour = world.script["post T::App#shop"];
  behaviour.fails = behaviour.half_done = true;
  world.RunAll("run-1", bundle);
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"), ElementsAre("failed"));
}

}  // namespace
}  // namespace holdfast::testing_runtime
