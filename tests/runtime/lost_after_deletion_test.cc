#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/stored_object.h"
#include "tests/runtime/woken_scene.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Thrown out of a call to the bank: the process makes no other one.
struct Killed {};

// Of a deletion that failed, with a part of the data gone, an object is lost that said so: gc makes nothing good of it.
class LostAfterADeletion : public ::testing::Test {
 protected:
  LostAfterADeletion() {
    scene.Protect();
    EXPECT_EQ(scene.Copy().code, ExitCode::kOk);
    scene.target.script["parallel T::Volume#a"].fails = true;
    EXPECT_EQ(scene.Delete("del-1").code, ExitCode::kRunFailed);
    scene.target.script.clear();
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  }
  Scene scene;
};

TEST_F(LostAfterADeletion, TheStateOfTheCheckpoint) {
  ASSERT_TRUE(scene.target.tenant.Delete("checkpoints/run-1/state/000002"));
  ASSERT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
  // That no index names it is what says that it is no good one.
  scene.CollectGarbage();
  EXPECT_THAT(scene.Damage(), Contains("indices-lost run-1"));
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

TEST_F(LostAfterADeletion, TheStateOfTheDeletion) {
  ASSERT_TRUE(scene.target.tenant.Delete("deletions/del-1/state/000001"));
  scene.CollectGarbage();
  EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

// What a run has done in a record whose state is lost before the run ended.
class LostBeforeAnEnd : public ::testing::Test {
 protected:
  // All of it but its end, and then without its state.
  void RunOnly(const std::string& record, const std::string& bundle, const std::string& states) {
    ASSERT_EQ(world.Begin(record, bundle).code, ExitCode::kOk);
    for (const std::string& step : world.Steps(bundle)) world.Run(record, bundle, step);
    ASSERT_TRUE(world.tenant.Delete(states + record + "/state/000001"));
  }
  void StopADeletion() {
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    world.script["parallel T::Volume#a"].fails = true;
    RunOnly("del-1", world.Publish(Operation::kDelete, "run-1"), "deletions/");
    world.script.clear();
  }
  // From listings.
  void HideJournals() {
    scene.lagging.Hide(
        [](const std::string& key) { return key.find("/journal/") != std::string::npos; });
  }
  void ExpectDeletedByTheNext() {
    EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleting);
    EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
    const auto next = scene.Delete("del-2");
    EXPECT_EQ(next.code, ExitCode::kOk) << next.text;
    EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
  }
  // A protect of which only the post that brings the application back is missing.
  std::string QuiesceOnly() {
    const std::string bundle = world.Publish();
    EXPECT_EQ(world.Begin("run-2", bundle).code, ExitCode::kOk);
    for (const std::string& step : world.Steps(bundle)) {
      world.Run("run-2", bundle, step);
      if (!world.quiesced.empty()) break;
    }
    EXPECT_THAT(world.quiesced, SizeIs(1));
    EXPECT_TRUE(world.tenant.Delete("checkpoints/run-2/state/000001"));
    return bundle;
  }
  Scene scene;
  World& world = scene.target;
};

TEST_F(LostBeforeAnEnd, OfADeletionItsEndMakesNothingGood) {
  StopADeletion();
  EXPECT_EQ(world.End("del-1").code, ExitCode::kRunFailed);
  ExpectDeletedByTheNext();
}

TEST_F(LostBeforeAnEnd, OfADeletionItsEndMakesNothingGoodWhateverIsListed) {
  StopADeletion();
  HideJournals();
  EXPECT_EQ(world.End("del-1").code, ExitCode::kRunFailed);
  scene.lagging.Hide(nullptr);
  ExpectDeletedByTheNext();
}

TEST_F(LostBeforeAnEnd, OfADeletionGcMakesNothingGoodWhateverIsListed) {
  StopADeletion();
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  HideJournals();
  scene.CollectGarbage();
  EXPECT_NE(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

TEST_F(LostBeforeAnEnd, OfADeletionOfWhatIsPinnedGcMakesNothingGood) {
  StopADeletion();
  // Written just as its begin looked for one.
  const BankSection checkpoint = scene.Checkpoint().section();
  const auto pin = runtime::DumpRecordObject(
      checkpoint,
      Value().Set("pinned", true).Set("time", "2026-11-24T01:00:00Z").Set("by", "somebody"), 1);
  ASSERT_TRUE(checkpoint.CreateExclusive(runtime::PinPrefix() + runtime::NumberPart(1), *pin,
                                         Settling::kAtOnce));
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  scene.CollectGarbage();
  EXPECT_NE(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

TEST_F(LostBeforeAnEnd, OfAProtectItsCleanUpsAreMadeByItsEnd) {
  QuiesceOnly();
  EXPECT_EQ(world.End("run-2").code, ExitCode::kRunFailed);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kError);
}

TEST_F(LostBeforeAnEnd, OfAProtectItsCleanUpsAreMadeByGc) {
  QuiesceOnly();
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  scene.CollectGarbage();
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kError);
}

// Of two runs one would bring the application to rest, and the other one copy.
TEST_F(LostBeforeAnEnd, OfAProtectTheNextRunIsAResume) {
  const std::string bundle = QuiesceOnly();
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  const std::size_t before = world.CallsOf("pre T::App#shop");
  const auto resumed = world.RunAll("run-3", bundle, "run-2");
  EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), before + 1);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_THAT(scene.Damage(), IsEmpty());
}

// A begin that resumes is killed, and tried again.
TEST_F(LostBeforeAnEnd, OfAProtectTheSecondTryOfTheNextRunIsAResume) {
  const std::string bundle = QuiesceOnly();
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  const std::size_t before = world.CallsOf("pre T::App#shop");
  scene.bank.PauseAt(Call::kPut, "epochs/", [] { throw Killed(); });
  EXPECT_THROW(world.Begin("run-3", bundle, "run-2"), Killed);
  EXPECT_FALSE(scene.bank.pending());
  const auto resumed = world.RunAll("run-3", bundle, "run-2");
  EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), before + 1);
}

// Its own steps are no earlier run's.
TEST_F(LostBeforeAnEnd, ATryOfABeginThatWasAwayLetsItsOwnRunGoOn) {
  const std::string bundle = world.Publish();
  scene.bank.PauseAt(Call::kCreateExclusive, "run-2/state/000001", [] { throw Killed(); });
  EXPECT_THROW(world.Begin("run-2", bundle), Killed);
  scene.bank.PauseAt(Call::kGet, "run-2/plan", [&] {
    EXPECT_EQ(world.Begin("run-2", bundle).code, ExitCode::kOk);
    for (const std::string& step : world.Steps(bundle)) {
      world.Run("run-2", bundle, step);
      if (!world.quiesced.empty()) break;
    }
  });
  EXPECT_EQ(world.Begin("run-2", bundle).code, ExitCode::kOk);
  EXPECT_FALSE(scene.bank.pending());
  EXPECT_THAT(world.quiesced, SizeIs(1));
  for (const std::string& step : world.Steps(bundle)) world.Run("run-2", bundle, step);
  const auto ended = world.End("run-2");
  EXPECT_EQ(ended.code, ExitCode::kOk) << ended.text;
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 1U);
}

TEST_F(LostBeforeAnEnd, WhoeverEndsItWasKilledItEndsTheSame) {
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.Begin("run-2", bundle).code, ExitCode::kOk);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-2", bundle, step);
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-2/state/000001"));
  scene.bank.PauseAt(Call::kCreateExclusive, "run-2/state/000002", [] { throw Killed(); });
  EXPECT_THROW(world.End("run-2"), Killed);
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kProtecting);
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kError);
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

// What is left of the states behind the first one counts.
class LostBehindAnEnd : public LostBeforeAnEnd {
 protected:
  LostBehindAnEnd() {
    const std::string bundle = world.Publish();
    EXPECT_EQ(world.Begin("run-2", bundle).code, ExitCode::kOk);
    for (const std::string& step : world.Steps(bundle)) world.Run("run-2", bundle, step);
    scene.bank.PauseAt(Call::kPut, "indices/by-", [] { throw Killed(); });
    EXPECT_THROW(world.End("run-2"), Killed);
    EXPECT_EQ(world.StateOf("run-2"), RecordState::kAvailable);
    EXPECT_TRUE(world.tenant.Delete("checkpoints/run-2/state/000001"));
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  }
};

TEST_F(LostBehindAnEnd, WhatIsNotWholeIsNotIndexed) {
  for (const std::string& key : scene.Keys("checkpoints/run-2/resources/")) {
    ASSERT_TRUE(world.tenant.Delete(key));
  }
  EXPECT_THAT(scene.CollectGarbage(), SizeIs(1));
  EXPECT_THAT(scene.CollectGarbage(), SizeIs(1));
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

TEST_F(LostBehindAnEnd, WhatItWasBroughtToCounts) {
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kAvailable);
  EXPECT_THAT(scene.Damage(), IsEmpty());
}

TEST_F(LostBeforeAnEnd, AResumeBehindALostStateIsBroughtToItsEnd) {
  const std::string bundle = world.Publish();
  world.script["parallel T::Volume#a"].fails = true;
  ASSERT_EQ(world.RunAll("run-2", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  ASSERT_EQ(world.Begin("run-3", bundle, "run-2").code, ExitCode::kOk);
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-2/state/000001"));
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_EQ(world.StateOf("run-2"), RecordState::kError);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
  EXPECT_THAT(scene.Damage(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
