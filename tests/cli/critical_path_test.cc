#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/cli/critical_path.h"

namespace holdfast::cli {
namespace {

using runtime::ActivityReport;
using runtime::Outcome;
using runtime::RecordReport;
using runtime::ResourceReport;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class CriticalPathTest : public testing::Test {
 protected:
  // An activity of its own step, which is named RESOURCE-KIND, from `begin` to `end` ms.
  void Ran(const std::string& resource, ActivityKind kind, int begin, int end,
           std::vector<std::string> after, Outcome outcome = Outcome::kSucceeded) {
    auto found = std::find_if(report_.resources.begin(), report_.resources.end(),
                              [&](const auto& r) { return r.resource.name == resource; });
    if (found == report_.resources.end()) {
      ResourceReport made;
      made.resource.key = {"T", resource};
      made.resource.name = resource;
      found = report_.resources.insert(report_.resources.end(), std::move(made));
    }
    ActivityReport activity;
    activity.kind = kind;
    activity.step = resource + "-" + std::string(NameOf(kind));
    activity.outcome.emplace();
    activity.outcome->outcome = outcome;
    activity.outcome->started = WallTime{} + milliseconds(begin);
    activity.outcome->ended = WallTime{} + milliseconds(end);
    report_.order[activity.step] = std::move(after);
    found->activities.push_back(std::move(activity));
  }
  RecordReport report_;
};

TEST_F(CriticalPathTest, FollowsTheOrderOfTheStepsAndNotTheClock) {
  Ran("a", ActivityKind::kPre, 0, 10, {});
  Ran("a", ActivityKind::kParallel, 10, 500, {"a-pre"});
  Ran("b", ActivityKind::kParallel, 510, 900, {});  // waited for a slot, not for a
  Ran("a", ActivityKind::kPost, 900, 910, {"a-parallel"});
  EXPECT_THAT(CriticalPath(report_),
              ElementsAre("pre of a (10 ms)", "parallel of a (490 ms)", "post of a (10 ms)"));
}

TEST_F(CriticalPathTest, ComesToAnEndWhenAllTimesAreTheSame) {
  Ran("a", ActivityKind::kPre, 5, 5, {});
  Ran("b", ActivityKind::kPre, 5, 5, {"a-pre"});
  Ran("b", ActivityKind::kPost, 5, 5, {"b-pre"});
  Ran("a", ActivityKind::kPost, 5, 5, {"b-post", "a-pre"});
  EXPECT_LE(CriticalPath(report_).size(), 4U);
}

TEST_F(CriticalPathTest, LeavesOutWhatDidNotRun) {
  Ran("a", ActivityKind::kPre, 0, 10, {});
  Ran("a", ActivityKind::kParallel, 10, 10, {"a-pre"}, Outcome::kOmitted);
  Ran("a", ActivityKind::kPost, 20, 50, {"a-parallel"});
  EXPECT_THAT(CriticalPath(report_), ElementsAre("pre of a (10 ms)", "post of a (30 ms)"));
}

TEST_F(CriticalPathTest, IsEmptyWhenNothingRan) { EXPECT_THAT(CriticalPath(report_), IsEmpty()); }

}  // namespace
}  // namespace holdfast::cli
