#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/store/listing.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

class LastVerification : public ::testing::Test {
 protected:
  LastVerification() {
    world.Add("T::Plain#p");
    const std::string protect = world.Publish();
    EXPECT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
    verify = world.Publish(Operation::kVerify, "cp");
  }
  void Verify(const std::string& run, const Behaviour& behaviour) {
    world.now += std::chrono::hours(1);
    world.script["parallel T::Plain#p"] = behaviour;
    world.RunAll(run, verify);
  }
  std::string Found() {
    const auto last = runtime::ReadLastVerifications(world.tenant, "cp", world.now);
    EXPECT_TRUE(last);
    const auto at = last->find("cp");
    if (at == last->end()) return "none";
    return at->second.summary.id + (at->second.failed ? " failed" : " verified");
  }
  World world;
  std::string verify;
};

TEST_F(LastVerification, IsNoneBeforeThereWasOne) { EXPECT_EQ(Found(), "none"); }

TEST_F(LastVerification, IsTheNewest) {
  Verify("v1", {});
  EXPECT_EQ(Found(), "v1 verified");
  Verify("v2", {.fails = true});
  EXPECT_EQ(Found(), "v2 failed");
  Verify("v3", {});
  EXPECT_EQ(Found(), "v3 verified");
}

TEST_F(LastVerification, IsAFailureUntilOneReadEveryByte) {
  Verify("v1", {.fails = true});
  const std::string in_full = verify;
  world.sample = 5;
  verify = world.Publish(Operation::kVerify, "cp");
  Verify("v2", {});
  ASSERT_EQ(world.StateOf("v2", runtime::RecordKind::kVerification), RecordState::kVerified);
  EXPECT_EQ(Found(), "v1 failed");
  verify = in_full;
  Verify("v3", {});
  EXPECT_EQ(Found(), "v3 verified");
}

TEST_F(LastVerification, IsNotUndoneByOneOfAClockThatWasAhead) {
  const WallTime right = world.now;
  world.now += std::chrono::hours(24 * 365);
  Verify("ahead", {});
  world.now = right;
  Verify("v1", {.fails = true});
  EXPECT_EQ(Found(), "v1 failed");
}

TEST_F(LastVerification, FailsWhereAPluginSaysDoneAndHasNotRead) {
  const std::string data = "t/local/checkpoints/cp/data/";
  ListOptions options;
  options.prefix = data;
  const auto objects = world.memory.List(options);
  ASSERT_TRUE(objects);
  ASSERT_FALSE(objects->empty());
  for (const ObjectInfo& object : *objects) ASSERT_TRUE(world.memory.Delete(object.key));
  Verify("v1", {});
  EXPECT_EQ(Found(), "v1 failed");
}

TEST_F(LastVerification, IsNotOneThatWasStopped) {
  Verify("v1", {.stopped = true});
  ASSERT_EQ(world.StateOf("v1", runtime::RecordKind::kVerification), RecordState::kError);
  EXPECT_EQ(Found(), "none");
  Verify("v2", {.fails = true});
  Verify("v3", {.stopped = true});
  EXPECT_EQ(Found(), "v2 failed");
}

TEST_F(LastVerification, IsThatOfEachCheckpoint) {
  Verify("v1", {.fails = true});
  world.script.clear();
  ASSERT_EQ(world.RunAll("other", world.Publish()).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("v2", world.Publish(Operation::kVerify, "other")).code, ExitCode::kOk);
  const auto last = runtime::ReadLastVerifications(world.tenant, "", world.now);
  ASSERT_TRUE(last);
  ASSERT_EQ(last->size(), 2U);
  EXPECT_TRUE(last->at("cp").failed);
  EXPECT_FALSE(last->at("other").failed);
}

}  // namespace
}  // namespace holdfast::testing_runtime
