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
  // Milliseconds; -1 for still, nullopt for never.
  std::optional<int> Rest() const {
    const auto rest = AtRestOf(app_);
    if (!rest) return std::nullopt;
    if (!rest->until) return -1;
    return static_cast<int>((*rest->until - rest->since) / milliseconds(1));
  }
  ResourceReport app_;
};

TEST_F(AtRestTest, LastsFromTheStartOfPreToTheEndOfPreFinish) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170);
  Ran(ActivityKind::kPost, 900, 910);
  EXPECT_EQ(Rest(), 70);
}

TEST_F(AtRestTest, LastsToTheEndOfPostWhenPreFinishFailedOrWasOmitted) {
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170, Outcome::kFailed);
  Ran(ActivityKind::kPost, 900, 910);
  EXPECT_EQ(Rest(), 810);
}

TEST_F(AtRestTest, IsNotOverWhenNothingThatLetsItGoOnSucceeded) {
  Ran(ActivityKind::kPre, 100, 120);
  EXPECT_EQ(Rest(), -1);
  Ran(ActivityKind::kPreFinish, 150, 170, Outcome::kFailed);
  EXPECT_EQ(Rest(), -1);
  Ran(ActivityKind::kPost, 900, 910, Outcome::kFailed);
  EXPECT_EQ(Rest(), -1);
}

TEST_F(AtRestTest, APreThatFailedHasUndoneItAndAHalfDoneOneHasNot) {
  Ran(ActivityKind::kPre, 100, 120, Outcome::kFailed);
  EXPECT_EQ(Rest(), std::nullopt);
  app_.activities.clear();
  Ran(ActivityKind::kPre, 100, 120, Outcome::kHalfDone);
  EXPECT_EQ(Rest(), -1);
  Ran(ActivityKind::kPost, 200, 210);
  EXPECT_EQ(Rest(), 110);
}

TEST_F(AtRestTest, WhatDoesNotQuiesceIsNeverAtRest) {
  app_.quiesces = false;
  Ran(ActivityKind::kPre, 100, 120);
  Ran(ActivityKind::kPreFinish, 150, 170);
  EXPECT_EQ(Rest(), std::nullopt);
}

}  // namespace
}  // namespace holdfast::cli
