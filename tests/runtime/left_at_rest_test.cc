#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/protect_fixture.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// One whose application is still at rest when it has ended: pre_finish and post failed.
class LeftAtRest : public Protect {
 protected:
  LeftAtRest() {
    Publish();
    world.script["pre_finish T::App#shop"].fails = true;
    world.script["post T::App#shop"].fails = true;
  }
  // The script undoes also what it fails to undo: what failed in earnest has left it at rest.
  void RunAll(const std::string& run, const std::string& record = "") {
    EXPECT_EQ(world.RunAll(run, bundle, record).code, ExitCode::kRunFailed);
    world.quiesced.insert("T::App#shop");
  }
  std::vector<runtime::GcAction> CollectGarbage(const std::string& run = "", bool dry_run = false) {
    runtime::GcOptions options;
    options.run = run;
    options.dry_run = dry_run;
    options.remove_orphans = false;
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage(options, &actions);
    return actions;
  }
  void ExpectNamed(const std::string& run) {
    const auto actions = CollectGarbage();
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(actions.front().failed);
    EXPECT_THAT(actions.front().action, HasSubstr("T::App#shop may still be at rest"));
    ASSERT_TRUE(actions.front().retry.has_value());
    EXPECT_EQ(actions.front().retry->run, run);
  }
  void ExpectCleanedUp() {
    EXPECT_THAT(world.quiesced, IsEmpty());
    EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
    const auto record =
        runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
    EXPECT_THAT((*record->State())->reason, Not(HasSubstr("at rest")));
    EXPECT_THAT(CollectGarbage(), IsEmpty());
  }
};

TEST_F(LeftAtRest, IsNamedByEveryGcAndCleanedUpByTheGcOfItsRun) {
  RunAll("run-1");
  world.script.clear();
  ExpectNamed("run-1");
  ExpectNamed("run-1");
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 1U);  // nobody said that it would succeed now
  const auto would = CollectGarbage("run-1", true);
  ASSERT_EQ(would.size(), 1U);
  EXPECT_THAT(would.front().told, ElementsAre("clean up: post of T::App#shop"));
  EXPECT_THAT(world.quiesced, ElementsAre("T::App#shop"));
  const auto actions = CollectGarbage("run-1");
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_FALSE(actions.front().failed) << actions.front().action;
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"),
              ElementsAre("failed", "succeeded"));
  ExpectCleanedUp();
  // There is nothing left to try: the same gc again calls nothing.
  EXPECT_THAT(CollectGarbage("run-1"), IsEmpty());
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 2U);
}

TEST_F(LeftAtRest, IsTriedAgainAsOftenAsSomebodySaysSo) {
  RunAll("run-1");
  for (int i = 0; i < 2; ++i) {
    const auto actions = CollectGarbage("run-1");
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(actions.front().failed);
    ASSERT_TRUE(actions.front().retry.has_value());
    EXPECT_EQ(actions.front().retry->run, "run-1");
    ExpectNamed("run-1");
  }
  world.script.clear();
  CollectGarbage("run-1");
  ExpectCleanedUp();
}

TEST_F(LeftAtRest, ByAResumeIsCleanedUpByTheGcOfThatRun) {
  const auto scripted = world.script;
  world.script.clear();
  world.script["parallel T::Volume#a"].fails = true;
  world.RunAll("run-1", bundle);
  ASSERT_THAT(CollectGarbage(), IsEmpty());
  world.script = scripted;
  RunAll("run-2", "run-1");
  world.script.clear();
  ExpectNamed("run-2");
  CollectGarbage("run-2");
  ExpectCleanedUp();
}

TEST_F(LeftAtRest, IsNotForgottenWhenAResumeDoesNotEvenBeginToPrepare) {
  RunAll("run-1");
  world.script["pre T::App#shop"].fails = true;
  RunAll("run-2", "run-1");
  world.script.clear();
  ExpectNamed("run-2");
  CollectGarbage("run-2");
  ExpectCleanedUp();
}

TEST_F(LeftAtRest, IsCleanedUpAlsoAfterAGcThatWasKilled) {
  RunAll("run-1");
  const auto last = runtime::CurrentLease(world.tenant, "run-1");
  runtime::LeaseRequest of_gc;
  of_gc.run = "gc-killed";
  of_gc.ending = true;
  of_gc.after = (*last)->token;
  of_gc.epochs = (*last)->epochs;
  ASSERT_TRUE(runtime::TakeLease(world.tenant, "run-1", of_gc, world.now));
  world.script.clear();
  ExpectNamed("run-1");
  CollectGarbage("run-1");
  ExpectCleanedUp();
}

TEST_F(LeftAtRest, IsCleanedUpBeforeADeletionForgetsIt) {
  RunAll("run-1");
  world.script.clear();
  EXPECT_EQ(world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1")).code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
}

TEST_F(LeftAtRest, IsDeletedAllTheSameWhereItsPostFailsForEver) {
  RunAll("run-1");
  const std::string deletion = world.Publish(Operation::kDelete, "run-1");
  EXPECT_EQ(world.Begin("del-1", deletion).code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("post T::App#shop"), 2U);
  world.script.clear();  // it is the deletion's, too
  for (const std::string& step : world.Steps(deletion)) world.Run("del-1", deletion, step);
  EXPECT_EQ(world.End("del-1").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
  EXPECT_THAT(CollectGarbage(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
