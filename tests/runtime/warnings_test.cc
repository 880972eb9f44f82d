#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/step/warning_recorder.h"
#include "runtime/store/listing.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using runtime::RecordKind;
using runtime::Warnings;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fault = testing::FaultyBank::Fault;

class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override { ++lines; }
  int lines = 0;
};

Warnings WarningsOf(World& world, const std::string& record, RecordKind record_kind,
                    ActivityKind kind) {
  const auto report = runtime::ShowRecord(world.tenant, record_kind, record);
  EXPECT_TRUE(report) << report.error().Render();
  for (const auto& resource : report->resources) {
    for (const auto& activity : resource.activities) {
      if (activity.kind == kind && activity.outcome) return activity.outcome->warnings;
    }
  }
  ADD_FAILURE() << "there is no such outcome";
  return {};
}

TEST(WarningsOfAnActivity, AreRecordedWithItsOutcomeAndCountedInTheState) {
  World world;
  world.Add("T::Plain#p");
  world.script["parallel T::Plain#p"].warns = {"f: changed while it was read", "1 entries changed"};
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_THAT(WarningsOf(world, "run-1", RecordKind::kCheckpoint, ActivityKind::kParallel).lines,
              ElementsAre("f: changed while it was read", "1 entries changed"));
  const auto list = runtime::ListCheckpoints(world.tenant, {});
  ASSERT_TRUE(list);
  ASSERT_THAT(*list, SizeIs(1));
  EXPECT_EQ(list->front().warnings, 2U);
}

TEST(WarningsOfAnActivity, AreRecordedOfOneThatFailsToo) {
  World world;
  world.Add("T::Plain#p");
  world.script["parallel T::Plain#p"].warns = {"the disk is slow"};
  world.script["parallel T::Plain#p"].fails = true;
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_THAT(WarningsOf(world, "run-1", RecordKind::kCheckpoint, ActivityKind::kParallel).lines,
              ElementsAre("the disk is slow"));
}

TEST(WarningsOfAnActivity, AreThoseOfARestoreToo) {
  World world;
  world.Add("T::Plain#p");
  const std::string protect = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", protect).code, ExitCode::kOk);
  world.script["parallel T::Plain#p"].warns = {"an owner cannot be had here"};
  const std::string restore = world.Publish(Operation::kRestore, "run-1");
  ASSERT_EQ(world.RunAll("run-2", restore).code, ExitCode::kOk);
  EXPECT_THAT(WarningsOf(world, "run-2", RecordKind::kRestore, ActivityKind::kParallel).lines,
              ElementsAre("an owner cannot be had here"));
}

// The process dies at each of its bank calls and the step is run again: whatever attempt counts,
// its warnings are there, and once.
TEST(WarningsOfAnActivity, AreLostInNoCrash) {
  std::uint64_t crashes = 0;
  for (std::uint64_t n = 1;; ++n) {
    World world;
    world.Add("T::Plain#p");
    world.script["parallel T::Plain#p"].warns = {"f: changed while it was read"};
    const std::string bundle = world.Publish();
    ASSERT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
    world.bank.Arm(Fault::kStopAfter, n, true);
    world.Run("run-1", bundle, "plain-p-parallel");
    const bool crashed = world.bank.reached();
    world.bank.Disarm();
    ASSERT_EQ(world.Run("run-1", bundle, "plain-p-parallel").code, ExitCode::kOk);
    ASSERT_EQ(world.End("run-1").code, ExitCode::kOk);
    EXPECT_THAT(WarningsOf(world, "run-1", RecordKind::kCheckpoint, ActivityKind::kParallel).lines,
                ElementsAre("f: changed while it was read"))
        << "change " << n;
    if (!crashed) break;
    ++crashes;
  }
  EXPECT_GE(crashes, 4U);
}

TEST(WarningRecorder, KeepsTheFirstAndTheLastAndCountsTheRest) {
  NoLog below;
  runtime::WarningRecorder recorder(below);
  recorder.Log(LogLevel::kInfo, "not a warning", {});
  for (int i = 1; i <= 100; ++i) {
    recorder.Log(LogLevel::kWarning, "warning " + std::to_string(i), {});
  }
  recorder.Log(LogLevel::kError, "the sum", {});
  EXPECT_EQ(below.lines, 102);
  const Warnings kept = recorder.Recorded();
  ASSERT_THAT(kept.lines, SizeIs(runtime::kWarningsKept));
  EXPECT_EQ(kept.lines.front(), "warning 1");
  EXPECT_EQ(kept.lines.back(), "the sum");
  EXPECT_EQ(kept.total(), 101U);
}

TEST(WarningRecorder, CutsALongLineBetweenCharacters) {
  NoLog below;
  runtime::WarningRecorder recorder(below);
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "ä";
  recorder.Log(LogLevel::kWarning, line, {});
  recorder.Log(LogLevel::kWarning, "two\nlines", {});
  const Warnings kept = recorder.Recorded();
  ASSERT_THAT(kept.lines, SizeIs(2));
  EXPECT_LE(kept.lines[0].size(), runtime::kWarningBytes);
  EXPECT_GE(kept.lines[0].size(), runtime::kWarningBytes - 4);
  EXPECT_THAT(kept.lines[0], EndsWith("ä..."));
  EXPECT_EQ(kept.lines[1], "two\\x0alines");
}

}  // namespace
}  // namespace holdfast::testing_runtime
