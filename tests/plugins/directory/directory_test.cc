#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include "plugins/local/directory/file_listing.h"
#include "plugins/sdk/base64.h"
#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(DirectoryTest, EverythingThatAFileSystemHasComesBack) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  ASSERT_OK(Verify());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(DirectoryTest, RandomTreesComeBack) {
  // A tree is worth many cases of other properties.
  const char* const wanted = std::getenv("HOLDFAST_PROPERTY_CASES");
  const int seeds = wanted == nullptr ? 6 : std::max(3, std::atoi(wanted) / 20);
  for (int seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SetUpAgain(seed);
    MakeRandomTree(source_, static_cast<std::uint64_t>(seed), 150);
    Value parameters = Map({{"snapshot", seed % 2 == 0 ? "copy" : "none"}});
    ASSERT_OK(Protect(parameters));
    ASSERT_OK(Verify());
    ASSERT_OK(RestoreTo(target_));
    ASSERT_EQ(DifferencesOf(source_, target_), "");
    // Over another tree: afterwards it is this one.
    std::filesystem::remove_all(target_);
    MakeRandomTree(target_, static_cast<std::uint64_t>(seed) + 1000, 60);
    ASSERT_OK(
        Restore(Map({{"target", target_}, {"overwrite", true}, {"existing", "replace"}}), "over"));
    ASSERT_EQ(DifferencesOf(source_, target_), "");
    ASSERT_THAT(WorkFolders(), IsEmpty());
  }
}

TEST_F(DirectoryTest, ComesBackToTheSamePlaceAfterALoss) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "contents");
  ASSERT_OK(Protect());
  std::filesystem::rename(source_, folder_ / "kept");
  ASSERT_OK(Restore({}));
  EXPECT_EQ(DifferencesOf(folder_ / "kept", source_), "");
  MemoryCheckpoint look(*bank_, Operation::kRestore, "c1", "r1");
  auto now = look.NewResource(resource_.key);
  ASSERT_OK(now);
  EXPECT_EQ(now->value(), resource_.key);
}

TEST_F(DirectoryTest, ParentsOfTheTargetAreMade) {
  MakeFolder(source_);
  ASSERT_OK(Protect());
  ASSERT_OK(RestoreTo(folder_ / "gone/with/the disk"));
  EXPECT_EQ(DifferencesOf(source_, folder_ / "gone/with/the disk"), "");
}

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

TEST_F(DirectoryTest, ExcludedEntriesAreLeftOut) {
  MakeFolder(source_);
  for (const char* const name : {"/cache", "/src", "/src/cache"}) MakeFolder(source_ + name);
  for (const char* const name :
       {"/a.tmp", "/keep.txt", "/cache/x", "/src/b.tmp", "/src/cache/y", "/src/c"}) {
    WriteFile(source_ + name, "x");
  }
  SetExtra("exclude", List({"*.tmp"}));
  ASSERT_OK(Protect(Map({{"exclude", List({"/cache/"})}})));
  ASSERT_OK(RestoreTo(target_));
  EXPECT_FALSE(Exists(target_ + "/a.tmp"));
  EXPECT_FALSE(Exists(target_ + "/src/b.tmp"));
  EXPECT_FALSE(Exists(target_ + "/cache"));
  EXPECT_TRUE(Exists(target_ + "/src/cache/y"));
  EXPECT_TRUE(Exists(target_ + "/keep.txt"));
  EXPECT_THAT(Saved().exclude, ElementsAre("*.tmp", "/cache/"));
}

TEST_F(DirectoryTest, OneFileSystemStopsAtMounts) {
  MakeFolder(source_);
  MakeFolder(source_ + "/mnt");
  if (::mount("tmpfs", (source_ + "/mnt").c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "nothing can be mounted: " << std::strerror(errno);
  }
  WriteFile(source_ + "/mnt/inside", "x");
  const Status all = Protect();
  const Status one = [&] {
    MemoryCheckpoint second(*bank_, "c2");
    return RunAllActivities(*plugin_, second, context_.context(), resource_,
                            Map({{"one_file_system", true}}));
  }();
  MemoryCheckpoint look(*bank_, Operation::kRestore, "c2", "r1");
  const Status restored =
      RunAllActivities(*plugin_, look, context_.context(), resource_, Map({{"target", target_}}));
  ::umount((source_ + "/mnt").c_str());
  ASSERT_OK(all);
  ASSERT_OK(one);
  ASSERT_OK(restored);
  EXPECT_EQ(Saved().files, 1);
  EXPECT_TRUE(Exists(target_ + "/mnt"));
  EXPECT_FALSE(Exists(target_ + "/mnt/inside"));
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

TEST_F(DirectoryTest, SocketsAreLeftOutWithAWarning) {
  MakeFolder(source_);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (source_ + "/socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_OK(Protect());
  ::close(fd);
  EXPECT_EQ(Saved().sockets, 1);
  EXPECT_THAT(context_.log().text(), HasSubstr("warning: socket: left out: a socket"));
}

// Calls back when the plugin reports its progress: in the middle of a large file.
class InterruptedContext final : public Context {
 public:
  InterruptedContext(Logger& log, ProcessRunner& processes, const Cancellation& cancellation,
                     std::function<void()> interruption)
      : Context("local", SystemClock(), log, processes, cancellation,
                SystemClock().Steady() + std::chrono::minutes(10)),
        interruption_(std::move(interruption)) {}
  void Report(const Progress&) override {
    if (interruption_) std::exchange(interruption_, nullptr)();
  }

 private:
  std::function<void()> interruption_;
};

class ChangingTest : public DirectoryTest {
 protected:
  // Protects two files; while the first, a large one, is read, something happens.
  Status ProtectWhile(const std::string& on_change, std::function<void()> something) {
    MakeFolder(source_);
    WriteFile(source_ + "/large", std::string(20U << 20U, 'l'));
    WriteFile(source_ + "/small", "s");
    const std::unique_ptr<ProcessRunner> processes = MakeProcessRunner();
    const Cancellation cancellation;
    InterruptedContext context(context_.log(), *processes, cancellation, std::move(something));
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

TEST_F(DirectoryTest, VerifyFindsAFlippedByteInEitherStream) {
  MakeSampleTree(source_);
  for (const char* const stream : {"tree", "files"}) {
    MemoryCheckpoint checkpoint(*bank_, fmt::format("c-{}", stream));
    ASSERT_OK(RunAllActivities(*plugin_, checkpoint, context_.context(), resource_));
    ASSERT_OK(checkpoint.Damage(resource_, stream));
    MemoryCheckpoint verify(*bank_, Operation::kVerify, fmt::format("c-{}", stream), "v");
    const Status status = RunAllActivities(*plugin_, verify, context_.context(), resource_);
    ASSERT_FALSE(status) << stream;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt) << stream;
  }
}

TEST_F(DirectoryTest, DeleteLeavesNoDataInTheBank) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "x");
  ASSERT_OK(Protect());
  MemoryCheckpoint checkpoint(*bank_, Operation::kDelete, "c1", "d1");
  ASSERT_GT(checkpoint.StoredObjects(resource_), 0U);
  ASSERT_OK(RunAllActivities(*plugin_, checkpoint, context_.context(), resource_));
  EXPECT_EQ(checkpoint.StoredObjects(resource_), 0U);
  EXPECT_OK(RunAllActivities(*plugin_, checkpoint, context_.context(), resource_));
}

TEST_F(DirectoryTest, TheListingShowsEveryEntryWithoutTheData) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  MemoryCheckpoint look(*bank_, Operation::kVerify, "c1", "v1");
  auto stream = look.OpenData(resource_, "files");
  ASSERT_OK(stream);
  FileListingReader reader(**stream);
  std::map<std::string, FileLine> lines;
  for (;;) {
    auto line = reader.Next();
    ASSERT_OK(line);
    if (!*line) break;
    lines[(*line)->path] = **line;
  }
  EXPECT_EQ(static_cast<std::int64_t>(lines.size()), Saved().entries);
  EXPECT_EQ(lines["latin-\xe4\xf6\xfc"].size, 9U);
  EXPECT_EQ(lines["dangling"].target, "/nowhere/\xff\n");
  EXPECT_EQ(lines["link again"].type, "hard-link");
  EXPECT_EQ(lines["large"].size, (5U << 20U) + 17);
  EXPECT_LT(lines["sparse"].data, 1U << 20U);
}

// A listing that somebody made, or damage that took its newlines away.
TEST(FileListing, ALineWithoutEndIsRefusedBeforeItFillsTheMemory) {
  class Endless final : public ByteSource {
   public:
    Result<std::size_t> Read(std::span<std::byte> buffer) override {
      std::fill(buffer.begin(), buffer.end(), std::byte{'x'});
      given += buffer.size();
      // Not for ever, where nobody stops.
      return given > 4 * kLongestFileLine ? 0 : buffer.size();
    }
    std::uint64_t given = 0;
  };
  Endless source;
  FileListingReader reader(source);
  const auto line = reader.Next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(line.error().message(), HasSubstr("a line of more than 16777216 bytes"));
  EXPECT_LT(source.given, 2 * kLongestFileLine);
  // The longest line that there can be is read.
  TreeEntry entry;
  entry.type = EntryType::kHardLink;
  entry.path = std::string(1U << 20U, '\x01');
  entry.target = entry.path;
  std::string text;
  AppendFileLine(entry, true, true, text);
  MemorySource longest(text);
  FileListingReader again(longest);
  const auto read = again.Next();
  ASSERT_OK(read);
  EXPECT_EQ((*read)->path, entry.path);
}

TEST_F(DirectoryTest, TheLiveWindowIsSaid) {
  MakeFolder(source_);
  const WallTime before = SystemClock().Now();
  ASSERT_OK(Protect());
  const auto info = Saved();
  EXPECT_EQ(info.snapshot, "none");
  const auto begin = ParseTime(info.window_begin);
  const auto end = ParseTime(info.window_end);
  ASSERT_TRUE(begin && end);
  EXPECT_GE(*begin + std::chrono::milliseconds(1), before);
  EXPECT_LE(*begin, *end);
  EXPECT_THAT(context_.log().text(), HasSubstr("was read live"));
}

TEST_F(DirectoryTest, TheRateLimitHolds) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", std::string(4U << 20U, 'x'));
  const SteadyTime begin = SystemClock().Steady();
  ASSERT_OK(Protect(Map({{"rate_limit", "8 MiB"}})));
  EXPECT_GE(SystemClock().Steady() - begin, std::chrono::milliseconds(490));
}

TEST_F(DirectoryTest, AStopEndsTheReading) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", std::string(4U << 20U, 'x'));
  context_.cancellation().Set();
  const Status status = Protect(Map({{"rate_limit", "1"}}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
}

TEST_F(DirectoryTest, ASymlinkAsRootIsRefused) {
  MakeFolder(folder_ / "real");
  ASSERT_EQ(::symlink("real", source_.c_str()), 0);
  const Status status = Protect();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().Render(), HasSubstr("/real"));
}

TEST_F(DirectoryTest, AVeryDeepTreeComesBack) {
  MakeFolder(source_);
  // Deeper than descriptors may be open, and longer than a path may be.
  constexpr int kDepth = 450;
  ASSERT_EQ(::chdir(source_.c_str()), 0);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdir("d123456789", 0755), 0);
    ASSERT_EQ(::chdir("d123456789"), 0);
  }
  WriteFile("bottom", "here");
  ASSERT_EQ(::chdir("/"), 0);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit few{200, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Status protected_ = Protect(Map({{"snapshot", "copy"}}));
  const Status restored = RestoreTo(target_);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_OK(protected_);
  ASSERT_OK(restored);
  ASSERT_EQ(::chdir(target_.c_str()), 0);
  for (int i = 0; i < kDepth; ++i) ASSERT_EQ(::chdir("d123456789"), 0);
  EXPECT_EQ(ReadFile("bottom"), "here");
  ASSERT_EQ(::chdir("/"), 0);
}

TEST_F(DirectoryTest, ManySmallFilesComeBack) {
  MakeFolder(source_);
  for (int folder = 0; folder < 20; ++folder) {
    const std::string path = fmt::format("{}/{}", source_, folder);
    MakeFolder(path);
    for (int i = 0; i < 100; ++i) WriteFile(fmt::format("{}/{}", path, i), std::string(700, 'x'));
  }
  ASSERT_OK(Protect());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
  EXPECT_EQ(Saved().files, 2000);
}

TEST_F(DirectoryTest, ThePreflightSaysEverythingThatStandsInTheWay) {
  const auto preflight = [&](const Value& parameters = {}) {
    return testing_plugins::Preflight(*plugin_, context_.context(), resource_, parameters);
  };
  EXPECT_THAT(preflight(), testing::HasSubstr("not-found: "));
  std::filesystem::create_directory(source_);
  EXPECT_EQ(preflight(), "");
  EXPECT_EQ(preflight(Map({{"snapshot", "copy"}})), "");
  EXPECT_THAT(WorkFolders(), testing::IsEmpty()) << "the preflight left something";
  EXPECT_THAT(preflight(Map({{"snapshot", "copy"}, {"staging", folder_ / "nowhere"}})),
              testing::HasSubstr("not-found: the folder for the snapshot, '" +
                                 (folder_ / "nowhere") + "'"));
  EXPECT_EQ(preflight(Map({{"snapshot", "none"}, {"staging", folder_ / "nowhere"}})), "");
  const std::string problems =
      preflight(Map({{"snapshot", "command"},
                     {"snapshot_create", List({"no-such-program-of-holdfast", "{path}"})},
                     {"snapshot_remove", List({folder_ / "gone"})},
                     {"snapshot_path", "/x"}}));
  EXPECT_THAT(problems,
              testing::HasSubstr(
                  "not-found: snapshot_create: there is no program 'no-such-program-of-holdfast'"));
  EXPECT_THAT(problems, testing::HasSubstr("not-found: snapshot_remove: "));
}

TEST_F(DirectoryTest, EveryFaultInTheParametersOfProtectIsSaid) {
  const auto faults = [&](const Value& parameters) {
    return FaultsOf(*plugin_, Operation::kProtect, resource_, parameters);
  };
  EXPECT_EQ(faults(Map({{"exclude", List({"*.tmp", "/cache", "!x"})},
                        {"snapshot", "copy"},
                        {"staging", "/var//tmp/"}})),
            "");
  EXPECT_EQ(faults(Map({{"exclude", List({"*.tmp", "[a", "/", "x\\"})}, {"staging", "../copies"}})),
            "exclude[1]: exclude pattern '[a': a class '[' without ']'\n"
            "exclude[2]: exclude pattern '/' matches nothing\n"
            "exclude[3]: exclude pattern 'x\\': an escape '\\' with nothing behind it\n"
            "staging: staging '../copies' is not absolute\n");
  EXPECT_EQ(faults(Map({{"staging", "/a/../b"}})), "staging: staging '/a/../b' holds '..'\n");
  EXPECT_EQ(
      faults(Map({{"snapshot", "command"}})),
      "snapshot: 'snapshot: command' needs snapshot_create, snapshot_remove and snapshot_path\n");
  EXPECT_EQ(faults(Map({{"snapshot", "command"},
                        {"snapshot_create", List({"", "{path}"})},
                        {"snapshot_remove", List({"rm", std::string("a\0b", 3)})},
                        {"snapshot_path", "snapshots/{name}"}})),
            "snapshot_create[0]: snapshot_create names no program\n"
            "snapshot_remove[1]: a word of snapshot_remove holds a NUL byte\n"
            "snapshot_path: snapshot_path 'snapshots/name' is not absolute\n");
  EXPECT_EQ(faults(Map({{"snapshot", "command"},
                        {"snapshot_create", List({"make", "{path}"})},
                        {"snapshot_remove", List({"remove"})},
                        {"snapshot_path", "{path}/../snapshots/{name}"}})),
            "");
  SetExtra("path", "/");
  EXPECT_EQ(faults(Map({{"snapshot", "copy"}})), "snapshot: a copy of / has no place beside it\n");
  SetExtra("path", "srv");
  SetExtra("exclude", List({"[a"}));
  EXPECT_EQ(faults({}),
            "resource: the directory's path 'srv' is not absolute\n"
            "resource: exclude pattern '[a': a class '[' without ']'\n");
}

TEST_F(DirectoryTest, EveryFaultInTheParametersOfRestoreIsSaid) {
  const auto faults = [&](const Value& parameters) {
    return FaultsOf(*plugin_, Operation::kRestore, resource_, parameters);
  };
  EXPECT_EQ(faults({}), "");
  EXPECT_EQ(faults(Map({{"target", "/elsewhere"},
                        {"only", "a/b/"},
                        {"existing", "replace"},
                        {"overwrite", true}})),
            "");
  EXPECT_EQ(faults(Map({{"target", "elsewhere"}, {"only", "../../x"}, {"existing", "replace"}})),
            "target: target 'elsewhere' is not absolute\n"
            "only: only: '../../x' is no path below the directory\n"
            "existing: 'existing: replace' needs 'overwrite: true'\n");
  EXPECT_EQ(faults(Map({{"only_base64", "b2dk/"}})),
            "only_base64: only_base64: 'b2dk/' is no base64\n");
  EXPECT_EQ(faults(Map({{"only_base64", "Li4veA=="}})),  // ../x
            "only_base64: only_base64: '../x' is no path below the directory\n");
  EXPECT_EQ(faults(Map({{"only", "a"}, {"only_base64", "YQ=="}})),
            "only_base64: 'only' and 'only_base64' are both given\n");
  for (const char* const only : {"/", "/a", "a//b", "./a", "a/.."}) {
    EXPECT_EQ(faults(Map({{"only", only}})),
              fmt::format("only: only: '{}' is no path below the directory\n", only));
  }
  EXPECT_EQ(faults(Map({{"target", std::string("/srv\0/x", 7)}})),
            "target: target '/srv\\x00/x' holds a NUL byte\n");
  // Where it came from is the checkpoint's to say.
  SetExtra("path", "srv");
  EXPECT_EQ(faults({}), "");
}

// What the inventory says of a database and a directory inside.
std::vector<ResourceLink> TwoInside() {
  const auto owns = [](std::vector<std::string> paths) {
    Value::List list;
    for (std::string& path : paths) list.emplace_back(std::move(path));
    return Value(Value::Map{}).Set("owns", Value(std::move(list)));
  };
  return {{{"Local::SQLite::Database", "db"}, "db", owns({"a/[x]*.db", "a/[x]*.db-wal"})},
          {{"Local::Directory", "inner"}, "inner", owns({"inner"})}};
}

TEST_F(DirectoryTest, WhatResourcesBelowItOwnIsLeftOutAndLetAloneByARestore) {
  for (const std::string snapshot : {"none", "copy"}) {
    SCOPED_TRACE(snapshot);
    SetUpAgain(snapshot == "none" ? 0 : 1);
    for (const char* const path : {"", "/a", "/inner", "/inner/x", "/b", "/b/inner"}) {
      MakeFolder(source_ + path);
    }
    for (const char* const path : {"/a/[x]*.db", "/a/[x]*.db-wal", "/a/x.db", "/inner/x/f", "/f"}) {
      WriteFile(source_ + path, "old");
    }
    resource_.children = TwoInside();
    // No pattern takes it in again.
    ASSERT_OK(Protect(Map({{"snapshot", snapshot}, {"exclude", List({"!inner", "!*.db"})}})));
    ASSERT_OK(Verify());
    EXPECT_THAT(Saved().left_out, ElementsAre("a/[x]*.db", "a/[x]*.db-wal", "inner"));
    EXPECT_THAT(context_.log().text(),
                HasSubstr("because resources below it protect it: a/[x]*.db, a/[x]*.db-wal, inner "
                          "(Local::SQLite::Database#db, Local::Directory#inner)"));
    ASSERT_OK(RestoreTo(target_));
    EXPECT_TRUE(std::filesystem::exists(target_ + "/a/x.db"));
    EXPECT_TRUE(std::filesystem::exists(target_ + "/b/inner")) << "a name elsewhere is not it";
    EXPECT_FALSE(std::filesystem::exists(target_ + "/a/[x]*.db"));
    EXPECT_FALSE(std::filesystem::exists(target_ + "/inner"));
    WriteFile(source_ + "/a/[x]*.db", "newer");
    WriteFile(source_ + "/inner/x/g", "newer");
    WriteFile(source_ + "/g", "newer");
    ASSERT_OK(Restore(Map({{"overwrite", true}, {"existing", "replace"}}), "over-" + snapshot));
    EXPECT_FALSE(std::filesystem::exists(source_ + "/g"));
    EXPECT_TRUE(std::filesystem::exists(source_ + "/inner/x/g"));
    EXPECT_EQ(std::filesystem::file_size(source_ + "/a/[x]*.db"), 5U);
  }
}

TEST_F(DirectoryTest, WithResourcesBelowItTheTreeIsThereAfterPre) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "contents");
  const auto choice = [&](ActivityKind kind) {
    return plugin_->Choose(Operation::kRestore, kind, resource_, {})->kind;
  };
  EXPECT_EQ(choice(ActivityKind::kParallel), StepChoice::Kind::kOwn);
  resource_.children = TwoInside();
  EXPECT_EQ(choice(ActivityKind::kPre), StepChoice::Kind::kOwn);
  EXPECT_EQ(choice(ActivityKind::kParallel), StepChoice::Kind::kNone);
  EXPECT_EQ(choice(ActivityKind::kPost), StepChoice::Kind::kOwn);
  ASSERT_OK(Protect());
  std::filesystem::remove_all(source_);
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPre, {}));
  EXPECT_TRUE(std::filesystem::exists(source_ + "/f"));
  // A resource below it writes into it; its post takes nothing of that away.
  WriteFile(source_ + "/data.db", "a child's");
  ASSERT_OK(Run(checkpoint, ActivityKind::kPost, {}));
  EXPECT_TRUE(std::filesystem::exists(source_ + "/f"));
  EXPECT_TRUE(std::filesystem::exists(source_ + "/data.db"));
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(DirectoryTest, APreThatWritesUndoesWhatItHasHalfDone) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", std::string(1 << 20, 'x'));
  ASSERT_OK(Protect());
  std::filesystem::remove_all(source_);
  resource_.children = TwoInside();
  // Its data is damaged: the writing fails in the middle.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "bank")) {
    if (entry.is_regular_file() && entry.path().string().find("/data/") != std::string::npos &&
        entry.file_size() > 100) {
      std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
    }
  }
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  const Status failed = Run(checkpoint, ActivityKind::kPre, {});
  ASSERT_FALSE(failed);
  EXPECT_FALSE(failed.error().half_done());
  EXPECT_FALSE(std::filesystem::exists(source_));
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(DirectoryTest, AnActivityRefusesTheSameParametersAndTouchesNothing) {
  MakeFolder(source_);
  WriteFile(source_ + "/f", "contents");
  const Status refused =
      Protect(Map({{"snapshot", "copy"}, {"exclude", List({"[a"})}, {"staging", "copies"}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().OneLine(), AllOf(HasSubstr("'[a'"), HasSubstr("staging 'copies'")));
  ASSERT_OK(Protect());
  const Status again = Restore(Map({{"target", "elsewhere"}, {"only", ".."}}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(again.error().OneLine(), AllOf(HasSubstr("target 'elsewhere'"), HasSubstr("'..'")));
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::plugins::directory
