#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/base64.h"
#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::ElementsAre;
using testing::HasSubstr;

class ChangingTest : public DirectoryTest {
 protected:
  // Protects two files; while the first, a large one, is read, something happens.
  Status ProtectWhile(const std::string& on_change, std::function<void()> something) {
    if (!Exists(source_)) MakeFolder(source_);
    WriteFile(source_ + "/large", std::string(20U << 20U, 'l'));
    WriteFile(source_ + "/small", "s");
    InterruptedContext context(context_, std::move(something));
    MemoryCheckpoint checkpoint(*bank_, "c1");
    return RunAllActivities(*plugin_, checkpoint, context, resource_,
                            Map({{"on_change", on_change}}));
  }
  void Shorten() { ASSERT_EQ(::truncate((source_ + "/large").c_str(), 18 << 20), 0); }
};

TEST_F(ChangingTest, AFileThatChangesIsAWarningByDefault) {
  ASSERT_OK(ProtectWhile("warn", [this] { Shorten(); }));
  EXPECT_EQ(Saved().changed, 1);
  EXPECT_THAT(context_.log().text(), HasSubstr("large: changed while it was read"));
  ASSERT_OK(Verify());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(std::filesystem::file_size(target_ + "/large"), 20U << 20U);
}

TEST_F(ChangingTest, AFileThatChangesIsAFailureWhenThatIsWanted) {
  const Status status = ProtectWhile("fail", [this] { Shorten(); });
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("large changed while it was read"));
}

TEST_F(ChangingTest, AFileThatVanishesIsAWarningOrAFailure) {
  ASSERT_OK(ProtectWhile("warn", [this] { std::filesystem::remove(source_ + "/small"); }));
  EXPECT_EQ(Saved().changed, 1);
  EXPECT_OK(Verify());
  std::filesystem::remove_all(source_);
  const Status status =
      ProtectWhile("fail", [this] { std::filesystem::remove(source_ + "/small"); });
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("small vanished"));
}

// It was there all the time; where it was nobody had looked yet, where it is everybody had.
TEST_F(ChangingTest, WhatMovesPastTheReaderIsNotMissedInSilence) {
  MakeFolder(source_);
  const auto make = [this] {
    for (const char* const folder : {"/aaa", "/zzz", "/zzz/tree"}) MakeFolder(source_ + folder);
    WriteFile(source_ + "/zzz/tree/1", "one");
  };
  const auto move = [this] {
    std::filesystem::rename(source_ + "/zzz/tree", source_ + "/aaa/tree");
  };
  make();
  ASSERT_OK(ProtectWhile("warn", move));
  EXPECT_EQ(Saved().changed, 1);
  EXPECT_THAT(context_.log().text(),
              HasSubstr("aaa: entries came or went while the tree was read"));
  std::filesystem::remove_all(source_);
  MakeFolder(source_);
  make();
  const Status status = ProtectWhile("fail", move);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("entries of aaa came or went"));
}

// What this plugin, or another step, makes for itself in the tree is no change of it, nor what is
// excluded.
TEST_F(ChangingTest, WhatIsLeftOutMayComeAndGo) {
  ASSERT_OK(ProtectWhile(
      "fail", [this] { WriteFile(source_ + "/.holdfast-staging-0123456789abcdef", "s"); }));
  EXPECT_EQ(Saved().changed, 0);
}

TEST_F(DirectoryTest, AMissingDirectoryIsAFailure) {
  SetExtra("path", source_ + "/missing");
  const Status missing = Protect();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

// A tree of nobody's, in which nobody may not read everything: root may.
class UnreadableTest : public DirectoryTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "not root";
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    MakeFolder(folder_ / "open", 0777);
    for (const char* const path : {"", "/closed", "/sub"}) MakeFolder(source_ + path);
    for (const std::string& path : unreadable_) WriteFile(source_ + "/" + path, "kept");
    for (const char* const path : {"/closed/inside", "/readable", "/sub/readable"})
      WriteFile(source_ + path, "old");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_)) {
      ASSERT_EQ(::chown(entry.path().c_str(), kNobody, kNobody), 0);
    }
    ASSERT_EQ(::chown(source_.c_str(), kNobody, kNobody), 0);
    for (const std::string& path : unreadable_)
      ASSERT_EQ(::chmod((source_ + "/" + path).c_str(), 0000), 0);
    ASSERT_EQ(::chmod((source_ + "/closed").c_str(), 0000), 0);
  }
  // Protects as nobody, into a bank of its own, which then is the test's.
  ChildEnd ProtectAsNobody(const Value& parameters) {
    const std::string place = folder_ / "open/bank-" + parameters.StringOr("snapshot", "none") +
                              parameters.StringOr("on_unreadable", "fail");
    const ChildEnd end = RunInChild("", [&]() -> Status {
      if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return Internal("setuid");
      auto bank = OpenFilesystemBank(place);
      if (!bank) return std::move(bank).error();
      MemoryCheckpoint checkpoint(**bank, "c1");
      return RunAllActivities(*plugin_, checkpoint, context_.context(), resource_, parameters);
    });
    auto bank = OpenFilesystemBank(place);
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    return end;
  }

  static constexpr unsigned kNobody = 65534;
  const std::vector<std::string> unreadable_ = {"f", "sub/[a]*", "sub/not\xff UTF-8"};
};

TEST_F(UnreadableTest, IsAFailureByDefault) {
  EXPECT_EQ(ProtectAsNobody({}).exit_code, 4);
  EXPECT_EQ(ProtectAsNobody(Map({{"on_unreadable", "warn"}})).exit_code, 0);
}

TEST_F(UnreadableTest, IsNoOtherEntryThatARestoreRemoves) {
  for (const std::string snapshot : {"none", "copy"}) {
    SCOPED_TRACE(snapshot);
    ASSERT_EQ(
        ProtectAsNobody(
            Map({{"on_unreadable", "warn"}, {"snapshot", snapshot}, {"staging", folder_ / "open"}}))
            .exit_code,
        0);
    EXPECT_EQ(Saved().unreadable, 4);
    EXPECT_THAT(Saved().unreadable_paths, ElementsAre("closed", "f", "sub/[a]*"));
    EXPECT_THAT(Saved().unreadable_base64, ElementsAre(ToBase64(unreadable_[2])));
    WriteFile(source_ + "/other", "o");
    WriteFile(source_ + "/sub/aa", "o");
    ASSERT_OK(Restore(Map({{"overwrite", true}, {"existing", "replace"}}), "r-" + snapshot));
    for (const std::string& path : unreadable_) EXPECT_EQ(ReadFile(source_ + "/" + path), "kept");
    EXPECT_EQ(ReadFile(source_ + "/closed/inside"), "old");
    EXPECT_FALSE(Exists(source_ + "/other"));
    EXPECT_FALSE(Exists(source_ + "/sub/aa")) << "a name is no pattern";
  }
}

TEST_F(UnreadableTest, IsNotRemovedWhereTheCheckpointDoesNotNameIt) {
  ASSERT_EQ(ProtectAsNobody(Map({{"on_unreadable", "warn"}})).exit_code, 0);
  // As one of before the names were saved.
  MemoryCheckpoint checkpoint(*bank_, "c1");
  checkpoint.set_saved_info_schema(plugin_->descriptor().saved_info);
  DirectoryProtection::SavedInfo info = Saved();
  info.unreadable_base64.clear();
  ASSERT_OK(checkpoint.SaveInfo(resource_, ToValue(info)));
  ASSERT_OK(checkpoint.Commit());
  const Status refused = Restore(Map({{"overwrite", true}, {"existing", "replace"}}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(
      refused.error().message(),
      HasSubstr("4 entries could not be read when the checkpoint was made, and it names 3"));
  EXPECT_EQ(ReadFile(source_ + "/" + unreadable_[2]), "kept");
  ASSERT_OK(Restore(Map({{"overwrite", true}}), "merge"));
}

}  // namespace
}  // namespace holdfast::plugins::directory
