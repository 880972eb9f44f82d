#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SnapshotTest : public DirectoryTest {
 protected:
  // Protects with a snapshot; between pre and parallel the tree is damaged.
  void ProtectAndDamage(const Value& parameters) {
    MakeSampleTree(source_);
    MemoryCheckpoint checkpoint(*bank_, "c1");
    ASSERT_OK(Run(checkpoint, ActivityKind::kPre, parameters));
    ASSERT_EQ(::system(fmt::format("cp -a --sparse=always '{0}' '{0}.kept'", source_).c_str()), 0);
    WriteFile(source_ + "/docs/readme.txt", "damaged");
    std::filesystem::remove(source_ + "/large");
    ASSERT_OK(Run(checkpoint, ActivityKind::kParallel, parameters));
    ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
  }
};

TEST_F(SnapshotTest, ACopyIsOfTheMomentOfPre) {
  ProtectAndDamage(Map({{"snapshot", "copy"}}));
  ASSERT_OK(RestoreTo(target_));
  // The way the copy went: cp and our copy agree, and so does what was restored.
  EXPECT_EQ(DifferencesOf(source_ + ".kept", target_), "");
  EXPECT_EQ(ReadFile(target_ + "/docs/readme.txt"), "read me\n");
  EXPECT_THAT(WorkFolders(), IsEmpty());
  EXPECT_EQ(Saved().snapshot, "copy");
}

TEST_F(SnapshotTest, ReflinksShareBlocksOrSayThatTheyCannot) {
  MakeFolder(source_);
  WriteFile(source_ + "/a", std::string(10'000, 'a'));
  const int from = ::open((source_ + "/a").c_str(), O_RDONLY);
  const int to = ::open((folder_ / "clone").c_str(), O_WRONLY | O_CREAT, 0600);
  const bool can = ::ioctl(to, FICLONE, from) == 0;
  ::close(from);
  ::close(to);
  const Value parameters = Map({{"snapshot", "reflink"}});
  if (can) {
    std::filesystem::remove_all(source_);
    ProtectAndDamage(parameters);
    ASSERT_OK(RestoreTo(target_));
    EXPECT_EQ(DifferencesOf(source_ + ".kept", target_), "");
    return;
  }
  std::printf("the file system of %s has no reflinks: only the refusal is tested\n",
              source_.c_str());
  const Status status = Protect(parameters);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(status.error().Render(), HasSubstr("snapshot: copy"));
  EXPECT_THAT(WorkFolders(), IsEmpty()) << "a pre that fails undoes its own work";
}

TEST_F(SnapshotTest, TheStagingFolderCanBeElsewhere) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "x");
  MakeFolder(folder_ / "elsewhere");
  const Value parameters = Map({{"snapshot", "copy"}, {"staging", folder_ / "elsewhere"}});
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPre, parameters));
  ASSERT_THAT(WorkFolders(), SizeIs(1));
  EXPECT_THAT(WorkFolders().front(), HasSubstr("/elsewhere/.holdfast-staging-"));
  ASSERT_OK(Run(checkpoint, ActivityKind::kParallel, parameters));
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(SnapshotTest, StagingInsideTheTreeIsNotReadItself) {
  MakeFolder(source_);
  MakeFolder(source_ + "/f");
  ASSERT_OK(Protect(Map({{"snapshot", "copy"}, {"staging", source_}})));
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(Saved().entries, 2);
}

TEST_F(SnapshotTest, CommandsMakeAndRemoveTheSnapshot) {
  MakeSampleTree(source_);
  MakeFolder(folder_ / "snapshots");
  const Value parameters =
      Map({{"snapshot", "command"},
           {"snapshot_create",
            List({"sh", "-c", "cp -a \"$1\" \"$2\" && test \"$HOLDFAST_PATH\" = \"$1\"", "sh",
                  "{path}", folder_ / "snapshots/{name}"})},
           {"snapshot_remove", List({"rm", "-rf", folder_ / "snapshots/{name}"})},
           {"snapshot_path", folder_ / "snapshots/{name}"}});
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPre, parameters));
  EXPECT_FALSE(std::filesystem::is_empty(folder_ / "snapshots"));
  std::filesystem::remove(source_ + "/large");
  ASSERT_OK(Run(checkpoint, ActivityKind::kParallel, parameters));
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "snapshots"));
  ASSERT_OK(RestoreTo(target_));
  EXPECT_TRUE(Exists(target_ + "/large"));
  EXPECT_EQ(Saved().path, source_);
}

TEST_F(SnapshotTest, ACommandThatMakesNoSnapshotIsAWarning) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "new");
  const std::string fixed = folder_ / "fixed";
  MakeFolder(fixed);
  int record = 0;
  const auto warning_of = [&](const std::string& create, const std::string& remove,
                              const std::string& path) {
    const std::string before = context_.log().text();
    MemoryCheckpoint checkpoint(*bank_, fmt::format("c{}", ++record));
    const Status status = Run(checkpoint, ActivityKind::kPre,
                              Map({{"snapshot", "command"},
                                   {"snapshot_create", List({"sh", "-c", create, "{name}"})},
                                   {"snapshot_remove", List({"sh", "-c", remove, "{name}"})},
                                   {"snapshot_path", path}}));
    EXPECT_TRUE(status) << status.error().Render();
    return context_.log().text().substr(before.size());
  };
  const std::string empty = warning_of("true", "true", fixed);
  EXPECT_THAT(empty, HasSubstr("warning: snapshot_create ended well, but snapshot_path '" + fixed +
                               "' is the folder that was there before it"));
  EXPECT_THAT(empty, HasSubstr("with {name} in it"));
  WriteFile(fixed + "/f", "old");
  EXPECT_THAT(warning_of("true", "true", fixed), HasSubstr("old data may be protected"));
  const std::string by_name = "\"" + folder_.path() + "/$0\"";
  const std::string nothing =
      warning_of("mkdir " + by_name, "rm -rf " + by_name, folder_ / "{name}");
  EXPECT_THAT(nothing, HasSubstr("is empty, and the directory is not\n"));
  // What makes one is none: at its own path, or at the same each time.
  EXPECT_EQ(
      warning_of("cp -a '" + source_ + "' " + by_name, "rm -rf " + by_name, folder_ / "{name}"),
      "");
  EXPECT_EQ(
      warning_of("cp -a '" + source_ + "/.' '" + fixed + "'", "rm -rf '" + fixed + "'/*", fixed),
      "");
}

TEST_F(SnapshotTest, ACopyWithoutSpaceNamesTheFileOnce) {
  MakeFolder(source_);
  WriteFile(source_ + "/big", std::string(4U << 20U, 'x'));
  MakeFolder(folder_ / "small");
  if (::mount("tmpfs", (folder_ / "small").c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  }
  const Status full = Protect(Map({{"snapshot", "copy"}, {"staging", folder_ / "small"}}));
  ::umount((folder_ / "small").c_str());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message(), "big: copying: No space left on device");
}

TEST_F(SnapshotTest, ASnapshotThatFailsIsUndone) {
  MakeFolder(source_);
  Value parameters =
      Map({{"snapshot", "command"},
           {"snapshot_create", List({"sh", "-c", "mkdir " + (folder_ / "made") + "; exit 3"})},
           {"snapshot_remove", List({"rm", "-rf", folder_ / "made"})},
           {"snapshot_path", folder_ / "made"}});
  const Status status = Protect(parameters);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("snapshot_create failed: exit code 3"));
  EXPECT_FALSE(Exists(folder_ / "made"));
  parameters.MutableMap().erase("snapshot_remove");
  EXPECT_FALSE(Protect(parameters));
}

TEST_F(SnapshotTest, WithoutASnapshotThereIsNoStepForIt) {
  const auto choose = [this](ActivityKind kind, const char* snapshot) {
    return plugin_->Choose(Operation::kProtect, kind, resource_, Map({{"snapshot", snapshot}}))
        .value()
        .kind;
  };
  EXPECT_EQ(choose(ActivityKind::kPre, "none"), StepChoice::Kind::kNone);
  EXPECT_EQ(choose(ActivityKind::kPost, "none"), StepChoice::Kind::kNone);
  EXPECT_EQ(choose(ActivityKind::kParallel, "none"), StepChoice::Kind::kOwn);
  EXPECT_EQ(choose(ActivityKind::kPre, "copy"), StepChoice::Kind::kOwn);
  EXPECT_EQ(choose(ActivityKind::kPost, "reflink"), StepChoice::Kind::kOwn);
}

TEST_F(SnapshotTest, PostCleansUpWhatAStopLeft) {
  MakeSampleTree(source_);
  const Value parameters = Map({{"snapshot", "copy"}});
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPre, parameters));
  ASSERT_THAT(WorkFolders(), SizeIs(1));
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
  EXPECT_THAT(WorkFolders(), IsEmpty());
  EXPECT_OK(Run(checkpoint, ActivityKind::kPost, parameters));  // again: nothing there is success
}

}  // namespace
}  // namespace holdfast::plugins::directory
