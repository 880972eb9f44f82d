#include "runtime/cli/at_rest.h"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

using runtime::Outcome;
using runtime::ResourceReport;
using std::chrono::milliseconds;

class AtRestTest : public testing::Test {
 protected:
  AtRestTest() { app_.quiesces = true; }
  void Ran(ActivityKind kind, int begin, int end, Outcome outcome = Outcome::kSucceeded) {
    runtime::ActivityReport activity;
    activity.kind = kind;
    activity.outcome.emplace();
    activity.outcome->outcome = outcome;
    activity.outcome->started = WallTime{} + milliseconds(begin);
    activity.outcome->ended = WallTime{} + milliseconds(end);
    app_.activities.push_back(std::move(activity));
  }
  // What ran so far is of an earlier epoch.
  void NextEpoch() {
    app_.earlier.push_back(std::move(app_.activities));
    app_.activities.clear();
    ++app_.epoch;
  }
  // "epoch: milliseconds", "still" for one that lasts, in order.
  std::string Rest() const {
    std::string text;
    for (const AtRest& rest : AtRestOf(app_)) {
      if (!text.empty()) text += ", ";
      text += std::to_string(rest.epoch) + ": ";
      text += rest.until ? std::to_string(rest.length().count()) : "still";
    }
    return text;
  }
  ResourceReport app_;
};

TEST_F(AtRestTest, LastsFromTheStartOfPreToTheEndOfPreFinish) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170);
  Ran(ActivityKind::kPost, 900, 910);
  EXPECT_EQ(Rest(), "1: 70");
}

TEST_F(AtRestTest, LastsToTheEndOfPostWhenPreFinishFailedOrWasOmitted) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170, Outcome::kFailed);
  Ran(ActivityKind::kPost, 900, 910);
  EXPECT_EQ(Rest(), "1: 810");
}

TEST_F(AtRestTest, IsNotOverWhenNothingThatLetsItGoOnSucceeded) {
  Ran(ActivityKind::kPre, 100, 120);
  EXPECT_EQ(Rest(), "1: still");
  Ran(ActivityKind::kPreFinish, 150, 170, Outcome::kFailed);
  EXPECT_EQ(Rest(), "1: still");
  Ran(ActivityKind::kPost, 900, 910, Outcome::kFailed);
  EXPECT_EQ(Rest(), "1: still");
}

TEST_F(AtRestTest, APreThatFailedHasUndoneItAndAHalfDoneOneHasNot) {
  Ran(ActivityKind::kPre, 100, 120, Outcome::kFailed);
  EXPECT_EQ(Rest(), "");
  app_.activities.clear();
  Ran(ActivityKind::kPre, 100, 120, Outcome::kHalfDone);
  EXPECT_EQ(Rest(), "1: still");
  Ran(ActivityKind::kPost, 200, 210);
  EXPECT_EQ(Rest(), "1: 110");
}

TEST_F(AtRestTest, WhatDoesNotQuiesceIsNeverAtRest) {
  app_.quiesces = false;
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170);
  EXPECT_EQ(Rest(), "");
}

TEST_F(AtRestTest, KeepsTheTimeOfAnEarlierEpoch) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170);
  NextEpoch();
  EXPECT_EQ(Rest(), "1: 70");
  Ran(ActivityKind::kPre, 1000, 1010);
  EXPECT_EQ(Rest(), "1: 70, 2: still");
  Ran(ActivityKind::kPreFinish, 1020, 1030);
  EXPECT_EQ(Rest(), "1: 70, 2: 30");
}

TEST_F(AtRestTest, LastsIntoTheNextEpochWhereNothingLetItGoOn) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPost, 150, 170, Outcome::kFailed);
  NextEpoch();
  EXPECT_EQ(Rest(), "1: still");
  Ran(ActivityKind::kPre, 1000, 1010);
  Ran(ActivityKind::kPreFinish, 1020, 1030);
  EXPECT_EQ(Rest(), "1: 930");
}

TEST_F(AtRestTest, AnEpochThatWasNeverAtRestIsNotNamed) {
  Ran(ActivityKind::kPre, 100, 120, Outcome::kFailed);
  NextEpoch();
  Ran(ActivityKind::kPre, 1000, 1010);
  Ran(ActivityKind::kPreFinish, 1020, 1030);
  EXPECT_EQ(Rest(), "2: 30");
}

}  // namespace
}  // namespace holdfast::cli
