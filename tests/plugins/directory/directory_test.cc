#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/plugins/directory/directory_fixture.h"
#include "tests/sdk/property_cases.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DirectoryTest, EverythingThatAFileSystemHasComesBack) {
  MakeSampleTree(source_);
  ASSERT_OK(Protect());
  ASSERT_OK(Verify());
  ASSERT_OK(RestoreTo(target_));
  EXPECT_EQ(DifferencesOf(source_, target_), "");
  EXPECT_THAT(WorkFolders(), IsEmpty());
}

TEST_F(DirectoryTest, RandomTreesComeBack) {
  // A tree is worth many cases of other properties, and takes a second.
  const int seeds = testing::PropertyCases(6, 50, 3);
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

}  // namespace
}  // namespace holdfast::plugins::directory
