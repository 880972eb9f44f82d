#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/step/claim_wait.h"
#include "tests/runtime/protect_fixture.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(Protect, MakesAnAvailableCheckpoint) {
  Publish();
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_THAT(world.snapshots, IsEmpty());
  EXPECT_EQ(world.calls.size(), 9U);
  EXPECT_LT(Position("pre T::Volume#b"), Position("pre_finish T::App#shop"));
  EXPECT_TRUE(world.all_succeeded.at("post T::App#shop"));
}

TEST_F(Protect, StepRunAgainReturnsTheRecordedResult) {
  Publish();
  world.Begin("run-1", bundle);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 1U);
}

TEST_F(Protect, FailedStepRunAgainFailsAgainWithoutACall) {
  Publish();
  world.script["pre T::App#shop"].fails = true;
  world.Begin("run-1", bundle);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kActivityFailed);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kActivityFailed);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 1U);
}

TEST_F(Protect, FailedPreLeavesOutEverythingBelowAndItsOwnPost) {
  Publish();
  world.script["pre T::App#shop"].fails = true;
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("as the script says"));
  EXPECT_THAT(world.calls, ElementsAre("pre T::App#shop"));
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-pre", "pre T::Volume#a"), ElementsAre("omitted"));
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"), ElementsAre("omitted"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST_F(Protect, StepWhoseGateFailedExits20) {
  Publish();
  world.script["pre T::App#shop"].fails = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOmitted);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOmitted);
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-pre", "pre T::Volume#a"), ElementsAre("omitted"));
}

TEST_F(Protect, FailedCopyStillResumesAndCleansUp) {
  Publish();
  world.script["parallel T::Volume#a"].fails = true;
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(world.calls, Contains("post T::Volume#a"));
  EXPECT_THAT(world.calls, Contains("post T::App#shop"));
  EXPECT_THAT(world.snapshots, IsEmpty());
  EXPECT_FALSE(world.all_succeeded.at("post T::Volume#a"));
  EXPECT_TRUE(world.all_succeeded.at("post T::Volume#b"));
  EXPECT_FALSE(world.all_succeeded.at("post T::App#shop"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST_F(Protect, FailedPreFinishLeavesOutTheParallelButNotThePost) {
  world.Add("T::App#inner", {"T::App#shop"});
  world.Add("T::Plain#p", {"T::App#inner"});
  Publish();
  world.script["pre_finish T::App#shop"].fails = true;
  world.RunAll("run-1", bundle);
  EXPECT_THAT(world.calls, Contains("post T::App#shop"));
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(Protect, FailedCleanUpFailsTheRun) {
  Publish();
  world.script["post T::Volume#a"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.CallsOf("post T::Volume#a"), 1U);  // recorded: `end` does not repeat it
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST_F(Protect, VerdictNamesWhatFailedBeforeWhatWasNeverStarted) {
  world.Add("T::Volume#z", {"T::App#shop"});
  Publish();
  world.script["pre T::Volume#b"].fails = true;
  world.script["pre T::Volume#z"].stopped = true;
  world.Begin("run-1", bundle);
  for (const char* const step : {"app-shop-pre", "volume-z-pre", "volume-b-pre"})
    world.Run("run-1", bundle, step);
  const auto end = world.End("run-1");
  EXPECT_THAT(end.text, HasSubstr("is error: pre of T::Volume#b failed: "));
  EXPECT_THAT(end.text, HasSubstr("; pre of T::Volume#z did not end; "));
  EXPECT_THAT(end.text, HasSubstr(" was not started; and "));
}

TEST_F(Protect, VerdictNamesTheFirstFailureFirst) {
  Publish();
  world.script["pre T::Volume#a"].fails = true;
  world.script["pre T::Volume#b"].fails = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.Run("run-1", bundle, "volume-b-pre");
  world.now += std::chrono::seconds(1);
  world.Run("run-1", bundle, "volume-a-pre");
  const auto end = world.End("run-1");
  EXPECT_LT(end.text.find("pre of T::Volume#b failed"), end.text.find("pre of T::Volume#a failed"));
}

TEST_F(Protect, LockedActivityIsTriedAgainAndHasNoOutcomeBefore) {
  Publish();
  world.script["pre T::Volume#a"].locked = 2;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  for (int i = 0; i < 2; ++i) {
    const auto locked = world.Run("run-1", bundle, "volume-a-pre");
    EXPECT_EQ(locked.code, ExitCode::kTryAgain);
    EXPECT_THAT(locked.text, HasSubstr("somebody writes"));
  }
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-pre", "pre T::Volume#a"), IsEmpty());
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

TEST_F(Protect, ActivityThatStaysLockedIsCleanedUpAfterAndSaysBy) {
  Publish();
  world.script["pre T::Volume#a"].locked = 1000;
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("pre of T::Volume#a did not end: somebody writes [end that]"));
  // It had journaled an intent.
  EXPECT_EQ(world.CallsOf("post T::Volume#a"), 1U);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST_F(Protect, StopIsNoOutcomeAndEndCleansUpInOrder) {
  Publish();
  world.script["parallel T::Volume#a"].stopped = true;
  world.Begin("run-1", bundle);
  for (const char* const step : {"app-shop-pre", "volume-a-pre", "volume-b-pre"}) {
    EXPECT_EQ(world.Run("run-1", bundle, step).code, ExitCode::kOk);
  }
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-parallel").code, ExitCode::kTerminated);
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-parallel", "parallel T::Volume#a"), IsEmpty());
  EXPECT_EQ(world.End("run-1").code, ExitCode::kRunFailed);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_THAT(world.snapshots, IsEmpty());
  EXPECT_LT(Position("post T::Volume#a"), Position("post T::App#shop"));
  EXPECT_LT(Position("post T::Volume#b"), Position("post T::App#shop"));
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"),
              ElementsAre("succeeded"));
}

TEST_F(Protect, StoppedStepRunsAgainInANewAttempt) {
  Publish();
  world.Begin("run-1", bundle);
  world.script["pre T::App#shop"].stopped = true;
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kTerminated);
  world.script.clear();
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
}

TEST_F(Protect, PreKilledAfterItsIntentIsCleanedUpOnce) {
  Publish();
  world.script["pre T::App#shop"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.bank.Disarm();
  EXPECT_THAT(world.quiesced, Contains("T::App#shop"));
  // The engine goes on with the post, whose gate did not succeed.
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-post").code, ExitCode::kOmitted);
  EXPECT_EQ(world.End("run-1").code, ExitCode::kRunFailed);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"),
              ElementsAre("succeeded"));
}

TEST_F(Protect, PreKilledBeforeItsIntentOwesNothing) {
  Publish();
  world.script["pre T::App#shop"].journals = false;
  world.script["pre T::App#shop"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.bank.Disarm();
  world.End("run-1");
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 0U);
}

TEST_F(Protect, TimedOutActivityHasNoOutcomeAndIsCleanedUp) {
  Publish();
  world.script["pre T::Volume#a"].hangs = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-pre", "pre T::Volume#a"), IsEmpty());
  EXPECT_THAT(world.Outcomes("run-1", "volume-a-post", "post T::Volume#a"),
              ElementsAre("succeeded"));
  EXPECT_THAT(world.snapshots, IsEmpty());
}

TEST_F(Protect, YieldsArePolledToTheEnd) {
  Publish();
  world.script["parallel T::Volume#a"].yields = 5;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
}

TEST_F(Protect, CommitPostIsOmittedWhenSomethingBeforeItFailed) {
  world.Add("T::Ledger#l");
  world.Add("T::Plain#p", {"T::Ledger#l"});
  Publish();
  world.script["parallel T::Plain#p"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.CallsOf("post T::Ledger#l"), 0U);  // neither the step nor `end`
  EXPECT_THAT(world.Outcomes("run-1", "ledger-l-post", "post T::Ledger#l"), ElementsAre("omitted"));
}

TEST_F(Protect, CommitPostRunsWhenAllBeforeItSucceeded) {
  world.Add("T::Ledger#l");
  world.Add("T::Plain#p", {"T::Ledger#l"});
  Publish();
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("post T::Ledger#l"), 1U);
}

TEST_F(Protect, FailFastLeavesOutPresAfterAFailureButNoPosts) {
  world.fail_fast = true;
  Publish();
  world.script["parallel T::Volume#a"].fails = true;
  world.Begin("run-1", bundle);
  for (const char* const step : {"app-shop-pre", "volume-a-pre"}) world.Run("run-1", bundle, step);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-parallel").code, ExitCode::kActivityFailed);
  const auto omitted = world.Run("run-1", bundle, "volume-b-pre");
  EXPECT_EQ(omitted.code, ExitCode::kOmitted);
  EXPECT_THAT(omitted.text, HasSubstr("fail fast"));
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-post").code, ExitCode::kOk);
}

TEST_F(Protect, FailFastTakesATimeOutForAFailure) {
  world.fail_fast = true;
  Publish();
  world.script["pre T::Volume#a"].hangs = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kActivityFailed);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-b-pre").code, ExitCode::kOmitted);
  EXPECT_THAT(world.End("run-1").text, HasSubstr("activity_timeout"));
}

TEST_F(Protect, BeginThatWasRefusedLeavesNothingForEnd) {
  Publish();
  EXPECT_EQ(world.Begin("run-1", std::string(64, '0')).code, ExitCode::kNotFound);
  EXPECT_EQ(world.End("run-1").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), std::nullopt);
}

TEST_F(Protect, StepBeforeItsBeginDoesNothing) {
  Publish();
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOmitted);
  EXPECT_THAT(world.calls, IsEmpty());
}

TEST_F(Protect, BeginTwiceByTheSameRunIsOneBegin) {
  Publish();
  EXPECT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
}

TEST_F(Protect, EndTwiceGivesTheSameVerdict) {
  Publish();
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.End("run-1").code, ExitCode::kOk);
}

TEST_F(Protect, StepAfterTheEndIsTooLate) {
  Publish();
  world.Begin("run-1", bundle);
  world.End("run-1");
  const auto late = world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(late.code, ExitCode::kLocked);
  EXPECT_THAT(late.text, HasSubstr("resume"));
  EXPECT_THAT(world.calls, IsEmpty());
}

TEST_F(Protect, OldTokenIsRefusedAndRecordsNothing) {
  Publish();
  world.script["pre T::App#shop"].loses_lease = true;
  world.Begin("run-1", bundle);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kLocked);
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-pre", "pre T::App#shop"), IsEmpty());
}

TEST_F(Protect, DeadProcessOfThisHostIsTakenOverAtOnce) {
  Publish();
  world.Begin("run-1", bundle);
  world.script["pre T::App#shop"].dies = true;
  world.Run("run-1", bundle, "app-shop-pre");
  world.bank.Disarm();
  world.script.clear();
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
}

TEST_F(Protect, DriftFailsTheVerdictButProtectsWhatIsInTheFile) {
  Publish();
  world.drift = "1 resource is new";
  const auto end = world.RunAll("run-1", bundle);
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("1 resource is new"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

TEST_F(Protect, ARunThatTheBankDoesNotKnowDidNotSucceedWhateverTheEngineSays) {
  Publish();
  EXPECT_EQ(world.End("run-1", "Failed").code, ExitCode::kOk);  // its begin was refused
  const auto end = world.End("run-1", "Succeeded");
  EXPECT_EQ(end.code, ExitCode::kCorrupt);
  EXPECT_THAT(end.text, HasSubstr("the bank knows nothing of it"));
}

TEST_F(Protect, ABeginThatIsStoppedWhileItListsFindsNoDrift) {
  Publish();
  world.stopped_while_listing = true;
  EXPECT_EQ(world.Begin("run-1", bundle).code, ExitCode::kTryAgain);
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
}

TEST_F(Protect, DriftUnderWarnIsNoFailure) {
  world.drift_policy = "warn";
  Publish();
  world.drift = "1 resource is new";
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
}

TEST_F(Protect, FusedLeafKeepsTheRulesInsideTheProcess) {
  world.fuse_leaves = true;
  world.Add("T::Volume#alone");
  Publish();
  world.script["parallel T::Volume#alone"].fails = true;
  world.Begin("run-1", bundle);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-alone-leaf").code, ExitCode::kActivityFailed);
  EXPECT_THAT(world.calls, ElementsAre("pre T::Volume#alone", "parallel T::Volume#alone",
                                       "post T::Volume#alone"));
  EXPECT_FALSE(world.all_succeeded.at("post T::Volume#alone"));
}

TEST_F(Protect, FusedLeafKilledBetweenActivitiesGoesOnWhereItWas) {
  world.fuse_leaves = true;
  world.Add("T::Volume#alone");
  Publish();
  world.script["parallel T::Volume#alone"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "volume-alone-leaf");
  world.bank.Disarm();
  world.script.clear();
  EXPECT_EQ(world.Run("run-1", bundle, "volume-alone-leaf").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("pre T::Volume#alone"), 1U);
  EXPECT_EQ(world.CallsOf("parallel T::Volume#alone"), 2U);
  EXPECT_EQ(world.CallsOf("post T::Volume#alone"), 1U);
}

TEST_F(Protect, FusedLeafKilledForGoodIsCleanedUpByEnd) {
  world.fuse_leaves = true;
  world.Add("T::Volume#alone");
  Publish();
  world.script["parallel T::Volume#alone"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "volume-alone-leaf");
  world.bank.Disarm();
  EXPECT_EQ(world.End("run-1").code, ExitCode::kRunFailed);
  EXPECT_EQ(world.CallsOf("post T::Volume#alone"), 1U);
  EXPECT_THAT(world.snapshots, IsEmpty());
}

TEST_F(Protect, AggregatedStepLeavesOutResourcesWhoseGateFailed) {
  World group;
  group.Add("T::App#good");
  group.Add("T::App#bad");
  group.Add("T::Group#x", {"T::App#good"});
  group.Add("T::Group#y", {"T::App#bad"});
  const std::string made = group.Publish();
  group.script["pre T::App#bad"].fails = true;
  EXPECT_EQ(group.RunAll("run-1", made).code, ExitCode::kRunFailed);
  EXPECT_EQ(group.CallsOf("pre T::Group#x"), 1U);
  EXPECT_EQ(group.CallsOf("pre T::Group#y"), 0U);
  EXPECT_THAT(group.Outcomes("run-1", "group-pre", "pre T::Group#y"), ElementsAre("omitted"));
  EXPECT_THAT(group.Outcomes("run-1", "group-post", "post T::Group#x"), IsEmpty());
  EXPECT_EQ(group.CallsOf("post T::Group#x"), 1U);
}

TEST_F(Protect, ManifestThatDoesNotReadBackMakesNoAvailableCheckpoint) {
  Publish();
  world.Begin("run-1", bundle);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step);
  const auto keys = world.tenant.ListAll("checkpoints/run-1/data/");
  ASSERT_FALSE(keys->empty());
  ASSERT_TRUE(world.tenant.Delete(keys->front()));
  const auto end = world.End("run-1");
  EXPECT_EQ(end.code, ExitCode::kRunFailed);
  EXPECT_THAT(end.text, HasSubstr("does not read back"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST_F(Protect, PostLearnsThatNothingBelowItBegan) {
  Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.End("run-1");
  EXPECT_FALSE(world.below_began.at("post T::App#shop"));
}

TEST_F(Protect, WhatWasOmittedBelowAPostHasNotBegun) {
  Publish();
  world.script["pre T::App#shop"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.bank.Disarm();
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOmitted);
  world.End("run-1");
  EXPECT_FALSE(world.below_began.at("post T::App#shop"));
}

TEST_F(Protect, PostLearnsThatSomethingBelowItBegan) {
  Publish();
  world.script["pre T::Volume#a"].dies = true;
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.Run("run-1", bundle, "volume-a-pre");
  world.bank.Disarm();
  world.End("run-1");
  EXPECT_TRUE(world.below_began.at("post T::App#shop"));
  EXPECT_FALSE(world.below_began.at("post T::Volume#a"));
}

}  // namespace
}  // namespace holdfast::testing_runtime
