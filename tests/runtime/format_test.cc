#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "plugins/sdk/json.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/stored_object.h"
#include "tests/runtime/stored_world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A bank as format 1 of every object wrote it: an available checkpoint that was resumed once. Later
// builds read it. HOLDFAST_UPDATE_GOLDEN=1 writes it anew: only together with a new format number,
// under a new folder.
const std::filesystem::path kFixture =
    std::filesystem::path(HOLDFAST_RUNTIME_FIXTURES) / "format-1";

void Make(World& world) {
  world.Add("T::App#shop");
  world.Add("T::Volume#data/of shop", {"T::App#shop"});
  const std::string bundle = world.Publish();
  world.script["parallel T::Volume#data/of shop"].fails = true;
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  world.now += std::chrono::hours(1);
  world.drift = "1 resource is new (T::Plain#p)";
  ASSERT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kRunFailed);
}

TEST(Format, OneOfEveryObjectIsStillRead) {
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    World maker;
    Make(maker);
    SaveWorld(maker, kFixture);
  }
  World world;
  LoadWorld(world, kFixture);
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_EQ(report->summary.state, RecordState::kAvailable);
  EXPECT_EQ(report->summary.plan, "nightly");
  EXPECT_EQ(report->summary.created_by, "test");
  ASSERT_EQ(report->states.size(), 4U);
  EXPECT_EQ(report->states[1].state, RecordState::kError);
  EXPECT_THAT(report->states[1].reason, HasSubstr("as the script says"));
  // They were set before states had one.
  for (const auto& state : report->states) EXPECT_EQ(state.token, 0U);
  ASSERT_TRUE(report->drift);
  EXPECT_EQ(report->drift->policy, "fail");
  ASSERT_EQ(report->resources.size(), 2U);
  const auto& volume = report->resources[1];
  EXPECT_EQ(volume.resource.key.id, "data/of shop");
  EXPECT_EQ(volume.epoch, 2U);
  EXPECT_TRUE(volume.succeeded);
  // It was written before there were any.
  EXPECT_EQ(report->summary.warnings, 0U);
  EXPECT_EQ(volume.activities[1].outcome->warnings.total(), 0U);
  ASSERT_TRUE(volume.manifest);
  EXPECT_EQ(FormatTime(volume.manifest->point_in_time), "2026-11-24T02:00:00.000Z");
  const auto record =
      runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  const auto saved = runtime::ReadSavedInfo(record->section(), *volume.manifest);
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->StringOr("made_by", ""), "T::Volume#data/of shop");
  const auto data =
      record->section().Narrow(runtime::DataPrefix(volume.resource.key), SectionAccess::kRead);
  ASSERT_EQ(volume.manifest->streams.size(), 1U);
  EXPECT_TRUE(runtime::StatDataStream(*data, volume.manifest->streams.front()));
  const auto intents = runtime::ReadIntents(record->section(), volume.activities[0].step,
                                            volume.activities[0].outcome->attempt);
  ASSERT_TRUE(intents);
  ASSERT_EQ(intents->size(), 1U);
  EXPECT_EQ(intents->front().entries.StringOr("intent", ""), "T::Volume#data/of shop");
  const auto lease = runtime::CurrentLease(world.tenant, "run-1");
  ASSERT_TRUE(lease);
  EXPECT_EQ((*lease)->token, 4U);
  EXPECT_TRUE((*lease)->released);
  const auto run = runtime::ReadRun(world.tenant, "run-2");
  ASSERT_TRUE(run);
  EXPECT_EQ((*run)->record, "run-1");
  const auto index = runtime::ReadIndex(world.tenant, "nightly");
  ASSERT_TRUE(index);
  ASSERT_EQ(index->size(), 1U);
}

TEST(Format, NewerOneIsRefusedNotGuessed) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  const std::string key = "checkpoints/run-1/plan";
  Value plan = *ParseJson(*world.tenant.GetBytes(key), key);
  plan.MutableMap().erase("sha256");
  ASSERT_TRUE(world.tenant.Replace(key, *runtime::DumpObject(plan, 9)));
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(report.error().message(), HasSubstr("format 9"));
}

TEST(Format, DamagedObjectIsCorruptAndNamed) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  ASSERT_TRUE(world.tenant.Replace("checkpoints/run-1/plan", "{\"format\":"));
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(report.error().message(), HasSubstr("checkpoints/run-1/plan"));
}

}  // namespace
}  // namespace holdfast::testing_runtime
