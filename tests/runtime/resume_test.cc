#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/step/next_epochs.h"
#include "runtime/store/listing.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(Resume, RedoesWhatIsUnfinishedAndKeepsTheRest) {
  World world;
  world.Add("T::Plain#good");
  world.Add("T::Plain#bad");
  const std::string bundle = world.Publish();
  world.script["parallel T::Plain#bad"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  EXPECT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("parallel T::Plain#good"), 1U);
  EXPECT_EQ(world.CallsOf("parallel T::Plain#bad"), 2U);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_EQ(world.StateOf("run-2"), std::nullopt);
}

TEST(Resume, RedoesAConsistencyGroupTogether) {
  World world;
  world.Add("T::App#shop");
  world.Add("T::Volume#a", {"T::App#shop"});
  world.Add("T::Volume#b", {"T::App#shop"});
  world.Add("T::Plain#outside");
  const std::string bundle = world.Publish();
  world.script["parallel T::Volume#a"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  EXPECT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  EXPECT_EQ(world.CallsOf("parallel T::Volume#b"), 2U);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
  EXPECT_EQ(world.CallsOf("parallel T::Plain#outside"), 1U);
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  ASSERT_TRUE(report) << report.error().Render();
  for (const auto& resource : report->resources) {
    const std::uint64_t expected = resource.resource.key.type == "T::Plain" ? 1 : 2;
    EXPECT_EQ(resource.epoch, expected) << resource.resource.key.str();
    if (resource.manifest) {
      EXPECT_EQ(resource.manifest->epoch, expected);
    }
  }
}

TEST(Resume, CommitPostThatWasOmittedRunsOnceAllIsWell) {
  // The kept parent in between recorded that something below it had failed.
  World world;
  world.Add("T::Ledger#l");
  world.Add("T::Volume#middle", {"T::Ledger#l"});
  world.Add("T::Plain#leaf", {"T::Volume#middle"});
  const std::string bundle = world.Publish();
  world.script["parallel T::Plain#leaf"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.CallsOf("post T::Ledger#l"), 0U);
  world.script.clear();
  const auto end = world.RunAll("run-2", bundle, "run-1");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_EQ(world.CallsOf("post T::Ledger#l"), 1U);
  EXPECT_EQ(world.CallsOf("post T::Volume#middle"), 1U);
}

// The leases of what was deleted stay, and say of epochs what was so then.
TEST(Resume, OfAnIdThatBeginsAnewHasNothingOfAnEarlierLife) {
  World world;
  world.Add("T::Plain#p");
  world.Add("T::Plain#q");
  const std::string bundle = world.Publish();
  world.script["parallel T::Plain#q"].fails = true;
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  ASSERT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  const std::string deletes = world.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(world.RunAll("del-1", deletes).code, ExitCode::kOk);
  world.now += std::chrono::hours(31 * 24);
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(world.StateOf("run-1"), std::nullopt);
  world.Publish();
  world.script["parallel T::Plain#q"].fails = true;
  world.calls.clear();
  const auto anew = world.RunAll("run-3", bundle, "run-1");
  EXPECT_EQ(anew.code, ExitCode::kRunFailed) << anew.text;
  EXPECT_EQ(world.CallsOf("parallel T::Plain#p"), 1U);
  world.script.clear();
  const auto resumed = world.RunAll("run-4", bundle, "run-1");
  EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

TEST(Resume, OfARunThatLivesIsRefused) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  const auto second = world.Begin("run-2", bundle, "run-1");
  EXPECT_EQ(second.code, ExitCode::kLocked);
  EXPECT_THAT(second.text, HasSubstr("run-1"));
  // Its end must not clean up a run that still lives.
  EXPECT_EQ(world.End("run-2").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kProtecting);
}

TEST(Resume, OfADeadRunMakesItsCleanUpsFirst) {
  World world;
  world.Add("T::App#shop");
  world.Add("T::Volume#a", {"T::App#shop"});
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  EXPECT_EQ(world.Begin("run-2", bundle, "run-1").code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_THAT(world.Outcomes("run-1", "app-shop-post", "post T::App#shop"),
              ElementsAre("succeeded"));
  // The old run is told that its lease is gone.
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kLocked);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-2", bundle, step, "run-1");
  EXPECT_EQ(world.End("run-1").code, ExitCode::kLocked);
  EXPECT_EQ(world.End("run-2").code, ExitCode::kOk);
}

TEST(Resume, OfAnAvailableCheckpointIsRefused) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("run-2", bundle, "run-1").code, ExitCode::kInvalidInput);
}

TEST(Resume, WithAnotherBundleIsRefused) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  world.script["parallel T::Plain#p"].fails = true;
  world.RunAll("run-1", bundle);
  world.Add("T::Plain#q");
  const std::string other = world.Publish();
  EXPECT_EQ(world.Begin("run-2", other, "run-1").code, ExitCode::kInvalidInput);
}

TEST(Resume, StepKilledBeforeAndItsEpochClosedSaysToResume) {
  World world;
  world.Add("T::Volume#a");
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  world.script["parallel T::Volume#a"].stopped = true;
  world.Run("run-1", bundle, "volume-a-pre");
  world.Run("run-1", bundle, "volume-a-parallel");
  world.Run("run-1", bundle, "volume-a-post");
  world.script.clear();
  const auto late = world.Run("run-1", bundle, "volume-a-parallel");
  EXPECT_EQ(late.code, ExitCode::kInvalidInput);
  EXPECT_THAT(late.text, HasSubstr("closed"));
}

ResourceGraph Graph(const std::vector<std::pair<std::string, std::vector<std::string>>>& children) {
  ResourceGraphBuilder builder;
  for (const auto& [name, below] : children) {
    EXPECT_TRUE(builder.AddResource({{"T", name}, name, {}}));
    for (const std::string& child : below) EXPECT_TRUE(builder.AddEdge({"T", name}, {"T", child}));
  }
  return *builder.Build();
}

TEST(NextEpochs, GroupsThatShareAResourceAreOne) {
  // q1 -> a, shared; q2 -> shared, b; c alone.
  const ResourceGraph graph = Graph({{"q1", {"a", "shared"}},
                                     {"q2", {"shared", "b"}},
                                     {"a", {}},
                                     {"b", {}},
                                     {"shared", {}},
                                     {"c", {}}});
  std::map<ResourceKey, bool> finished;
  std::map<ResourceKey, std::uint64_t> epochs;
  for (const auto& node : graph.nodes()) {
    finished[node.key] = node.key.id != "a";
    epochs[node.key] = 3;
  }
  const auto quiesces = [](const ResourceKey& key) { return key.id.starts_with("q"); };
  const auto next = runtime::NextEpochs(Operation::kProtect, graph, quiesces, finished, epochs);
  for (const auto& node : graph.nodes()) {
    EXPECT_EQ(next.at(node.key), node.key.id == "c" ? 3U : 4U) << node.key.id;
  }
  // What is restored stays restored; only what rests meanwhile rests again.
  const auto restore = runtime::NextEpochs(Operation::kRestore, graph, quiesces, finished, epochs);
  for (const auto& node : graph.nodes()) {
    const bool again = node.key.id == "a" || node.key.id == "q1";
    EXPECT_EQ(restore.at(node.key), again ? 4U : 3U) << node.key.id;
  }
  const auto verify = runtime::NextEpochs(Operation::kVerify, graph, quiesces, finished, epochs);
  for (const auto& node : graph.nodes()) {
    EXPECT_EQ(verify.at(node.key), node.key.id == "a" ? 4U : 3U) << node.key.id;
  }
}

TEST(NextEpochs, ARestoreLetsAllThatQuiescesAboveRestAgain) {
  // q1 -> plain -> q2 -> {a, b}: also through what does not quiesce.
  const ResourceGraph graph =
      Graph({{"q1", {"plain"}}, {"plain", {"q2"}}, {"q2", {"a", "b"}}, {"a", {}}, {"b", {}}});
  std::map<ResourceKey, bool> finished;
  for (const auto& node : graph.nodes()) finished[node.key] = node.key.id != "a";
  const auto next = runtime::NextEpochs(
      Operation::kRestore, graph, [](const ResourceKey& key) { return key.id.starts_with("q"); },
      finished, {});
  const std::set<std::string> again{"q1", "q2", "a"};
  for (const auto& node : graph.nodes()) {
    EXPECT_EQ(next.at(node.key), again.contains(node.key.id) ? 2U : 1U) << node.key.id;
  }
}

TEST(NextEpochs, WithoutQuiescingEachResourceStandsAlone) {
  const ResourceGraph graph = Graph({{"p", {"a", "b"}}, {"a", {}}, {"b", {}}});
  const auto next =
      runtime::NextEpochs(Operation::kProtect, graph, [](const ResourceKey&) { return false; },
                          {{{"T", "p"}, true}, {{"T", "a"}, false}, {{"T", "b"}, true}}, {});
  EXPECT_EQ(next.at({"T", "a"}), 2U);
  EXPECT_EQ(next.at({"T", "b"}), 1U);
  EXPECT_EQ(next.at({"T", "p"}), 1U);
}

class OtherOperations : public ::testing::Test {
 protected:
  OtherOperations() {
    world.Add("T::App#shop");
    world.Add("T::Volume#a", {"T::App#shop"});
    protect = world.Publish();
  }
  World world;
  std::string protect;
};

TEST_F(OtherOperations, RestoreReadsBackAndNamesNewResources) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  const std::string restore = world.Publish(Operation::kRestore, "cp");
  const auto end = world.RunAll("restore-1", restore);
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kRestore, "restore-1");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->summary.state, RecordState::kRestored);
  bool found = false;
  for (const auto& resource : report->resources) {
    if (resource.resource.key.type != "T::Volume") continue;
    ASSERT_TRUE(resource.now);
    EXPECT_EQ(resource.now->id, "a-new");
    found = true;
  }
  EXPECT_TRUE(found);
}

TEST_F(OtherOperations, RestoreOfAnErrorCheckpointNeedsPartial) {
  world.script["parallel T::Volume#a"].fails = true;
  world.RunAll("cp", protect);
  world.script.clear();
  const std::string restore = world.Publish(Operation::kRestore, "cp");
  const auto refused = world.Begin("restore-1", restore);
  EXPECT_EQ(refused.code, ExitCode::kInvalidInput);
  EXPECT_THAT(refused.text, HasSubstr("--partial"));
  EXPECT_THAT(world.Unfinished(), IsEmpty());
  world.partial = true;
  EXPECT_EQ(world.Begin("restore-1", restore).code, ExitCode::kOk);
}

TEST_F(OtherOperations, DeleteRemovesTheCheckpointAndLeavesATombstone) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  const std::string deletion = world.Publish(Operation::kDelete, "cp");
  const auto end = world.RunAll("del-1", deletion);
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_EQ(world.StateOf("cp"), RecordState::kDeleted);
  EXPECT_EQ(world.StateOf("del-1", runtime::RecordKind::kDeletion), RecordState::kDeleted);
  const auto keys = world.tenant.ListAll("checkpoints/cp/");
  for (const std::string& key : *keys) {
    EXPECT_TRUE(key.starts_with("checkpoints/cp/state/") || key == "checkpoints/cp/plan") << key;
  }
  EXPECT_THAT(*world.tenant.ListAll("indices/"), IsEmpty());
  // A restore of it is refused now.
  EXPECT_EQ(world.Begin("restore-1", world.Publish(Operation::kRestore, "cp")).code,
            ExitCode::kInvalidInput);
}

TEST_F(OtherOperations, CheckpointBeingRestoredCannotBeDeleted) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  const std::string restore = world.Publish(Operation::kRestore, "cp");
  const std::string deletion = world.Publish(Operation::kDelete, "cp");
  ASSERT_EQ(world.Begin("restore-1", restore).code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("del-1", deletion).code, ExitCode::kLocked);
  EXPECT_EQ(world.StateOf("cp"), RecordState::kAvailable);
  EXPECT_THAT(world.Unfinished(), ElementsAre("restore-1"));
}

TEST_F(OtherOperations, CheckpointBeingDeletedCannotBeRestored) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  const std::string restore = world.Publish(Operation::kRestore, "cp");
  const std::string deletion = world.Publish(Operation::kDelete, "cp");
  ASSERT_EQ(world.Begin("del-1", deletion).code, ExitCode::kOk);
  EXPECT_NE(world.Begin("restore-1", restore).code, ExitCode::kOk);
  EXPECT_THAT(world.Unfinished(), ElementsAre("del-1"));
}

TEST_F(OtherOperations, DeletionThatFailedIsDoneByAnotherOne) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  const std::string deletion = world.Publish(Operation::kDelete, "cp");
  world.script["parallel T::Volume#a"].fails = true;
  EXPECT_EQ(world.RunAll("del-1", deletion).code, ExitCode::kRunFailed);
  EXPECT_EQ(world.StateOf("cp"), RecordState::kDeleting);
  world.script.clear();
  EXPECT_EQ(world.RunAll("del-2", deletion).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("cp"), RecordState::kDeleted);
}

TEST_F(OtherOperations, DeletionOfADeadProtectCleansUpFirst) {
  world.Begin("cp", protect);
  world.Run("cp", protect, "app-shop-pre");
  ASSERT_THAT(world.quiesced, SizeIs(1));
  const std::string deletion = world.Publish(Operation::kDelete, "cp");
  EXPECT_EQ(world.Begin("del-1", deletion).code, ExitCode::kLocked);
  world.now += runtime::kLeaseExpiry;
  EXPECT_EQ(world.RunAll("del-2", deletion).code, ExitCode::kOk);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("cp"), RecordState::kDeleted);
}

TEST_F(OtherOperations, VerifyEndsInVerified) {
  ASSERT_EQ(world.RunAll("cp", protect).code, ExitCode::kOk);
  EXPECT_EQ(world.RunAll("verify-1", world.Publish(Operation::kVerify, "cp")).code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("verify-1", runtime::RecordKind::kVerification), RecordState::kVerified);
}

TEST_F(OtherOperations, ADamagedMarkerStillLeadsToItsRecord) {
  ASSERT_EQ(world.Begin("cp", protect).code, ExitCode::kOk);
  const auto record = *runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "cp");
  const auto keys = *record.Markers();
  ASSERT_EQ(keys.size(), 1U);
  ASSERT_TRUE(world.tenant.Delete(keys.front()));
  ASSERT_TRUE(world.tenant.PutBytes(keys.front(), "garbage"));
  EXPECT_THAT(world.Unfinished(), ElementsAre("cp"));
  world.now += runtime::kLeaseExpiry;
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_EQ(world.StateOf("cp"), RecordState::kError);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

// Of one for each record, without a mark.
TEST_F(OtherOperations, AMarkerOfAnOlderBuildCounts) {
  ASSERT_EQ(world.Begin("cp", protect).code, ExitCode::kOk);
  const auto record = *runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "cp");
  const std::string key = record.Markers()->front();
  const std::string bytes = *world.tenant.GetBytes(key);
  ASSERT_TRUE(world.tenant.Delete(key));
  ASSERT_TRUE(world.tenant.PutBytes(runtime::UnfinishedKey("cp"), bytes));
  // One of a record whose name starts with this one's is none of it.
  ASSERT_TRUE(world.tenant.PutBytes(runtime::UnfinishedKey("cp-2"), bytes));
  EXPECT_THAT(*record.Markers(), ElementsAre(runtime::UnfinishedKey("cp")));
  EXPECT_THAT(world.Unfinished(), ElementsAre("cp"));
  ASSERT_TRUE(world.tenant.Delete(runtime::UnfinishedKey("cp-2")));
  world.now += runtime::kLeaseExpiry;
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_EQ(world.StateOf("cp"), RecordState::kError);
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

TEST_F(OtherOperations, ListsShowRecordsInOrderAndByFilter) {
  ASSERT_EQ(world.RunAll("cp-1", protect).code, ExitCode::kOk);
  world.now += std::chrono::hours(1);
  world.script["parallel T::Volume#a"].fails = true;
  world.RunAll("cp-2", protect);
  world.script.clear();
  world.now += std::chrono::hours(1);
  ASSERT_EQ(world.RunAll("cp-3", protect).code, ExitCode::kOk);
  const auto ids = [&](const runtime::RecordFilter& filter) {
    std::vector<std::string> found;
    const auto listed = runtime::ListCheckpoints(world.tenant, filter);
    EXPECT_TRUE(listed);
    for (const auto& one : *listed) found.push_back(one.id);
    return found;
  };
  EXPECT_THAT(ids({}), ElementsAre("cp-1", "cp-2", "cp-3"));
  runtime::RecordFilter available;
  available.state = RecordState::kAvailable;
  EXPECT_THAT(ids(available), ElementsAre("cp-1", "cp-3"));
  runtime::RecordFilter other_plan;
  other_plan.plan = "weekly";
  EXPECT_THAT(ids(other_plan), IsEmpty());
  runtime::RecordFilter late;
  late.since = world.now;
  EXPECT_THAT(ids(late), ElementsAre("cp-3"));
  runtime::RecordFilter nightly;
  nightly.plan = "nightly";
  const auto status = runtime::ReadPlanStatus(world.tenant, nightly, 2);
  ASSERT_TRUE(status);
  ASSERT_THAT(*status, SizeIs(1));
  EXPECT_EQ(status->front().checkpoint, "cp-3");
  const auto source = runtime::ReadRecordGraph(world.tenant, "cp-3");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->graph.size(), 2U);
  EXPECT_EQ(source->plugins.at(Key("T::Volume#a")), "scripted-Volume");
}

}  // namespace
}  // namespace holdfast::testing_runtime
