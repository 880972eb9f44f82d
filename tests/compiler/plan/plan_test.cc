#include "compiler/plan/plan.h"

#include <gtest/gtest.h>

namespace holdfast::compiler {
namespace {

constexpr std::string_view kWhole = R"(name: shop-1
provider: demo
resources:
- {type: "Local::Directory", id: "pictures"}
- Local::Application#shop
parameters:
  Local::Directory: {snapshot: copy}
policy: {parallelism: 4, step_deadline: 6h, run_deadline: 90s, retries: 2, fuse: leaf, drift: warn, step_names: opaque, fail_fast: true}
schedule: "30 2 * * *"
retention: {daily: 7, within: 2d}
)";

TEST(Plan, ReadsAllThatItSays) {
  const auto plan = ParsePlan(kWhole, "plan.yaml");
  ASSERT_TRUE(plan) << plan.error().Render();
  EXPECT_EQ(plan->name, "shop-1");
  EXPECT_EQ(plan->provider, "demo");
  ASSERT_EQ(plan->resources.size(), 2U);
  EXPECT_EQ(plan->resources[0].str(), "Local::Application#shop");
  EXPECT_EQ(plan->resources[1].str(), "Local::Directory#pictures");
  EXPECT_EQ(plan->policy.parallelism, 4U);
  EXPECT_EQ(plan->policy.step_deadline, std::chrono::hours(6));
  EXPECT_EQ(plan->policy.run_deadline, std::chrono::seconds(90));
  EXPECT_EQ(plan->policy.retries, 2U);
  EXPECT_EQ(plan->policy.fuse, FuseMode::kLeaf);
  EXPECT_EQ(plan->policy.drift, DriftPolicy::kWarn);
  EXPECT_EQ(plan->policy.step_names, StepNames::kOpaque);
  EXPECT_TRUE(plan->policy.fail_fast);
  EXPECT_EQ(plan->parameters.entries.Find("Local::Directory")->StringOr("snapshot", ""), "copy");
  EXPECT_EQ(plan->value.Find("schedule")->StringOr("cron", ""), "30 2 * * *");
  EXPECT_EQ(plan->value.Find("retention")->IntOr("within", 0), 172'800'000);
  EXPECT_EQ(plan->value.Find("parameters"), nullptr);
}

TEST(Plan, KeepsARuleOfRetentionThatIsZeroBesideOneThatIsNot) {
  const auto plan = ParsePlan(
      "name: a\nprovider: p\nresources: ['T::N#1']\nretention: {last: 0, daily: 7}\n", "plan.yaml");
  ASSERT_TRUE(plan) << plan.error().Render();
  EXPECT_EQ(plan->value.Find("retention")->IntOr("last", -1), 0);
  EXPECT_EQ(plan->value.Find("retention")->IntOr("daily", 0), 7);
}

TEST(Plan, HasDefaultsForWhatItDoesNotSay) {
  const auto plan = ParsePlan("name: a\nprovider: p\nresources: ['T::N#1']\n", "plan.yaml");
  ASSERT_TRUE(plan) << plan.error().Render();
  EXPECT_FALSE(plan->policy.parallelism);
  EXPECT_FALSE(plan->policy.step_deadline);
  EXPECT_FALSE(plan->policy.run_deadline);
  EXPECT_EQ(plan->policy.retries, 5U);
  EXPECT_EQ(plan->policy.fuse, FuseMode::kNone);
  EXPECT_EQ(plan->policy.drift, DriftPolicy::kFail);
  EXPECT_EQ(plan->policy.step_names, StepNames::kReadable);
  EXPECT_FALSE(plan->policy.fail_fast);
  // What a checkpoint keeps says the same.
  EXPECT_EQ(plan->value.Find("policy")->StringOr("drift", ""), "fail");
}

TEST(Plan, KeepsItsPolicyInItsValue) {
  const auto plan = ParsePlan(kWhole, "plan.yaml");
  ASSERT_TRUE(plan);
  const PlanPolicy again = PolicyOf(plan->value);
  EXPECT_EQ(again.parallelism, plan->policy.parallelism);
  EXPECT_EQ(again.step_deadline, plan->policy.step_deadline);
  EXPECT_EQ(again.fuse, plan->policy.fuse);
  EXPECT_EQ(PolicyOf(Value()).retries, 5U);
  EXPECT_EQ(PolicyOf(Value().Set("policy", Value().Set("retries", -3).Set("drift", 7))).drift,
            DriftPolicy::kFail);
}

TEST(Plan, NamesAreLettersDigitsAndDashes) {
  for (const char* good : {"a", "a1", "a-b", "abcdefghijklmnopqrstuvwxyz0123456789-abc"})
    EXPECT_TRUE(IsPlanName(good)) << good;
  for (const char* bad : {"", "1a", "a-", "-a", "A", "a_b", "a.b", "a\n",
                          "abcdefghijklmnopqrstuvwxyz0123456789-abcde"}) {
    EXPECT_FALSE(IsPlanName(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::compiler
