#include "runtime/store/journal.h"

#include <gtest/gtest.h>

namespace holdfast::testing_runtime {
namespace {

using runtime::Attempt;
using runtime::AttemptResult;
using runtime::StepJournal;

Attempt Claimed(const std::string& run) {
  Attempt attempt;
  attempt.claim.run = run;
  return attempt;
}

Attempt Ended(const std::string& run, const std::string& how, const std::string& why = "") {
  Attempt attempt = Claimed(run);
  attempt.result.emplace();
  attempt.result->how = how;
  attempt.result->why = why;
  return attempt;
}

Attempt Failed(const std::string& run, const std::string& error) {
  Attempt attempt = Ended(run, "done");
  attempt.outcomes.emplace_back();
  attempt.outcomes.back().error = error;
  return attempt;
}

TEST(WhyAStepFailed, IsWhatItsLastAttemptOfTheRunSays) {
  EXPECT_EQ(StepJournal().WhyItFailed("r"), "");
  EXPECT_EQ((StepJournal{{Failed("r", "no space")}}).WhyItFailed("r"), "no space");
  EXPECT_EQ((StepJournal{{Ended("r", "locked", "a writer")}}).WhyItFailed("r"), "a writer");
  EXPECT_EQ((StepJournal{{Ended("r", "timed-out")}}).WhyItFailed("r"),
            "it took longer than activity_timeout");
  EXPECT_EQ(
      (StepJournal{{Ended("r", "locked", "a writer"), Failed("r", "no space")}}).WhyItFailed("r"),
      "no space");
}

TEST(WhyAStepFailed, IsNotWhatAnEarlierAttemptOrAnotherRunSaid) {
  EXPECT_EQ((StepJournal{{Ended("r", "locked", "a writer"), Claimed("r")}}).WhyItFailed("r"), "");
  EXPECT_EQ((StepJournal{{Failed("q", "no space")}}).WhyItFailed("r"), "");
  EXPECT_EQ((StepJournal{{Failed("q", "no space"), Claimed("r")}}).WhyItFailed("r"), "");
}

}  // namespace
}  // namespace holdfast::testing_runtime
