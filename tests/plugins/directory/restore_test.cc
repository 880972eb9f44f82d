#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(DirectoryTest, AnEmptyDirectoryIsNoExistingData) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "contents");
  SetTimes(source_, 1'000'000'000, 1);
  ASSERT_OK(Protect());
  MakeFolder(target_, 0700);
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
}

TEST_F(DirectoryTest, ExistingDataIsRefusedUnlessItMayBeOverwritten) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "old");
  ASSERT_OK(Protect());
  WriteFile(source_ + "/f", "new");
  WriteFile(source_ + "/other", "stays");
  const Status refused = Restore({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(refused.error().Render(), HasSubstr("overwrite: true"));
  EXPECT_EQ(ReadFile(source_ + "/f"), "new");
  ASSERT_OK(Restore(Map({{"overwrite", true}}), "r2"));
  EXPECT_EQ(ReadFile(source_ + "/f"), "old");
  EXPECT_EQ(ReadFile(source_ + "/other"), "stays");
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(DirectoryTest, OthersAreRemovedWhenThatIsWanted) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  MakeSampleTree(target_);
  MakeFolder(target_ + "/docs/extra");
  WriteFile(target_ + "/docs/extra/file", "x");
  std::filesystem::remove(target_ + "/large");
  MakeFolder(target_ + "/large");  // a directory where the checkpoint has a file
  WriteFile(target_ + "/large/in the way", "x");
  std::filesystem::remove_all(target_ + "/docs/deep");
  WriteFile(target_ + "/docs/deep", "a file where the checkpoint has a directory");
  ASSERT_OK(RestoreTo(target_, Map({{"overwrite", true}, {"existing", "replace"}})));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
}

TEST_F(DirectoryTest, WhatWasExcludedIsNoOtherThatIsRemoved) {
  MakeFolder(source_);
  MakeFolder(source_ + "/backup");
  MakeFolder(source_ + "/backup/bank");
  WriteFile(source_ + "/backup/bank/precious", "p");
  MakeFolder(source_ + "/keep");
  WriteFile(source_ + "/keep/file", "k");
  WriteFile(source_ + "/a", "a");
  ASSERT_OK(Protect(Map({{"exclude", List({"keep/", "backup/bank", "*.log"})}})));
  WriteFile(source_ + "/x.log", "log");
  WriteFile(source_ + "/other", "o");
  ASSERT_OK(Restore(Map({{"overwrite", true}, {"existing", "replace"}})));
  EXPECT_FALSE(Exists(source_ + "/other"));
  EXPECT_EQ(ReadFile(source_ + "/backup/bank/precious"), "p");
  EXPECT_EQ(ReadFile(source_ + "/keep/file"), "k");
  EXPECT_EQ(ReadFile(source_ + "/x.log"), "log");
}

TEST_F(DirectoryTest, WhatWasExcludedStaysAlsoInDirectoriesThatTheCheckpointDoesNotHave) {
  MakeFolder(source_);
  WriteFile(source_ + "/a", "a");
  ASSERT_OK(Protect(Map({{"exclude", List({"keep/", "/new/deep/one", "*.log"})}})));
  for (const char* folder : {"/new", "/new/deep", "/new/keep", "/gone", "/gone/deep"}) {
    MakeFolder(source_ + folder);
  }
  for (const char* file : {"/new/keep/file", "/new/deep/one", "/new/deep/two", "/new/x.log",
                           "/new/x", "/gone/deep/x"}) {
    WriteFile(source_ + file, "x");
  }
  ASSERT_OK(Restore(Map({{"overwrite", true}, {"existing", "replace"}})));
  EXPECT_TRUE(Exists(source_ + "/new/keep/file"));
  EXPECT_TRUE(Exists(source_ + "/new/deep/one"));
  EXPECT_TRUE(Exists(source_ + "/new/x.log"));
  EXPECT_FALSE(Exists(source_ + "/new/deep/two"));
  EXPECT_FALSE(Exists(source_ + "/new/x"));
  EXPECT_FALSE(Exists(source_ + "/gone"));
}

TEST_F(DirectoryTest, WhatWasExcludedStaysWhereTheCheckpointHasAFile) {
  MakeFolder(source_);
  WriteFile(source_ + "/a", "a");
  ASSERT_OK(Protect(Map({{"exclude", List({"keep/"})}})));
  std::filesystem::remove(source_ + "/a");
  MakeFolder(source_ + "/a");
  MakeFolder(source_ + "/a/keep");
  WriteFile(source_ + "/a/keep/file", "k");
  const Status restored = Restore(Map({{"overwrite", true}, {"existing", "replace"}}));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(ReadFile(source_ + "/a/keep/file"), "k");
}

TEST_F(DirectoryTest, NothingIsRemovedFromAnotherFileSystem) {
  MakeFolder(source_);
  MakeFolder(source_ + "/mnt");
  if (::mount("tmpfs", (source_ + "/mnt").c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  }
  WriteFile(source_ + "/mnt/inside", "x");
  const Status made = Protect(Map({{"one_file_system", true}}));
  WriteFile(source_ + "/other", "o");
  const Status restored = Restore(Map({{"overwrite", true}, {"existing", "replace"}}));
  const std::string inside = ReadFile(source_ + "/mnt/inside");
  const bool other = Exists(source_ + "/other");
  ::umount((source_ + "/mnt").c_str());
  ASSERT_OK(made);
  ASSERT_OK(restored);
  EXPECT_EQ(inside, "x");
  EXPECT_FALSE(other);
}

TEST_F(DirectoryTest, FilesOfOtherPluginsAtWorkAreNoData) {
  MakeFolder(source_);
  WriteFile(source_ + "/a", "a");
  WriteFile(source_ + "/.holdfast-0123456789abcdef.staged", "s");
  WriteFile(source_ + "/.holdfast-notes.txt", "mine");
  ASSERT_OK(Protect());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_FALSE(Exists(target_ + "/.holdfast-0123456789abcdef.staged"));
  EXPECT_EQ(ReadFile(target_ + "/.holdfast-notes.txt"), "mine");
}

TEST_F(DirectoryTest, ADirectoryInTheWayOfAFileIsRefusedWhereOthersAreKept) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "file");
  ASSERT_OK(Protect());
  MakeFolder(target_);
  MakeFolder(target_ + "/f");
  WriteFile(target_ + "/f/precious", "p");
  EXPECT_FALSE(RestoreTo(target_, Map({{"overwrite", true}})));
  EXPECT_EQ(ReadFile(target_ + "/f/precious"), "p");
}

TEST_F(DirectoryTest, OnePathComesBackAlone) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  ASSERT_OK(RestoreTo(target_, Map({{"only", "docs/deep"}})));
  EXPECT_EQ(DifferencesOf(source_ + "/docs/deep/--option", target_ + "/docs/deep/--option"), "");
  // Its first name is outside what was asked for.
  EXPECT_EQ(ReadFile(target_ + "/docs/deep/second name"), "read me\n");
  EXPECT_FALSE(Exists(target_ + "/docs/readme.txt"));
  EXPECT_FALSE(Exists(target_ + "/large"));
  struct stat st {};
  ASSERT_EQ(::stat((target_ + "/docs").c_str(), &st), 0);
  EXPECT_EQ(st.st_mtim.tv_sec, 1'400'000'000) << "the way to it is as it was";
}

TEST_F(DirectoryTest, OneFileComesBackIntoTheLiveTree) {
  MakeFolder(source_);
  MakeFolder(source_ + "/a");
  WriteFile(source_ + "/a/f", "good");
  WriteFile(source_ + "/a/g", "g");
  ASSERT_OK(Protect());
  WriteFile(source_ + "/a/f", "bad");
  WriteFile(source_ + "/a/g", "newer");
  const Status refused = Restore(Map({{"only", "a/f"}}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("a/f holds data already"));
  std::filesystem::remove(source_ + "/a/f");
  ASSERT_OK(Restore(Map({{"only", "a/f"}}), "r2"));
  EXPECT_EQ(ReadFile(source_ + "/a/f"), "good");
  EXPECT_EQ(ReadFile(source_ + "/a/g"), "newer");
  const Status missing = Restore(Map({{"only", "a/h"}}), "r3");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(Restore(Map({{"only", "../a"}}), "r4"));
}

TEST_F(DirectoryTest, AMountedEmptyTargetIsFilledInPlace) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "contents");
  SetTimes(source_, 1'000'000'000, 1);
  ASSERT_OK(Protect());
  MakeFolder(target_);
  if (::mount("tmpfs", target_.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  }
  const Status restored = RestoreTo(target_);
  const std::string differences = DifferencesOf(source_, target_);
  ::umount(target_.c_str());
  ASSERT_OK(restored);
  EXPECT_EQ(differences, "");
}

// A file system of its own, mounted at the target or below it.
class MountedTest : public DirectoryTest {
 protected:
  void SetUp() override {
    MakeFolder(source_);
    MakeFolder(source_ + "/sub");
    WriteFile(source_ + "/large", std::string(20U << 20U, 'l'));
    WriteFile(source_ + "/notes", "from the checkpoint");
    WriteFile(source_ + "/sub/deep", std::string(3U << 20U, 'd'));
    ASSERT_OK(Protect());
    MakeFolder(target_);
  }
  void TearDown() override {
    if (!mounted_.empty()) ::umount(mounted_.c_str());
  }
  bool Mount(const std::string& place) {
    if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=64m") != 0) return false;
    mounted_ = place;
    return true;
  }
  // While the large file is written something happens; then the run ends.
  Status RestoreWhile(std::function<void()> something) {
    InterruptedContext context(context_, std::move(something));
    MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
    return RunAllActivities(*plugin_, checkpoint, context, resource_, Map({{"target", target_}}));
  }
  std::vector<std::string> NamesBelow(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      names.push_back(std::filesystem::relative(entry.path(), folder));
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string mounted_;
};

// Only what is renamed to a name that is free is sure not to stand over what somebody has written
// since the restore was allowed.
TEST_F(MountedTest, WhatSomebodyWritesMeanwhileIsNeitherReplacedNorRemoved) {
  if (!Mount(target_)) GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  const Status refused = RestoreWhile([this] {
    WriteFile(target_ + "/notes", "of the application");
    MakeFolder(target_ + "/own");
    WriteFile(target_ + "/own/data", "of the application");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict) << refused.error().Render();
  EXPECT_EQ(ReadFile(target_ + "/notes"), "of the application");
  EXPECT_THAT(NamesBelow(target_), ElementsAre("notes", "own", "own/data"));
}

TEST_F(MountedTest, KilledWhileItFillsItIsEndedByItsPostOrRunAgain) {
  if (!Mount(target_)) GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  const auto restore = [this] { return Restore(Map({{"target", target_}})); };
  ASSERT_TRUE(RunInChild("directory:restore-filled:2", restore).killed);
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, Map({{"target", target_}})));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
  ASSERT_OK(restore());
  EXPECT_EQ(DifferencesOf(source_, target_), "");
}

TEST_F(MountedTest, KilledBeforeItFillsNothingOfItStays) {
  if (!Mount(target_)) GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  ASSERT_TRUE(RunInChild("directory:restore-entry:4", [this] {
                return Restore(Map({{"target", target_}}));
              }).killed);
  WriteFile(target_ + "/own", "of the application");
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, Map({{"target", target_}})));
  EXPECT_THAT(NamesBelow(target_), ElementsAre("own"));
}

// In place, over old data, on another file system than the target's parent, and below the target.
TEST_F(MountedTest, KilledInPlaceNoTemporaryEntryStays) {
  MakeFolder(target_ + "/sub");
  for (const char* const place : {"", "/sub"}) {
    if (!Mount(target_ + place)) GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
    WriteFile(target_ + "/notes", "old");
    const Value parameters = Map({{"target", target_}, {"overwrite", true}});
    const std::string record = std::string("r") + KeyPart(place);
    for (int nth = 1; nth <= 4; ++nth) {
      const ChildEnd end = RunInChild(fmt::format("directory:restore-temporary:{}", nth), [&] {
        return Restore(parameters, record + std::to_string(nth));
      });
      if (!end.killed) break;
      MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", record + std::to_string(nth));
      ASSERT_OK(Run(checkpoint, ActivityKind::kPost, parameters));
      for (const std::string& name : NamesBelow(target_))
        EXPECT_THAT(name, Not(HasSubstr(".holdfast"))) << place << " " << nth;
    }
    ASSERT_OK(Restore(parameters, record + "-whole"));
    EXPECT_EQ(DifferencesOf(source_, target_), "");
    ::umount(mounted_.c_str());
    mounted_.clear();
  }
}

TEST_F(DirectoryTest, TooLittleSpaceIsSeenBeforeAnythingIsWritten) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", std::string(3U << 20U, 'x'));
  ASSERT_OK(Protect());
  MakeFolder(target_);
  if (::mount("tmpfs", target_.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  }
  const Status refused = RestoreTo(target_ + "/deeper/tree");
  const bool touched = Exists(target_ + "/deeper");
  ::umount(target_.c_str());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(refused.error().message(), HasSubstr("1.0 MiB free"));
  EXPECT_FALSE(touched);
}

}  // namespace
}  // namespace holdfast::plugins::directory
