#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <thread>

#include "runtime/step/rival.h"
#include "runtime/store/lease.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two plans over one application.
class Rivals : public ::testing::Test {
 protected:
  Rivals() {
    world.Add("T::App#shop");
    world.Add("T::Volume#a", {"T::App#shop"});
    one = world.Publish();
    world.Add("T::Plain#more");
    two = world.Publish();
  }
  // What a run of that record has in the bank, but for leases, which always stay.
  std::vector<std::string> ObjectsOf(const std::string& run) {
    std::vector<std::string> found;
    const auto keys = world.tenant.ListAll();
    for (const std::string& key : *keys) {
      if (key.find(run) != std::string::npos && !key.starts_with("leases/")) found.push_back(key);
    }
    return found;
  }

  World world;
  std::string one;
  std::string two;
};

TEST_F(Rivals, SecondRunThatBringsOneResourceToRestIsRefusedAndLeavesNothing) {
  ASSERT_EQ(world.Begin("first", one).code, ExitCode::kOk);
  world.Run("first", one, "app-shop-pre");
  const auto refused = world.Begin("second", two);
  EXPECT_EQ(refused.code, ExitCode::kLocked);
  EXPECT_THAT(refused.text, HasSubstr("run first, started by test, brings T::App#shop to rest"));
  EXPECT_THAT(refused.text, HasSubstr("holdfast gc --run first"));
  EXPECT_THAT(ObjectsOf("second"), IsEmpty());
  // Neither its steps nor its end touch what the first one holds.
  for (const std::string& step : world.Steps(two)) world.Run("second", two, step);
  EXPECT_EQ(world.End("second").code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, ElementsAre("T::App#shop"));
  EXPECT_THAT(world.calls, ElementsAre("pre T::App#shop"));
  // The same run may be tried again, and goes on once the first has ended.
  EXPECT_EQ(world.Begin("second", two).code, ExitCode::kLocked);
  world.End("first");
  EXPECT_EQ(world.RunAll("second", two).code, ExitCode::kOk);
}

TEST_F(Rivals, NobodyLetsTheResourceGoOnInsideTheWindowOfAnother) {
  // The first one's engine dies; gc ends it when the operator says so, and only then another begins.
  world.Begin("dead", one);
  world.Run("dead", one, "app-shop-pre");
  EXPECT_EQ(world.Begin("next", two).code, ExitCode::kLocked);
  std::vector<runtime::GcAction> actions;
  runtime::GcOptions options;
  options.run = "dead";
  world.CollectGarbage(options, &actions);
  EXPECT_THAT(world.quiesced, IsEmpty());
  ASSERT_EQ(world.Begin("next", two).code, ExitCode::kOk);
  world.Run("next", two, "app-shop-pre");
  // Nothing that comes late for the first one reaches the application any more.
  world.CollectGarbage(options, &actions);
  world.End("dead");
  world.Run("dead", one, "app-shop-post");
  EXPECT_THAT(world.quiesced, ElementsAre("T::App#shop"));
  EXPECT_EQ(world.RunAll("next", two).code, ExitCode::kOk);
}

// What a restore has stopped a protect must not find at rest and take for its own window, nor read what is
// only half written; and the other way round.
TEST_F(Rivals, ProtectAndRestoreOfOneApplicationGiveWayToEachOther) {
  ASSERT_EQ(world.RunAll("made", two).code, ExitCode::kOk);
  const std::string restore = world.Publish(Operation::kRestore, "made");
  ASSERT_EQ(world.Begin("restores", restore).code, ExitCode::kOk);
  world.Run("restores", restore, "app-shop-pre");
  const auto refused = world.Begin("protects", two);
  EXPECT_EQ(refused.code, ExitCode::kLocked);
  EXPECT_THAT(refused.text, HasSubstr("run restores, started by test, brings T::App#shop to rest"));
  EXPECT_THAT(refused.text, HasSubstr("and the restore restores is not ended"));
  EXPECT_THAT(ObjectsOf("protects"), IsEmpty());
  EXPECT_EQ(world.RunAll("restores", restore).code, ExitCode::kOk);

  ASSERT_EQ(world.Begin("protects", two).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("restores-again", restore).code, ExitCode::kLocked);
  EXPECT_EQ(world.RunAll("protects", two).code, ExitCode::kOk);

  // A dead one is ended by whoever comes, when its lease is over.
  ASSERT_EQ(world.Begin("dead", restore).code, ExitCode::kOk);
  world.Run("dead", restore, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  EXPECT_EQ(world.Begin("next", two).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("dead", runtime::RecordKind::kRestore), RecordState::kError);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(Rivals, ResumeGivesWayToo) {
  world.script["parallel T::Volume#a"].fails = true;
  EXPECT_EQ(world.RunAll("old", one).code, ExitCode::kRunFailed);
  world.script.clear();
  ASSERT_EQ(world.Begin("first", two).code, ExitCode::kOk);
  const auto before = ObjectsOf("old");
  EXPECT_EQ(world.Begin("again", one, "old").code, ExitCode::kLocked);
  EXPECT_EQ(ObjectsOf("old"), before);
  EXPECT_THAT(ObjectsOf("again"), IsEmpty());
  EXPECT_THAT(world.Unfinished(), ElementsAre("first"));
  world.End("first");
  EXPECT_EQ(world.RunAll("again", one, "old").code, ExitCode::kOk);
}

// No token is removed, and the last lease names the epochs that count: whoever looks at it then finds their table.
TEST_F(Rivals, AResumeThatGivesWayLeavesTheEpochsThatAreInForce) {
  world.script["parallel T::Volume#a"].fails = true;
  EXPECT_EQ(world.RunAll("old", one).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.RunAll("mid", one, "old").code, ExitCode::kRunFailed);
  world.script.clear();
  const auto before = *runtime::CurrentLease(world.tenant, "old");
  ASSERT_FALSE(before->epochs.empty());
  ASSERT_EQ(world.Begin("first", two).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("again", one, "old").code, ExitCode::kLocked);
  const auto after = *runtime::CurrentLease(world.tenant, "old");
  EXPECT_GT(after->token, before->token);
  EXPECT_TRUE(after->released);
  EXPECT_EQ(after->epochs, before->epochs);
  EXPECT_THAT(*world.tenant.ListAll("leases/old/"), ::testing::SizeIs(after->token));
  world.End("first");
  // Once its engine has ended the refused one, nothing of it begins any more.
  ASSERT_EQ(world.End("again", "Failed", "old").code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("again", one, "old").code, ExitCode::kLocked);
  EXPECT_EQ(world.RunAll("next", one, "old").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("old"), RecordState::kAvailable);
}

// The withdrawal is killed anywhere: nobody is kept out for longer than some minutes, and gc finds what it leaves.
TEST_F(Rivals, OneThatIsKilledWhileItGivesWayKeepsNobodyOffForLong) {
  ASSERT_EQ(world.Begin("first", two).code, ExitCode::kOk);
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE("killed before change " + std::to_string(n));
    const std::string run = "b-" + std::to_string(n);
    world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    const auto killed = world.Begin(run, one);
    world.bank.Disarm();
    world.now += std::chrono::minutes(11);
    EXPECT_EQ(world.Begin(run, one).code, ExitCode::kLocked);
    EXPECT_THAT(ObjectsOf(run), IsEmpty());
    if (killed.code == ExitCode::kLocked) {
      EXPECT_GT(n, 4U);
      break;
    }
  }
}

TEST_F(Rivals, WhatComesToRestInNoOtherRunMayRunBesideIt) {
  World other;
  other.Add("T::App#other");
  const std::string app = other.Publish();
  World copies;
  copies.Add("T::Volume#a");
  const std::string volume = copies.Publish();
  for (const World* const from : {&other, &copies}) {
    const auto keys = from->tenant.ListAll("bundles/");
    for (const std::string& key : *keys)
      ASSERT_TRUE(world.tenant.PutBytes(key, *from->tenant.GetBytes(key)));
  }
  ASSERT_EQ(world.Begin("first", one).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("another-application", app).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("no-application", volume).code, ExitCode::kOk);
}

TEST_F(Rivals, OneOnWhichNobodyWorksAnyMoreIsEndedFirst) {
  world.Begin("dead", one);
  world.Run("dead", one, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  const auto begun = world.Begin("next", two);
  EXPECT_EQ(begun.code, ExitCode::kOk) << begun.text;
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("dead"), RecordState::kError);
  EXPECT_THAT(world.Unfinished(), ElementsAre("next"));
}

// Whoever was killed before its record was written owes nothing, and has nobody who would run it again: it costs no later night.
TEST_F(Rivals, OneThatWasKilledAsItBeganIsInNobodysWayOnceItsLeaseIsOver) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE("killed before change " + std::to_string(n));
    const std::string dead = "dead-" + std::to_string(n);
    const std::string next = "next-" + std::to_string(n);
    world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    const auto killed = world.Begin(dead, one);
    world.bank.Disarm();
    world.now += runtime::kLeaseExpiry;
    const auto begun = world.Begin(next, two);
    EXPECT_EQ(begun.code, ExitCode::kOk) << begun.text;
    // It comes no further any more.
    EXPECT_NE(world.Begin(dead, one).code, ExitCode::kOk);
    world.End(next);
    world.now += runtime::kLeaseExpiry;
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    EXPECT_THAT(world.Unfinished(), IsEmpty());
    if (killed.code == ExitCode::kOk) break;
  }
}

// Whoever ends the dead one and is killed has its lease then, for as long as leases last.
TEST_F(Rivals, OneThatWasJustBeingEndedIsFoundByItsOwnRun) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE("killed before change " + std::to_string(n));
    const std::string dead = "dead-" + std::to_string(n);
    const std::string next = "next-" + std::to_string(n);
    world.Begin(dead, one);
    world.Run(dead, one, "app-shop-pre");
    world.now += runtime::kLeaseExpiry;
    world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    const auto killed = world.Begin(next, two);
    world.bank.Disarm();
    world.now += std::chrono::minutes(2);
    const auto unfinished = world.Unfinished();
    if (std::find(unfinished.begin(), unfinished.end(), dead) != unfinished.end()) {
      const std::string third = "third-" + std::to_string(n);
      const auto refused = world.Begin(third, two);
      if (refused.text.find("the checkpoint " + dead + " is not ended") != std::string::npos) {
        EXPECT_THAT(refused.text, HasSubstr("holdfast gc --run " + dead + ","));
      }
      world.End(third);
    }
    runtime::GcOptions options;
    std::vector<runtime::GcAction> actions;
    options.run = dead;
    world.CollectGarbage(options, &actions);
    EXPECT_THAT(world.quiesced, IsEmpty());
    EXPECT_THAT(world.Unfinished(), ::testing::Not(::testing::Contains(dead)));
    EXPECT_EQ(world.Begin(next, two).code, ExitCode::kOk);
    world.End(next);
    ASSERT_THAT(world.Unfinished(), IsEmpty());
    if (killed.code == ExitCode::kOk) break;
  }
}

TEST_F(Rivals, OneWhoseCleanUpCannotBeMadeStaysInTheWay) {
  world.Begin("dead", one);
  world.Run("dead", one, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  world.script["post T::App#shop"].hangs = true;
  EXPECT_EQ(world.Begin("next", two).code, ExitCode::kLocked);
  EXPECT_THAT(ObjectsOf("next"), IsEmpty());
  world.script.clear();
  EXPECT_EQ(world.Begin("next", two).code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
}

TEST_F(Rivals, NeverDoBothGoOnWhereverOneIsKilled) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE("killed before change " + std::to_string(n));
    const std::string first = "a-" + std::to_string(n);
    const std::string second = "b-" + std::to_string(n);
    world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    const auto killed = world.Begin(first, one);
    world.bank.Disarm();
    const bool second_begins = world.Begin(second, two).code == ExitCode::kOk;
    const bool first_begins = world.Begin(first, one).code == ExitCode::kOk;
    EXPECT_NE(first_begins, second_begins);
    world.End(first);
    world.End(second);
    // One that died before it had taken its lease: gc finds its marker.
    world.now += std::chrono::minutes(2);
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    EXPECT_THAT(world.Unfinished(), IsEmpty());
    if (killed.code == ExitCode::kOk) break;
  }
}

TEST_F(Rivals, OfTwoThatBeginAtOnceExactlyOneGoesOn) {
  world.identity = OwnProcessIdentity();
  for (int round = 0; round < 50; ++round) {
    const std::string first = "a-" + std::to_string(round);
    const std::string second = "b-" + std::to_string(round);
    World::Outcome a;
    World::Outcome b;
    {
      std::barrier start(2);
      const std::jthread one_thread([&] {
        start.arrive_and_wait();
        a = world.Begin(first, one);
      });
      start.arrive_and_wait();
      b = world.Begin(second, two);
    }
    EXPECT_NE(a.code == ExitCode::kOk, b.code == ExitCode::kOk) << a.text << "\n" << b.text;
    world.End(first);
    world.End(second);
    ASSERT_THAT(world.Unfinished(), IsEmpty());
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
