// Copies of plans of one name, of several machines, in one bank: what one of them still makes stands for no other one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/retention/plan_retention.h"
#include "runtime/store/listing.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using runtime::RecordKind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The first machine made a-1 and a-2 and stopped; the second one makes b-1 and b-2 after that. All have copies in `far`.
class Origins : public ::testing::Test {
 protected:
  Origins() {
    second.provider_id = "provider-2";
    far.provider_id = "provider-3";
    for (World* const world : {&first, &second, &far, &farther}) world->Add("T::Plain#p");
    farther.provider_id = "provider-4";
    Protect(first, "a-1");
    Protect(first, "a-2");
    Protect(second, "b-1");
    Protect(second, "b-2");
  }
  // An hour after what was made before.
  void Protect(World& world, const std::string& run) {
    far.now += std::chrono::hours(1);
    world.now = far.now;
    EXPECT_EQ(world.RunAll(run, world.Publish()).code, ExitCode::kOk);
    const World::Outcome copied = far.CopyFrom(world, run);
    EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
  }
  static std::vector<std::string> Decide(World& world, const std::string& origin = "") {
    auto decided = runtime::DecideRetention(
        world.tenant, {"nightly", world.provider_id, origin}, {.last = 1},
        [](std::chrono::sys_seconds) { return std::chrono::seconds(0); }, world.now, 2);
    EXPECT_TRUE(decided) << decided.error().Render();
    std::vector<std::string> lines;
    for (const auto& series : decided->series) {
      std::string line = series.origin_id + ":";
      for (const auto& entry : series.entries)
        line += " " + entry.summary.id + (entry.verdict.kept ? " stays" : " goes");
      EXPECT_FALSE(series.newest.empty());
      lines.push_back(std::move(line));
    }
    return lines;
  }
  static std::vector<std::string> Newest(World& world, const std::string& origin = "") {
    runtime::RecordFilter of;
    of.origin = origin;
    const auto status = runtime::ReadPlanStatus(world.tenant, of, 2);
    EXPECT_TRUE(status) << status.error().Render();
    std::vector<std::string> lines;
    for (const auto& plan : *status)
      lines.push_back(plan.plan + " of " + plan.origin_id + ": " + plan.checkpoint);
    return lines;
  }
  static runtime::CopiedFrom CopiedOf(World& world, const std::string& id) {
    const auto record = *runtime::Record::Open(world.tenant, RecordKind::kCheckpoint, id);
    return (*record.Head())->copied.value();
  }
  void Delete(const std::string& id) {
    ASSERT_EQ(far.RunAll("delete-" + id, far.Publish(Operation::kDelete, id)).code, ExitCode::kOk);
  }

  World first;
  World second;
  World far;
  World farther;
};

TEST_F(Origins, EachKeepsWhatTheRulesKeepOfItAlone) {
  EXPECT_THAT(Decide(far),
              ElementsAre("provider-1: a-2 stays a-1 goes", "provider-2: b-2 stays b-1 goes"));
  EXPECT_THAT(Decide(far, "provider-1"), ElementsAre("provider-1: a-2 stays a-1 goes"));
}

TEST_F(Origins, WhatAProviderMadeItselfIsASeriesOfItsOwn) {
  far.now += std::chrono::hours(1);
  ASSERT_EQ(far.RunAll("own", far.Publish()).code, ExitCode::kOk);
  EXPECT_THAT(Decide(far), ElementsAre("provider-3: own stays", "provider-1: a-2 stays a-1 goes",
                                       "provider-2: b-2 stays b-1 goes"));
}

TEST_F(Origins, EachHasANewestOneThatIsYoungOrNot) {
  EXPECT_THAT(Newest(far), ElementsAre("nightly of provider-1: a-2", "nightly of provider-2: b-2"));
  EXPECT_THAT(Newest(far, "provider-2"), ElementsAre("nightly of provider-2: b-2"));
}

// So a machine that is no more is not said to be late for ever.
TEST_F(Origins, ASeriesEndsWithTheDeletionOfItsLastCheckpoint) {
  Delete("a-1");
  EXPECT_THAT(Newest(far), ElementsAre("nightly of provider-1: a-2", "nightly of provider-2: b-2"));
  Delete("a-2");
  EXPECT_THAT(Newest(far), ElementsAre("nightly of provider-2: b-2"));
  EXPECT_THAT(Decide(far), ElementsAre("provider-2: b-2 stays b-1 goes"));
}

TEST_F(Origins, OneThatIsDamagedIsOfTheOthersAsLongAsThereAreAny) {
  ASSERT_TRUE(far.tenant.Replace("checkpoints/a-2/plan", "{\"format\":"));
  EXPECT_THAT(Newest(far), ElementsAre("nightly of provider-1: a-1", "nightly of provider-2: b-2"));
  for (const std::string id : {"a-1", "b-1", "b-2"})
    ASSERT_TRUE(far.tenant.Replace("checkpoints/" + id + "/plan", "{\"format\":"));
  EXPECT_THAT(Newest(far), ElementsAre("nightly of : "));
}

TEST_F(Origins, ACopyOfACopyIsOfWhoMadeItFirst) {
  farther.now = far.now;
  const World::Outcome copied = farther.CopyFrom(far, "a-2");
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(CopiedOf(farther, "a-2").provider_id, "provider-3");
  EXPECT_EQ(CopiedOf(farther, "a-2").origin_id, "provider-1");
  ASSERT_EQ(farther.CopyFrom(first, "a-1").code, ExitCode::kOk);
  EXPECT_THAT(Decide(farther), ElementsAre("provider-1: a-2 stays a-1 goes"));
}

TEST_F(Origins, WhatComesBackIsOnesOwnAgain) {
  World again;
  again.Add("T::Plain#p");
  again.now = far.now;
  ASSERT_EQ(again.provider_id, first.provider_id);
  ASSERT_EQ(again.CopyFrom(far, "a-2").code, ExitCode::kOk);
  again.now += std::chrono::hours(1);
  ASSERT_EQ(again.RunAll("a-3", again.Publish()).code, ExitCode::kOk);
  EXPECT_THAT(Newest(again), ElementsAre("nightly of provider-1: a-3"));
  EXPECT_THAT(Decide(again), ElementsAre("provider-1: a-3 stays a-2 goes"));
}

// As earlier versions wrote all of them.
TEST_F(Origins, OfAFirstCopyNothingMoreIsWrittenThanWhereItCameFrom) {
  const auto head = far.tenant.GetBytes("checkpoints/a-1/plan", 1U << 20U);
  ASSERT_TRUE(head) << head.error().Render();
  EXPECT_THAT(*head, AllOf(HasSubstr("\"copied\""), Not(HasSubstr("origin"))));
  EXPECT_EQ(CopiedOf(far, "a-1").origin_id, "provider-1");
}

TEST_F(Origins, AreCalledByIdOrByAnyNameThatTheyHaveHad) {
  const auto one = [](const std::string& id, const std::string& name) {
    runtime::RecordSummary summary;
    summary.provider_id = id;
    summary.provider_name = name;
    return summary;
  };
  const std::vector<runtime::RecordSummary> found{one("1", "web"), one("2", "db"), one("1", "shop"),
                                                  one("3", "db"), one("", "")};
  EXPECT_EQ(*runtime::OriginCalled(found, "1"), "1");
  EXPECT_EQ(*runtime::OriginCalled(found, "web"), "1");
  EXPECT_EQ(*runtime::OriginCalled(found, "shop"), "1");
  const auto several = runtime::OriginCalled(found, "db");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(several.error().Render(), HasSubstr("db (2), db (3)"));
  const auto none = runtime::OriginCalled(found, "mail");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(none.error().Render(), HasSubstr("shop (1), db (2), db (3)"));
  EXPECT_THAT(runtime::OriginsOf({}), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
