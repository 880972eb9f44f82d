// The sample plugin (plugins/exec/sample/keyvalue.py), whole: every operation on a real bank, and
// killed in between.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/plugins/exec/script_plugin.h"

namespace holdfast::testing_plugins {
namespace {

using testing::HasSubstr;

constexpr std::string_view kValues = R"({"milk": 2, "bread": 1})";

class KeyValueTest : public ScriptPluginTest {
 protected:
  KeyValueTest() {
    std::filesystem::create_directory(folder_ / "stores");
    WriteStore("shop", kValues);
    thing_.key = {"Sample::KeyValue", "shop"};
    thing_.extra = Value().Set("path", StorePath("shop"));
    Plugin(std::string("exec:") + HOLDFAST_SAMPLE,
           Value().Set("folder", folder_ / "stores").Set("application", "app"));
  }
  void WriteStore(const std::string& name, std::string_view text) {
    std::ofstream(StorePath(name)) << text;
  }
  std::string StorePath(const std::string& name) const {
    return folder_ / ("stores/" + name + ".json");
  }
  std::string Store(const std::string& name) const {
    std::ifstream in(StorePath(name));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  // What lies in the folder beside the stores.
  std::size_t LeftOver() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "stores")) {
      count += entry.path().extension() == ".json" ? 0 : 1;
    }
    return count;
  }
  Status Protect(const Value& parameters = {}) {
    MemoryCheckpoint checkpoint(*bank_, "c1");
    return RunAllActivities(*plugin_, checkpoint, *context_, thing_, parameters);
  }
  Status Later(Operation operation, const Value& parameters = {}) {
    MemoryCheckpoint checkpoint(*bank_, operation, "c1",
                                std::string("r-") + std::string(NameOf(operation)));
    return RunAllActivities(*plugin_, checkpoint, *context_, thing_, parameters);
  }
};

TEST_F(KeyValueTest, ProtectsAndRestores) {
  ASSERT_EQ(ErrorText(Protect()), "");
  EXPECT_EQ(LeftOver(), 0U);
  std::filesystem::remove(StorePath("shop"));
  ASSERT_EQ(ErrorText(Later(Operation::kRestore)), "");
  EXPECT_EQ(Store("shop"), kValues);
  EXPECT_EQ(LeftOver(), 0U);
}

TEST_F(KeyValueTest, TheCopyIsOfThePointInTimeThatItSays) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_EQ(ErrorText(RunActivity(*plugin_, ActivityKind::kPre, checkpoint, *context_, thing_)),
            "");
  const WallTime after_pre = SystemClock().Now();
  WriteStore("shop", R"({"changed": 1})");
  ASSERT_EQ(
      ErrorText(RunActivity(*plugin_, ActivityKind::kParallel, checkpoint, *context_, thing_)), "");
  ASSERT_TRUE(checkpoint.PointInTime(thing_).has_value());
  EXPECT_LE(*checkpoint.PointInTime(thing_), after_pre);
  ASSERT_EQ(ErrorText(Later(Operation::kRestore, Value().Set("overwrite", true))), "");
  EXPECT_EQ(Store("shop"), kValues);
}

TEST_F(KeyValueTest, PreIsPolledAsOftenAsToldAndReportsIt) {
  ASSERT_EQ(ErrorText(Protect(Value().Set("polls", 3))), "");
}

TEST_F(KeyValueTest, RestoreRefusesToReplaceUnlessTold) {
  ASSERT_EQ(ErrorText(Protect()), "");
  WriteStore("shop", "{}");
  const Status status = Later(Operation::kRestore);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(Store("shop"), "{}");
}

TEST_F(KeyValueTest, RestoresUnderAnotherName) {
  ASSERT_EQ(ErrorText(Protect()), "");
  ASSERT_EQ(ErrorText(Later(Operation::kRestore, Value().Set("name", "copy"))), "");
  EXPECT_EQ(Store("copy"), kValues);
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r-restore");
  EXPECT_EQ((*restore.NewResource(thing_.key))->str(), "Sample::KeyValue#copy");
}

TEST_F(KeyValueTest, VerifyFindsDamage) {
  ASSERT_EQ(ErrorText(Protect()), "");
  EXPECT_EQ(ErrorText(Later(Operation::kVerify)), "");
  MemoryCheckpoint verify(*bank_, Operation::kVerify, "c1", "v2");
  ASSERT_TRUE(verify.Damage(thing_, "values").has_value());
  const Status status = RunAllActivities(*plugin_, verify, *context_, thing_);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
}

TEST_F(KeyValueTest, DeleteRemovesItFromTheBank) {
  ASSERT_EQ(ErrorText(Protect()), "");
  ASSERT_EQ(ErrorText(Later(Operation::kDelete)), "");
  MemoryCheckpoint checkpoint(*bank_, Operation::kVerify, "c1", "v1");
  EXPECT_EQ(checkpoint.StoredObjects(thing_), 0U);
  EXPECT_EQ(ErrorText(Later(Operation::kDelete)), "") << "again is a success";
}

TEST_F(KeyValueTest, AMissingStoreFailsAndLeavesNothing) {
  std::filesystem::remove(StorePath("shop"));
  const Status status = Protect();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(LeftOver(), 0U);
}

TEST_F(KeyValueTest, AStoreThatIsNotTheOneThatWasDiscoveredIsRefused) {
  thing_.extra = Value().Set("path", "/elsewhere/shop.json");
  EXPECT_THAT(ErrorText(Protect()), HasSubstr("discover the plan again"));
  thing_.extra = Value();
  EXPECT_THAT(ErrorText(Protect()), HasSubstr("discover the plan again"));
  EXPECT_EQ(LeftOver(), 0U);
}

TEST_F(KeyValueTest, AnUnknownParameterIsRefused) {
  EXPECT_THAT(ErrorText(Protect(Value().Set("poll", 3))), HasSubstr("did you mean 'polls'"));
}

TEST_F(KeyValueTest, FindsItsStores) {
  WriteStore("second", "{}");
  std::ofstream(folder_ / "stores/notes.txt") << "no store";
  const auto protectables = plugin_->TakeProtectables();
  ASSERT_EQ(protectables.size(), 1U);
  const auto found = protectables[0]->List(*context_);
  ASSERT_EQ(ErrorText(found), "");
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->at(0).key.id, "second");
  EXPECT_EQ(protectables[0]->Dependents(*context_, {{"Local::Application", "app"}, "", {}})->size(),
            2U);
  EXPECT_TRUE(
      protectables[0]->Dependents(*context_, {{"Local::Application", "other"}, "", {}})->empty());
  EXPECT_EQ(protectables[0]->Show(*context_, "../../etc/passwd").error().code(),
            ErrorCode::kNotFound);
}

TEST_F(KeyValueTest, ChecksBeforeItProtects) {
  const Parameters parameters({{thing_.key, Value().Set("polls", 0)}});
  EXPECT_THAT(plugin_->Check(*context_, thing_, parameters), testing::IsEmpty());
  std::filesystem::remove(StorePath("shop"));
  EXPECT_EQ(plugin_->Check(*context_, thing_, parameters).size(), 1U);
}

// --- killed in between ----------------------------------------------------------------------------

class KilledKeyValue : public KeyValueTest, public testing::WithParamInterface<const char*> {};

TEST_P(KilledKeyValue, ProtectRunAgainEndsAsIfNothingHadHappened) {
  const ChildEnd end = RunInChild(GetParam(), [&] { return Protect(Value().Set("polls", 1)); });
  ASSERT_TRUE(end.killed);
  ASSERT_EQ(ErrorText(Protect(Value().Set("polls", 1))), "");
  EXPECT_EQ(LeftOver(), 0U);
  EXPECT_EQ(ErrorText(Later(Operation::kVerify)), "");
}

TEST_P(KilledKeyValue, ProtectNotRunAgainIsCleanedUpByPost) {
  const ChildEnd end = RunInChild(GetParam(), [&] { return Protect(Value().Set("polls", 1)); });
  ASSERT_TRUE(end.killed);
  MemoryCheckpoint checkpoint(*bank_, "c1");
  checkpoint.set_all_succeeded(false);
  ASSERT_EQ(ErrorText(RunActivity(*plugin_, ActivityKind::kPost, checkpoint, *context_, thing_)),
            "");
  EXPECT_EQ(LeftOver(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Exec, KilledKeyValue,
                         testing::Values("exec:answered:1", "exec:applied:1", "exec:answered:2",
                                         "exec:applied:2", "exec:answered:3", "exec:applied:3",
                                         "exec:answered:4", "exec:applied:4", "exec:answered:5",
                                         "exec:applied:5", "keyvalue:copying", "keyvalue:copied",
                                         "keyvalue:cleaned"));

TEST_F(KeyValueTest, APreThatFailsAfterAKillRemovesWhatTheKilledOneLeft) {
  ASSERT_TRUE(RunInChild("keyvalue:copied", [&] { return Protect(); }).killed);
  ASSERT_EQ(LeftOver(), 1U);
  std::filesystem::remove(StorePath("shop"));
  const Status failed = Protect();
  ASSERT_FALSE(failed.has_value());
  EXPECT_FALSE(failed.error().half_done());
  EXPECT_EQ(LeftOver(), 0U);
}

TEST_F(KeyValueTest, APreThatCannotRemoveItsCopyIsHalfDone) {
  std::filesystem::remove(StorePath("shop"));
  MemoryCheckpoint checkpoint(*bank_, "c1");
  checkpoint.Give({thing_.key});
  ASSERT_TRUE(
      checkpoint.Journal(thing_, Value().Set("copy", folder_ / "stores/.copy-x").Set("polls", 0)));
  std::filesystem::create_directory(folder_ / "stores/.copy-x~");  // no unlink removes this
  const Status failed = RunActivity(*plugin_, ActivityKind::kPre, checkpoint, *context_, thing_);
  ASSERT_FALSE(failed.has_value());
  EXPECT_TRUE(failed.error().half_done());
}

class KilledRestore : public KeyValueTest, public testing::WithParamInterface<const char*> {
 protected:
  void Kill() {
    ASSERT_EQ(ErrorText(Protect()), "");
    std::filesystem::remove(StorePath("shop"));
    ASSERT_TRUE(RunInChild(GetParam(), [&] { return Later(Operation::kRestore); }).killed);
  }
};

TEST_P(KilledRestore, RunAgainEndsAsIfNothingHadHappened) {
  Kill();
  ASSERT_EQ(ErrorText(Later(Operation::kRestore)), "");
  EXPECT_EQ(Store("shop"), kValues);
  EXPECT_EQ(LeftOver(), 0U);
}

TEST_P(KilledRestore, NotRunAgainIsCleanedUpByPost) {
  Kill();
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r-restore");
  checkpoint.set_all_succeeded(false);
  ASSERT_EQ(ErrorText(RunActivity(*plugin_, ActivityKind::kPost, checkpoint, *context_, thing_)),
            "");
  EXPECT_EQ(LeftOver(), 0U);
  EXPECT_TRUE(Store("shop").empty() || Store("shop") == kValues);
}

INSTANTIATE_TEST_SUITE_P(Exec, KilledRestore,
                         testing::Values("exec:answered:1", "exec:applied:1", "exec:answered:2",
                                         "exec:applied:2", "exec:answered:3", "exec:applied:3",
                                         "keyvalue:restoring", "keyvalue:restored"));

class KilledDelete : public KeyValueTest, public testing::WithParamInterface<const char*> {};

TEST_P(KilledDelete, RunAgainEndsAsIfNothingHadHappened) {
  ASSERT_EQ(ErrorText(Protect()), "");
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return Later(Operation::kDelete); }).killed);
  ASSERT_EQ(ErrorText(Later(Operation::kDelete)), "");
  MemoryCheckpoint checkpoint(*bank_, Operation::kDelete, "c1", "r-delete");
  EXPECT_EQ(checkpoint.StoredObjects(thing_), 0U);
}

INSTANTIATE_TEST_SUITE_P(Exec, KilledDelete,
                         testing::Values("exec:answered:1", "exec:applied:1", "checkpoint:deleting",
                                         "keyvalue:deleted"));

class KilledVerify : public KeyValueTest, public testing::WithParamInterface<const char*> {};

TEST_P(KilledVerify, RunAgainEndsAsIfNothingHadHappened) {
  ASSERT_EQ(ErrorText(Protect()), "");
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return Later(Operation::kVerify); }).killed);
  EXPECT_EQ(ErrorText(Later(Operation::kVerify)), "");
  EXPECT_EQ(LeftOver(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Exec, KilledVerify,
                         testing::Values("exec:answered:1", "exec:applied:1", "keyvalue:verified"));

}  // namespace
}  // namespace holdfast::testing_plugins
