#include "runtime/store/pin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/step/erase.h"
#include "runtime/store/listing.h"
#include "runtime/store/stored_object.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::HasSubstr;

// A bank with an available checkpoint "c".
class Pins : public ::testing::Test {
 protected:
  Pins() {
    world.Add("T::Plain#p");
    EXPECT_EQ(world.RunAll("c", world.Publish()).code, ExitCode::kOk);
  }
  runtime::Record Checkpoint() {
    return *runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "c");
  }
  Status Pin(const std::string& reason = "") {
    return runtime::PinCheckpoint(Checkpoint(), "me@here", reason, world.now);
  }
  World::Outcome Delete(const std::string& run = "d") {
    return world.RunAll(run, world.Publish(Operation::kDelete, "c"));
  }

  World world;
};

TEST_F(Pins, ACheckpointIsPinnedAndUnpinned) {
  EXPECT_FALSE(*runtime::ReadPin(Checkpoint()));
  ASSERT_TRUE(Pin("before the move"));
  const auto pin = runtime::ReadPin(Checkpoint());
  ASSERT_TRUE(pin && *pin);
  EXPECT_EQ((*pin)->by, "me@here");
  EXPECT_EQ((*pin)->reason, "before the move");
  EXPECT_EQ((*pin)->time, world.now);
  const auto listed = runtime::ListCheckpoints(world.tenant, {});
  ASSERT_TRUE(listed);
  ASSERT_TRUE(listed->front().pin);
  EXPECT_EQ(listed->front().pin->reason, "before the move");
  EXPECT_TRUE(*runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  EXPECT_FALSE(*runtime::ReadPin(Checkpoint()));
  EXPECT_FALSE(*runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
}

TEST_F(Pins, NoObjectOfThemChangesAndTheSameAgainWritesNone) {
  ASSERT_TRUE(Pin("one"));
  const auto first = world.tenant.GetBytes("checkpoints/c/pin/000001");
  ASSERT_TRUE(first);
  ASSERT_TRUE(Pin("one"));
  EXPECT_EQ(world.tenant.ListAll("checkpoints/c/pin/")->size(), 1U);
  ASSERT_TRUE(Pin("two"));
  ASSERT_TRUE(runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  EXPECT_EQ(world.tenant.ListAll("checkpoints/c/pin/")->size(), 3U);
  EXPECT_EQ(*world.tenant.GetBytes("checkpoints/c/pin/000001"), *first);
}

TEST_F(Pins, ADeletionOfAPinnedOneDoesNotBegin) {
  ASSERT_TRUE(Pin("kept"));
  const auto before = *world.tenant.ListAll("checkpoints/");
  const auto outcome = Delete();
  EXPECT_EQ(outcome.code, ExitCode::kInvalidInput) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("pinned by me@here"));
  EXPECT_EQ(world.StateOf("c"), RecordState::kAvailable);
  EXPECT_EQ(*world.tenant.ListAll("checkpoints/"), before);
  EXPECT_TRUE(world.Unfinished().empty());
  ASSERT_TRUE(runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  EXPECT_EQ(Delete("d2").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("c"), RecordState::kDeleted);
  EXPECT_TRUE(world.tenant.ListAll("checkpoints/c/pin/")->empty());
}

TEST_F(Pins, ADeletionThatHasBegunIsNotStoppedByAPin) {
  const std::string bundle = world.Publish(Operation::kDelete, "c");
  ASSERT_EQ(world.Begin("d", bundle).code, ExitCode::kOk);
  const Status late = Pin();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kLocked);
  EXPECT_FALSE(*runtime::ReadPin(Checkpoint()));
  EXPECT_EQ(world.RunAll("d", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("c"), RecordState::kDeleted);
  EXPECT_EQ(Pin().error().code(), ErrorCode::kNotFound);
}

// Its marker is there, its state is not yet: the pin that comes in between is told so, and stays.
TEST_F(Pins, APinSeesADeletionThatIsJustBeginning) {
  const auto deletion = runtime::Record::Open(world.tenant, runtime::RecordKind::kDeletion, "d");
  ASSERT_TRUE(deletion->MarkUnfinished("c"));
  const Status late = Pin("quick");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kLocked);
  EXPECT_TRUE(*runtime::ReadPin(Checkpoint()));
  // It is let go of again, also once the deletion has begun.
  const std::string bundle = world.Publish(Operation::kDelete, "c");
  ASSERT_TRUE(runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  ASSERT_EQ(world.Begin("d", bundle).code, ExitCode::kOk);
  EXPECT_TRUE(runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
}

TEST_F(Pins, OneThatIsDamagedCountsUntilItIsSaidAgain) {
  ASSERT_TRUE(Pin("kept"));
  ASSERT_TRUE(world.tenant.Replace("checkpoints/c/pin/000001", "{\"format\":"));
  const auto pin = runtime::ReadPin(Checkpoint());
  ASSERT_TRUE(pin && *pin);
  EXPECT_THAT((*pin)->damage, HasSubstr("pin/000001"));
  EXPECT_EQ(Delete().code, ExitCode::kInvalidInput);
  EXPECT_TRUE(*runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  EXPECT_FALSE(*runtime::ReadPin(Checkpoint()));
}

TEST_F(Pins, APinnedOneIsNotErasedEither) {
  ASSERT_TRUE(world.tenant.Replace("checkpoints/c/graph", "{\"format\":"));
  ASSERT_TRUE(Pin("to look into"));
  const Status erased = runtime::EraseDamagedCheckpoint(world.tenant, "c", world.clock);
  ASSERT_FALSE(erased);
  EXPECT_THAT(erased.error().message(), HasSubstr("is pinned"));
  ASSERT_TRUE(runtime::UnpinCheckpoint(Checkpoint(), "me@here", world.now));
  EXPECT_TRUE(runtime::EraseDamagedCheckpoint(world.tenant, "c", world.clock));
}

TEST_F(Pins, AReasonIsOneLineAndWhatIsNotThereIsNotPinned) {
  EXPECT_EQ(Pin("a\nb").error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(Pin(std::string(501, 'x')).error().code(), ErrorCode::kInvalidInput);
  const auto none = runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "e");
  EXPECT_EQ(runtime::PinCheckpoint(*none, "me", "", world.now).error().code(),
            ErrorCode::kNotFound);
  EXPECT_TRUE(world.tenant.ListAll("checkpoints/e/")->empty());
}

// What this build writes, as a later one has to read it.
TEST_F(Pins, AnObjectOfFormatOneIsRead) {
  ASSERT_TRUE(world.tenant.PutBytes(
      "checkpoints/c/pin/000001",
      R"({"by":"root@host","format":1,"pinned":true,"reason":"kept","record":"c","time":"2026-11-24T02:00:00.000Z"})"));
  const auto pin = runtime::ReadPin(Checkpoint());
  ASSERT_TRUE(pin && *pin);
  EXPECT_EQ((*pin)->str(), "by root@host on 2026-11-24T02:00:00.000Z: kept");
}

}  // namespace
}  // namespace holdfast::testing_runtime
