// Two starts of one run id: of each what is written says so, and neither touches what is the other's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <thread>

#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunStart : public ::testing::Test {
 protected:
  RunStart() {
    world.Add("T::App#shop");
    world.Add("T::Volume#a", {"T::App#shop"});
    bundle = world.Publish();
  }
  std::string Objects() {
    std::string all;
    const auto keys = world.tenant.ListAll();
    for (const std::string& key : *keys) all += key + "\n" + *world.tenant.GetBytes(key) + "\n";
    return all;
  }
  World::Outcome Begin(const std::string& start, const std::string& record = "") {
    world.start = start;
    return world.Begin("run-1", bundle, record);
  }
  World::Outcome Step(const std::string& start, const std::string& step) {
    world.start = start;
    return world.Run("run-1", bundle, step);
  }
  World::Outcome End(const std::string& start, const std::string& status = "Failed") {
    world.start = start;
    return world.End("run-1", status);
  }

  World world;
  std::string bundle;
};

TEST_F(RunStart, ASecondStartOfAnIdTouchesNothingOfTheFirst) {
  ASSERT_EQ(Begin("one").code, ExitCode::kOk);
  ASSERT_EQ(Step("one", "app-shop-pre").code, ExitCode::kOk);
  const std::string before = Objects();
  const auto refused = Begin("two");
  EXPECT_EQ(refused.code, ExitCode::kLocked);
  EXPECT_THAT(refused.text,
              HasSubstr("run run-1 was started already, by test, at 2026-11-24T01:00:00"));
  EXPECT_EQ(Step("two", "volume-a-pre").code, ExitCode::kLocked);
  const auto ended = End("two");
  EXPECT_EQ(ended.code, ExitCode::kOk);
  EXPECT_THAT(ended.text, HasSubstr("nothing to end"));
  EXPECT_EQ(Objects(), before);
  // Its engine never says that it succeeded; did it all the same, this must not be green.
  EXPECT_EQ(End("two", "Succeeded").code, ExitCode::kLocked);
  EXPECT_EQ(Objects(), before);

  world.start = "one";
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  // Nor once it has ended.
  const std::string after = Objects();
  EXPECT_EQ(Begin("two").code, ExitCode::kLocked);
  EXPECT_EQ(Begin("two", "another").code, ExitCode::kLocked);
  EXPECT_EQ(End("two").code, ExitCode::kOk);
  EXPECT_EQ(Objects(), after);
}

TEST_F(RunStart, WhatIsTriedAgainFindsItsOwn) {
  // Every step, of the begin each write, is killed once and run again by the same engine.
  for (int at = 1;; ++at) {
    SCOPED_TRACE(at);
    ASSERT_LT(at, 100);
    world.bank.Arm(testing::FaultyBank::Fault::kStopAfter, at, true);
    const bool whole = Begin("one").code == ExitCode::kOk;
    world.bank.Disarm();
    if (whole) break;
    // Another start comes in between; and finds nothing that is its own.
    EXPECT_EQ(End("two").code, ExitCode::kOk);
  }
  EXPECT_EQ(Begin("one").code, ExitCode::kOk);
  for (const std::string& step : world.Steps(bundle)) {
    EXPECT_EQ(Step("one", step).code, ExitCode::kOk);
    EXPECT_EQ(Step("one", step).code, ExitCode::kOk);
  }
  for (int at = 1;; ++at) {
    SCOPED_TRACE(at);
    ASSERT_LT(at, 100);
    world.bank.Arm(testing::FaultyBank::Fault::kStopAfter, at, true);
    const bool whole = End("one").code == ExitCode::kOk;
    world.bank.Disarm();
    if (whole) break;
  }
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

TEST_F(RunStart, ByHandAStepWorksForWhicheverStartThereIs) {
  ASSERT_EQ(Begin("one").code, ExitCode::kOk);
  EXPECT_EQ(Begin("").text, "begun already");
  for (const std::string& step : world.Steps(bundle)) EXPECT_EQ(Step("", step).code, ExitCode::kOk);
  EXPECT_EQ(End("").code, ExitCode::kOk);
  EXPECT_EQ(End("one").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

TEST_F(RunStart, NoRunOfAnOlderBuildIsTakenForTheOwn) {
  ASSERT_EQ(Begin("").code, ExitCode::kOk);
  const std::string before = Objects();
  EXPECT_EQ(Begin("one").code, ExitCode::kLocked);
  EXPECT_EQ(End("one").code, ExitCode::kOk);
  EXPECT_EQ(Objects(), before);
}

// Two starts at once, as processes of two machines on one bank.
struct AtOnce {
  AtOnce() : right(&left.stored) {
    for (World* const world : {&left, &right}) {
      world->Add("T::App#shop");
      world->Add("T::Volume#a", {"T::App#shop"});
      bundle = world->Publish();
    }
    left.start = "left";
    right.start = "right";
  }
  // The codes of their `begin`; one that was refused is ended at once, as its engine does.
  void Begin(const std::string& record_of_left, const std::string& record_of_right) {
    std::barrier both(2);
    const auto begin = [&](World& world, const std::string& record, ExitCode& code) {
      both.arrive_and_wait();
      code = world.Begin("run-1", bundle, record).code;
      if (code != ExitCode::kOk) {
        EXPECT_EQ(world.End("run-1", "Failed").code, ExitCode::kOk);
      }
    };
    std::thread other([&] { begin(right, record_of_right, codes[1]); });
    begin(left, record_of_left, codes[0]);
    other.join();
  }
  World& Winner() { return codes[0] == ExitCode::kOk ? left : right; }

  World left;
  World right;
  std::string bundle;
  std::array<ExitCode, 2> codes{};
};

TEST(TwoStartsAtOnce, OneGoesToItsVerdict) {
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(round);
    AtOnce at_once;
    at_once.Begin("", "");
    ASSERT_EQ(std::count(at_once.codes.begin(), at_once.codes.end(), ExitCode::kOk), 1);
    EXPECT_EQ(std::count(at_once.codes.begin(), at_once.codes.end(), ExitCode::kLocked), 1);
    World& winner = at_once.Winner();
    EXPECT_EQ(winner.RunAll("run-1", at_once.bundle).code, ExitCode::kOk);
    EXPECT_EQ(winner.StateOf("run-1"), RecordState::kAvailable);
    EXPECT_THAT(winner.Unfinished(), IsEmpty());
  }
}

// Of a record of its own each, so that no lease keeps them apart.
TEST(TwoStartsAtOnce, OnTwoRecordsOneOfThemGoesOnAndTheOtherLeavesNothing) {
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(round);
    AtOnce at_once;
    // Neither brings the other's application to rest, so that it is no rival.
    World copies(&at_once.left.stored);
    copies.Add("T::Volume#b");
    at_once.bundle = copies.Publish();
    at_once.Begin("of-left", "of-right");
    ASSERT_EQ(std::count(at_once.codes.begin(), at_once.codes.end(), ExitCode::kOk), 1);
    EXPECT_EQ(std::count(at_once.codes.begin(), at_once.codes.end(), ExitCode::kLocked), 1);
    World& winner = at_once.Winner();
    EXPECT_THAT(winner.Unfinished(),
                ElementsAre(&winner == &at_once.left ? "of-left" : "of-right"));
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
