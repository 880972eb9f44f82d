#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "runtime/store/lease.h"
#include "tests/runtime/woken_scene.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::IsEmpty;

// Of a deletion that failed, with a part of the data gone, an object is lost that said so: gc makes nothing good of it.
class LostAfterADeletion : public ::testing::Test {
 protected:
  LostAfterADeletion() {
    scene.Protect();
    EXPECT_EQ(scene.Copy().code, ExitCode::kOk);
    scene.target.script["parallel T::Volume#a"].fails = true;
    EXPECT_EQ(scene.Delete("del-1").code, ExitCode::kRunFailed);
    scene.target.script.clear();
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  }
  Scene scene;
};

TEST_F(LostAfterADeletion, TheStateOfTheCheckpoint) {
  ASSERT_TRUE(scene.target.tenant.Delete("checkpoints/run-1/state/000002"));
  ASSERT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
  // That no index names it is what says that it is no good one.
  scene.CollectGarbage();
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

TEST_F(LostAfterADeletion, TheStateOfTheDeletion) {
  ASSERT_TRUE(scene.target.tenant.Delete("deletions/del-1/state/000001"));
  scene.CollectGarbage();
  EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
  EXPECT_THAT(scene.Keys("indices/by-"), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
