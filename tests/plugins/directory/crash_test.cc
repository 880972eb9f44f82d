// A step killed at each failpoint of the plugin, and run again, or never run again.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::IsEmpty;

class ProtectCrash : public DirectoryTest, public testing::WithParamInterface<const char*> {
 protected:
  ProtectCrash() { MakeSampleTree(source_); }
  const Value parameters_ = Map({{"snapshot", "copy"}});
};

TEST_P(ProtectCrash, RunAgainItIsTheSame) {
  const ChildEnd end = RunInChild(GetParam(), [this] { return Protect(parameters_); });
  ASSERT_TRUE(end.killed) << "the failpoint is never reached";
  ASSERT_OK(Protect(parameters_));
  EXPECT_THAT(WorkFolders(), IsEmpty());
  ASSERT_OK(Verify());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
}

TEST_P(ProtectCrash, NeverRunAgainPostAloneCleansUp) {
  ASSERT_TRUE(RunInChild(GetParam(), [this] { return Protect(parameters_); }).killed);
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters_));
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Failpoints, ProtectCrash,
                         testing::Values("directory:staging-intent", "directory:staging-entry",
                                         "directory:staging-entry:12", "directory:staging-whole",
                                         "directory:staging-journaled", "directory:read-entry:9",
                                         "directory:read-finished", "directory:info-saved",
                                         "directory:staging-remove", "directory:removing:5",
                                         "directory:staging-removed"));

TEST_F(DirectoryTest, AKilledSnapshotThatFailsWhenItIsRunAgainLeavesNothing) {
  MakeSampleTree(source_);
  const Value parameters = Map({{"snapshot", "copy"}});
  for (const char* const failpoint : {"directory:staging-entry:12", "directory:staging-whole"}) {
    ASSERT_TRUE(RunInChild(failpoint, [&] { return Protect(parameters); }).killed);
    std::filesystem::rename(source_, source_ + ".away");
    MemoryCheckpoint checkpoint(*bank_, "c1");
    const Status status = Run(checkpoint, ActivityKind::kPre, parameters);
    ASSERT_FALSE(status);
    EXPECT_FALSE(status.error().half_done()) << status.error().Render();
    EXPECT_THAT(WorkFolders(), IsEmpty());
    std::filesystem::rename(source_ + ".away", source_);
  }
}

TEST_F(DirectoryTest, ASnapshotThatCannotBeRemovedIsHalfDone) {
  MakeFolder(source_);
  const Value parameters = Map({{"snapshot", "command"},
                                {"snapshot_create", List({"false"})},
                                {"snapshot_remove", List({"/bin/sh", "-c", "exit 9"})},
                                {"snapshot_path", folder_ / "snapshot"}});
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const Status status = Run(checkpoint, ActivityKind::kPre, parameters);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().half_done());
}

// Where the target is when the restore begins.
enum class Before { kNothing, kEmpty, kOther, kOnePath };

struct RestoreCase {
  const char* failpoint;
  Before before;
  bool in_pre = false;  // resources stand below it: pre writes, not parallel
};

class RestoreCrash : public DirectoryTest, public testing::WithParamInterface<RestoreCase> {
 protected:
  void SetUp() override {
    MakeSampleTree(source_);
    ASSERT_OK(Protect());
    if (GetParam().in_pre) {
      resource_.children = {{{"Local::SQLite::Database", "db"}, "db", Value(Value::Map{})}};
    }
    parameters_.Set("target", target_);
    switch (GetParam().before) {
      case Before::kNothing:
        break;
      case Before::kEmpty:
        MakeFolder(target_);
        break;
      case Before::kOther:
        MakeRandomTree(target_, 7, 40);
        MakeFolder(target_ + "/docs");
        WriteFile(target_ + "/docs/readme.txt", "another");
        WriteFile(target_ + "/docs/surplus", "another");
        parameters_.Set("overwrite", true).Set("existing", "replace");
        break;
      case Before::kOnePath:
        MakeFolder(target_);
        WriteFile(target_ + "/stays", "stays");
        parameters_.Set("only", "docs");
        break;
    }
  }
  bool Complete() {
    if (GetParam().before != Before::kOnePath) return DifferencesOf(source_, target_).empty();
    return DifferencesOf(source_ + "/docs", target_ + "/docs").empty();
  }
  Value parameters_ = Value(Value::Map{});
};

TEST_P(RestoreCrash, RunAgainItIsTheSame) {
  ASSERT_TRUE(RunInChild(GetParam().failpoint, [this] { return Restore(parameters_); }).killed)
      << "the failpoint is never reached";
  ASSERT_OK(Restore(parameters_));
  if (GetParam().before == Before::kOnePath) {
    EXPECT_EQ(DifferencesOf(source_ + "/docs/deep", target_ + "/docs/deep"), "");
    EXPECT_EQ(ReadFile(target_ + "/docs/readme.txt"), "read me\n");
    EXPECT_EQ(ReadFile(target_ + "/stays"), "stays");
  } else {
    EXPECT_EQ(DifferencesOf(source_, target_), "");
  }
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_P(RestoreCrash, NeverRunAgainPostAloneLeavesNothingHalfMade) {
  ASSERT_TRUE(RunInChild(GetParam().failpoint, [this] { return Restore(parameters_); }).killed);
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters_));
  EXPECT_THAT(WorkFolders(), IsEmpty());
  switch (GetParam().before) {
    case Before::kNothing:
      EXPECT_TRUE(!Exists(target_) || Complete());
      break;
    case Before::kEmpty:
      EXPECT_TRUE(std::filesystem::is_empty(target_) || Complete());
      break;
    case Before::kOther:
      break;  // some entries are the old ones, some the new, each is whole
    case Before::kOnePath:
      EXPECT_TRUE(!Exists(target_ + "/docs") ||
                  ReadFile(target_ + "/docs/readme.txt") == "read me\n");
      EXPECT_EQ(ReadFile(target_ + "/stays"), "stays");
      break;
  }
}

TEST_P(RestoreCrash, AResumeInANewEpochIsNotRefused) {
  ASSERT_TRUE(RunInChild(GetParam().failpoint, [this] { return Restore(parameters_); }).killed);
  MemoryCheckpoint old(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_OK(Run(old, ActivityKind::kPost, parameters_));
  MemoryCheckpoint again(*bank_, Operation::kRestore, "c1", "r1");
  again.set_epoch(2);
  ASSERT_OK(RunAllActivities(*plugin_, again, context_.context(), resource_, parameters_));
  EXPECT_EQ(ReadFile(target_ + "/docs/readme.txt"), "read me\n");
}

INSTANTIATE_TEST_SUITE_P(
    Failpoints, RestoreCrash,
    testing::Values(RestoreCase{"directory:restore-intended", Before::kNothing},
                    RestoreCase{"directory:restore-intended", Before::kOther},
                    RestoreCase{"directory:restore-intended", Before::kOnePath},
                    RestoreCase{"directory:restore-marked", Before::kNothing},
                    RestoreCase{"directory:restore-entry:9", Before::kNothing},
                    RestoreCase{"directory:restore-built", Before::kNothing},
                    RestoreCase{"directory:restore-renamed", Before::kNothing},
                    RestoreCase{"directory:restore-recorded", Before::kNothing},
                    RestoreCase{"directory:restore-clean", Before::kNothing},
                    RestoreCase{"directory:removing", Before::kNothing},
                    RestoreCase{"directory:restore-entry:3", Before::kEmpty},
                    RestoreCase{"directory:restore-built", Before::kEmpty},
                    RestoreCase{"directory:restore-renamed", Before::kEmpty},
                    RestoreCase{"directory:restore-marked", Before::kOther},
                    RestoreCase{"directory:restore-entry:12", Before::kOther},
                    RestoreCase{"directory:restore-temporary", Before::kOther},
                    RestoreCase{"directory:restore-temporary:8", Before::kOther},
                    RestoreCase{"directory:removing:4", Before::kOther},
                    RestoreCase{"directory:restore-recorded", Before::kOther},
                    RestoreCase{"directory:restore-clean", Before::kOther},
                    RestoreCase{"directory:restore-marked", Before::kOnePath},
                    RestoreCase{"directory:restore-entry:4", Before::kOnePath},
                    RestoreCase{"directory:restore-recorded", Before::kOnePath},
                    RestoreCase{"directory:restore-intended", Before::kNothing, true},
                    RestoreCase{"directory:restore-entry:9", Before::kNothing, true},
                    RestoreCase{"directory:restore-renamed", Before::kNothing, true},
                    RestoreCase{"directory:restore-recorded", Before::kNothing, true},
                    RestoreCase{"directory:restore-clean", Before::kNothing, true},
                    RestoreCase{"directory:restore-entry:12", Before::kOther, true},
                    RestoreCase{"directory:restore-recorded", Before::kOther, true}));

TEST_F(DirectoryTest, PostOfARestoreOfWhatTheCheckpointDoesNotHoldHasNothingToDo) {
  const Value parameters = Map({{"target", target_}});
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  const Status pre = Run(checkpoint, ActivityKind::kPre, parameters);
  ASSERT_FALSE(pre);
  EXPECT_EQ(pre.error().code(), ErrorCode::kNotFound);
  EXPECT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
}

// The work folder has the same name in every epoch.
TEST_F(DirectoryTest, ANewEpochRemovesWhatThePostOfTheOldOneCouldNot) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  MakeFolder(target_);
  WriteFile(target_ + "/stays", "stays");
  const Value parameters = Map({{"target", target_}, {"overwrite", true}, {"existing", "merge"}});
  ASSERT_TRUE(RunInChild("directory:restore-entry:9", [&] { return Restore(parameters); }).killed);
  ASSERT_FALSE(WorkFolders().empty());
  MemoryCheckpoint next(*bank_, Operation::kRestore, "c1", "r1");
  next.set_epoch(2);
  ASSERT_OK(Run(next, ActivityKind::kPre, parameters));
  ASSERT_OK(Run(next, ActivityKind::kPost, parameters));
  EXPECT_THAT(WorkFolders(), IsEmpty());
  EXPECT_EQ(ReadFile(target_ + "/stays"), "stays");
}

class DeleteCrash : public DirectoryTest, public testing::WithParamInterface<const char*> {};

TEST_P(DeleteCrash, RunAgainItEnds) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  const auto all = [this] {
    MemoryCheckpoint checkpoint(*bank_, Operation::kDelete, "c1", "d1");
    return RunAllActivities(*plugin_, checkpoint, context_.context(), resource_);
  };
  ASSERT_TRUE(RunInChild(GetParam(), all).killed);
  ASSERT_OK(all());
  EXPECT_EQ(MemoryCheckpoint(*bank_, "c1").StoredObjects(resource_), 0U);
}

INSTANTIATE_TEST_SUITE_P(Failpoints, DeleteCrash,
                         testing::Values("checkpoint:deleting", "checkpoint:deleting:2",
                                         "directory:deleted"));

class VerifyCrash : public DirectoryTest, public testing::WithParamInterface<const char*> {};

TEST_P(VerifyCrash, RunAgainItEndsAndNothingIsLeft) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  ASSERT_TRUE(RunInChild(GetParam(), [this] { return Verify(); }).killed);
  EXPECT_THAT(WorkFolders(), IsEmpty());
  EXPECT_OK(Verify());
}

INSTANTIATE_TEST_SUITE_P(Failpoints, VerifyCrash, testing::Values("directory:verify-entry:3"));

}  // namespace
}  // namespace holdfast::plugins::directory
