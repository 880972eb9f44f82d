#include "runtime/retention/plan_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/store/checkpoint_contents.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/pin.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A bank with two nights' checkpoints, "old" and "new", of which the rule keeps one.
class TwoNights : public ::testing::Test {
 protected:
  TwoNights() {
    world.Add("T::Plain#p");
    bundle = world.Publish();
    EXPECT_EQ(world.RunAll("old", bundle).code, ExitCode::kOk);
    world.now += std::chrono::hours(24);
    EXPECT_EQ(world.RunAll("new", bundle).code, ExitCode::kOk);
    provider = Checkpoint("old").Head().value()->provider_id;
  }
  runtime::Record Checkpoint(const std::string& id) {
    return *runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, id);
  }
  runtime::PlanRetention Decide() {
    auto decided = runtime::DecideRetention(
        world.tenant, {"nightly", provider}, {.last = 1},
        [](std::chrono::sys_seconds) { return std::chrono::seconds(0); }, world.now, 2);
    EXPECT_TRUE(decided) << decided.error().Render();
    return std::move(*decided);
  }
  // Of its only series.
  runtime::PlanRetention::Series Series() {
    runtime::PlanRetention decided = Decide();
    if (decided.series.empty()) return {};
    EXPECT_EQ(decided.series.size(), 1U);
    return std::move(decided.series.front());
  }
  // The ids of those that stay, newest first.
  std::string Stay() {
    std::string stay;
    const auto series = Series();
    for (const auto& entry : series.entries) {
      if (entry.verdict.kept) stay += (stay.empty() ? "" : " ") + entry.summary.id;
    }
    return stay;
  }
  std::string WhyOf(const std::string& id) {
    const auto series = Series();
    for (const auto& entry : series.entries) {
      if (entry.summary.id == id) return entry.verdict.reasons.front();
    }
    return "it is not there";
  }
  void Delete(const std::string& id) {
    const std::string deletion = world.Publish(Operation::kDelete, id);
    ASSERT_EQ(world.RunAll("delete-" + id, deletion).code, ExitCode::kOk);
  }

  World world;
  std::string bundle;
  std::string provider;
};

TEST_F(TwoNights, TheOlderGoes) {
  EXPECT_EQ(Stay(), "new");
  EXPECT_EQ(Series().newest, "new");
  Delete("old");
  EXPECT_EQ(Series().entries.size(), 1U);
}

TEST_F(TwoNights, OfAnotherProviderNothingIsSeen) {
  provider = "somebody else's";
  const auto decided = Decide();
  EXPECT_THAT(decided.series, IsEmpty());
  EXPECT_EQ(decided.of_others, 2U);
}

TEST_F(TwoNights, NothingGoesForOneThatADeletionHasBegunWith) {
  const auto deletion = runtime::Record::Open(world.tenant, runtime::RecordKind::kDeletion, "d");
  ASSERT_TRUE(deletion->MarkUnfinished("new"));
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("new"), HasSubstr("not available: being deleted by deletion d"));
}

TEST_F(TwoNights, NothingGoesForOneThatIsDamaged) {
  ASSERT_TRUE(world.tenant.Replace("checkpoints/new/graph", "{\"format\":"));
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("new"), HasSubstr("not available: damaged: "));
}

// A list does not read a graph as large as that; for what stays it is read.
TEST_F(TwoNights, NothingGoesForOneWhoseLargeGraphIsDamaged) {
  ASSERT_TRUE(world.tenant.Replace("checkpoints/new/graph", std::string(100'000, 'x')));
  ASSERT_EQ(runtime::ListCheckpoints(world.tenant, {})->back().damage, "");
  EXPECT_EQ(Stay(), "new old");
}

// What says that it is good is all there; what it is to hold is not.
TEST_F(TwoNights, NothingGoesForOneThatHoldsNothing) {
  ASSERT_TRUE(world.tenant.Delete("checkpoints/new/" + runtime::ManifestKey({"T::Plain", "p"}, 1)));
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("new"), HasSubstr("not available: damaged: T::Plain#p: the object "));
  EXPECT_EQ(Series().newest, "old");
}

TEST_F(TwoNights, NothingGoesForOneWhoseBundleIsGone) {
  const auto bundles = *world.tenant.ListAll("bundles");
  ASSERT_THAT(bundles, Not(IsEmpty()));
  for (const std::string& key : bundles) ASSERT_TRUE(world.tenant.Delete(key));
  EXPECT_EQ(Stay(), "new old");
}

TEST_F(TwoNights, NothingGoesForOneWhoseDataIsNotThere) {
  const auto data = *world.tenant.ListAll("checkpoints/new/data");
  ASSERT_THAT(data, Not(IsEmpty()));
  for (const std::string& key : data) ASSERT_TRUE(world.tenant.Delete(key));
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("new"), HasSubstr(" is missing"));
}

// It was available when it was listed.
TEST_F(TwoNights, WhatADeletionHasTakenMeanwhileIsNotAvailable) {
  auto summary = runtime::ListCheckpoints(world.tenant, {})->back();
  ASSERT_EQ(summary.id, "new");
  Delete("new");
  const auto looked = runtime::CheckContents(world.tenant, summary, 2);
  ASSERT_TRUE(looked) << looked.error().Render();
  EXPECT_EQ(summary.damage, "");
  EXPECT_EQ(summary.state, RecordState::kDeleted);
}

TEST_F(TwoNights, WhatIsDamagedIsNotThePlansNewest) {
  ASSERT_TRUE(world.tenant.Delete("checkpoints/new/" + runtime::ManifestKey({"T::Plain", "p"}, 1)));
  std::vector<runtime::RecordSummary> damaged;
  const auto status = runtime::ReadPlanStatus(world.tenant, {}, 2, &damaged);
  ASSERT_TRUE(status) << status.error().Render();
  ASSERT_EQ(status->size(), 1U);
  EXPECT_EQ(status->front().checkpoint, "old");
  ASSERT_EQ(damaged.size(), 1U);
  EXPECT_EQ(damaged.front().id, "new");
}

TEST_F(TwoNights, NothingGoesForOneThatWasMadeInTheFuture) {
  world.now -= std::chrono::hours(1);
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("new"), HasSubstr("made in the future"));
}

TEST_F(TwoNights, NothingGoesForOneThatDidNotReadBack) {
  const std::string verification = world.Publish(Operation::kVerify, "new");
  world.script["parallel T::Plain#p"].fails = true;
  ASSERT_EQ(world.RunAll("v", verification).code, ExitCode::kRunFailed);
  EXPECT_EQ(Stay(), "new old");
  EXPECT_EQ(WhyOf("new"), "not available: its last verification failed (v)");
}

TEST_F(TwoNights, WhatARestoreWorksWithStaysUntilItHasEnded) {
  const std::string restore = world.Publish(Operation::kRestore, "old");
  ASSERT_EQ(world.Begin("r", restore).code, ExitCode::kOk);
  EXPECT_EQ(Stay(), "new old");
  EXPECT_EQ(WhyOf("old"), "in use: restore r");
  world.now += runtime::kLeaseExpiry + std::chrono::minutes(1);
  EXPECT_EQ(WhyOf("old"),
            "in use: restore r, on which nobody works any more: 'holdfast gc' ends it");
  ASSERT_EQ(world.RunAll("r2", restore, "r").code, ExitCode::kOk);
  EXPECT_EQ(Stay(), "new");
}

TEST_F(TwoNights, WhatARunHasTheLeaseOfStays) {
  const auto held = runtime::CurrentLease(world.tenant, "old");
  ASSERT_TRUE(held && *held);
  runtime::LeaseRequest wanted;
  wanted.run = "somebody";
  wanted.after = (*held)->token;
  ASSERT_TRUE(runtime::TakeLease(world.tenant, "old", wanted, world.now));
  EXPECT_EQ(Stay(), "new old");
  EXPECT_THAT(WhyOf("old"), HasSubstr("in use: run somebody has its lease until "));
}

TEST_F(TwoNights, WhatWasDecidedIsLookedAtOnceMoreBeforeADeletion) {
  EXPECT_EQ(*runtime::WhyItStaysNow(world.tenant, "old", "new"), "");
  ASSERT_TRUE(runtime::PinCheckpoint(Checkpoint("old"), "me@here", "", world.now));
  EXPECT_THAT(*runtime::WhyItStaysNow(world.tenant, "old", "new"),
              HasSubstr("it was pinned by me@here"));
  ASSERT_TRUE(runtime::UnpinCheckpoint(Checkpoint("old"), "me@here", world.now));
  Delete("old");
  EXPECT_EQ(*runtime::WhyItStaysNow(world.tenant, "old", "new"), "it is deleted by now");
}

TEST_F(TwoNights, NothingMoreGoesOnceTheOneThatWasToStayIsGone) {
  Delete("new");
  const auto late = runtime::WhyItStaysNow(world.tenant, "old", "new");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(Stay(), "old");
}

}  // namespace
}  // namespace holdfast::testing_runtime
