#include "plugins/banks/filesystem/filesystem_bank.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>

#include "plugins/sdk/bank_section.h"
#include "tests/bank/temporary_folder.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ObjectKey Key(std::string_view text) { return *ObjectKey::Parse(text); }

class FilesystemBankTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = OpenFilesystemBank(root_);
    ASSERT_TRUE(opened) << opened.error().Render();
    bank_ = *std::move(opened);
  }
  // Before the members of derived fixtures, which it may borrow, are gone.
  void TearDown() override { bank_.reset(); }
  std::vector<std::string> Keys(Bank& bank) {
    const auto page = bank.List({});
    std::vector<std::string> keys;
    for (const ObjectInfo& info : *page) keys.push_back(info.key.str());
    return keys;
  }
  void WriteFile(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
  }
  std::size_t FilesOnDisk() {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    return files;
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path root_ = folder_.path() / "bank";
  std::unique_ptr<Bank> bank_;
};

TEST_F(FilesystemBankTest, OpenMakesTheFolderButNotItsParents) {
  EXPECT_TRUE(std::filesystem::is_directory(root_));
  const auto missing = OpenFilesystemBank(folder_.path() / "no" / "bank");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().hint(), HasSubstr((folder_.path() / "no").string()));
}

TEST_F(FilesystemBankTest, WhoeverOnlyReadsMakesNoBank) {
  const std::filesystem::path other = folder_.path() / "other";
  const auto missing = OpenFilesystemBank(other, MissingBank::kRefuse);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("is not there yet"));
  EXPECT_FALSE(std::filesystem::exists(other));
  EXPECT_TRUE(OpenFilesystemBank(root_, MissingBank::kRefuse));
}

TEST_F(FilesystemBankTest, OpenRefusesAFile) {
  WriteFile("file", "x");
  const auto opened = OpenFilesystemBank(root_ / "file");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidInput);
}

TEST_F(FilesystemBankTest, ASlashAtTheEndOfThePathMeansNothing) {
  ASSERT_TRUE(PutBytes(*bank_, Key("a"), "x"));
  const auto again = OpenFilesystemBank(root_.string() + "/");
  ASSERT_TRUE(again);
  EXPECT_THAT(Keys(**again), ElementsAre("a"));
  EXPECT_EQ((*again)->Describe(), bank_->Describe());
}

TEST_F(FilesystemBankTest, NobodyElseMayReadWhatIsStored) {
  ASSERT_TRUE(PutBytes(*bank_, Key("folder/key"), "x"));
  struct stat info {};
  ASSERT_EQ(::stat((root_ / "folder/key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(info.st_nlink, 1U);
  ASSERT_EQ(::stat((root_ / "folder").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat(root_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

TEST_F(FilesystemBankTest, TemporaryFilesAndForeignNamesAreNotListed) {
  ASSERT_TRUE(PutBytes(*bank_, Key("folder/key"), "x"));
  WriteFile("folder/~0123456789abcdef", "half");
  WriteFile("folder/what is this", "x");
  WriteFile("lost+found/x", "x");
  std::filesystem::create_symlink("/etc/passwd", root_ / "folder/link");
  ASSERT_EQ(::mkfifo((root_ / "folder/fifo").c_str(), 0600), 0);
  EXPECT_THAT(Keys(*bank_), ElementsAre("folder/key"));
}

TEST_F(FilesystemBankTest, SymbolicLinksAndFifosAreNoObjects) {
  std::filesystem::create_symlink("/etc/passwd", root_ / "link");
  std::filesystem::create_directory_symlink("/etc", root_ / "etc");
  ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
  for (const char* key : {"link", "fifo"}) {
    StringSink sink(1 << 20U);
    const Status got = bank_->Get(Key(key), sink);
    ASSERT_FALSE(got) << key;
    EXPECT_EQ(got.error().code(), ErrorCode::kNotFound) << key;
    EXPECT_FALSE(bank_->Stat(Key(key))) << key;
  }
  // Nothing is written through a link that leads out.
  EXPECT_FALSE(PutBytes(*bank_, Key("etc/holdfast-test"), "x"));
  EXPECT_FALSE(std::filesystem::exists("/etc/holdfast-test"));
}

TEST_F(FilesystemBankTest, AFailedPutLeavesNoTemporaryFile) {
  MemorySource source("short");
  EXPECT_FALSE(bank_->Put(Key("a/b"), source, 100));
  EXPECT_EQ(FilesOnDisk(), 0U);
}

TEST_F(FilesystemBankTest, EmptyFoldersDoNotStandInTheWayOfAKey) {
  std::filesystem::create_directories(root_ / "a/b/c");
  std::filesystem::create_directories(root_ / "a/d");
  EXPECT_TRUE(PutBytes(*bank_, Key("a"), "x"));
  std::filesystem::create_directories(root_ / "lease/b");
  EXPECT_TRUE(bank_->Replace(Key("lease"), "x"));
  EXPECT_THAT(Keys(*bank_), ElementsAre("a", "lease"));
}

TEST_F(FilesystemBankTest, ReplaceOfAKeyThatOthersContinueIsAConflict) {
  ASSERT_TRUE(PutBytes(*bank_, Key("a/b"), "x"));
  const Status replaced = bank_->Replace(Key("a"), "y");
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code(), ErrorCode::kConflict);
}

TEST_F(FilesystemBankTest, DeleteRemovesTheFoldersThatItEmptied) {
  ASSERT_TRUE(PutBytes(*bank_, Key("a/b/c/d"), "x"));
  ASSERT_TRUE(PutBytes(*bank_, Key("a/e"), "x"));
  ASSERT_TRUE(bank_->Delete(Key("a/b/c/d")));
  EXPECT_FALSE(std::filesystem::exists(root_ / "a/b"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "a/e"));
}

TEST_F(FilesystemBankTest, TheSweepTakesOldTemporaryFilesOnly) {
  ASSERT_TRUE(PutBytes(*bank_, Key("a/b/key"), "x"));
  WriteFile("a/b/~old", "12345");
  WriteFile("~young", "x");
  const WallTime now = std::chrono::system_clock::now();
  struct timespec times[2] = {};
  times[0].tv_sec = times[1].tv_sec =
      std::chrono::system_clock::to_time_t(now - std::chrono::hours(25));
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "a/b/~old").c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "a/b/key").c_str(), times, 0), 0);

  const auto counted = bank_->SweepLeftovers("", std::chrono::hours(24), /*dry_run=*/true);
  ASSERT_TRUE(counted) << counted.error().Render();
  EXPECT_EQ(counted->count, 1U);
  EXPECT_EQ(counted->bytes, 5U);
  EXPECT_TRUE(std::filesystem::exists(root_ / "a/b/~old"));

  const auto swept = SweepFilesystemBank(root_, now);
  ASSERT_TRUE(swept);
  EXPECT_EQ(swept->files, 1U);
  EXPECT_FALSE(std::filesystem::exists(root_ / "a/b/~old"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "~young"));
  EXPECT_THAT(Keys(*bank_), ElementsAre("a/b/key"));
}

TEST_F(FilesystemBankTest, TheProbePassesHereAndLeavesNothing) {
  const Status probed = ProbeFilesystemBank(root_);
  EXPECT_TRUE(probed) << probed.error().Render();
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(FilesystemBankTest, TheProbeRefusesAFileSystemWithoutFiles) {
  const Status probed = ProbeFilesystemBank("/proc/self");
  ASSERT_FALSE(probed);
}

// Calls that fail where they are told to.
class FailingCalls : public banks::filesystem::FileCalls {
 public:
  int write_error = 0;
  int sync_error = 0;
  int link_error = 0;
  std::size_t longest_write = ~std::size_t{0};
  std::function<void()> before_create;
  bool link_answer_lost = false;
  bool links_overwrite = false;
  bool names_without_case = false;

  int OpenRoot(const char* path) override { return real().OpenRoot(path); }
  int OpenFolder(int f, const char* name) override { return real().OpenFolder(f, name); }
  int CreateFile(int f, const char* name) override {
    if (before_create) std::exchange(before_create, nullptr)();
    return real().CreateFile(f, name);
  }
  ssize_t Write(int file, std::span<const std::byte> data) override {
    if (write_error != 0) return -write_error;
    return real().Write(file, data.first(std::min(data.size(), longest_write)));
  }
  int Sync(int fd) override { return sync_error != 0 ? -sync_error : real().Sync(fd); }
  int Link(int f, const char* from, const char* to) override {
    if (link_error != 0) return -link_error;
    int linked = real().Link(f, from, to);
    if (links_overwrite && linked == -EEXIST) {
      std::ignore = real().Unlink(f, to);
      linked = real().Link(f, from, to);
    }
    if (names_without_case && linked == 0) {
      std::string upper = to;
      std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
      if (const int made = real().CreateFile(f, upper.c_str()); made >= 0) real().Close(made);
    }
    return link_answer_lost && linked == 0 ? -EEXIST : linked;
  }
  int Rename(int f, const char* from, const char* to) override {
    return real().Rename(f, from, to);
  }
  int Unlink(int f, const char* name) override { return real().Unlink(f, name); }
  int MakeFolder(int f, const char* name) override { return real().MakeFolder(f, name); }
  int MarkDurable(int f) override { return real().MarkDurable(f); }
  int RemoveFolder(int f, const char* name) override { return real().RemoveFolder(f, name); }
  void Close(int fd) override { real().Close(fd); }

 private:
  static FileCalls& real() { return banks::filesystem::SystemFileCalls(); }
};

class FailingFilesystemBankTest : public FilesystemBankTest {
 protected:
  void SetUp() override {
    auto opened = OpenFilesystemBank(root_, calls_);
    ASSERT_TRUE(opened) << opened.error().Render();
    bank_ = *std::move(opened);
  }
  FailingCalls calls_;
};

TEST_F(FailingFilesystemBankTest, AFullFileSystemIsDeniedAndSaysSo) {
  for (const int error : {ENOSPC, EDQUOT}) {
    calls_.write_error = error;
    const Status put = PutBytes(*bank_, Key("a"), "x");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(put.error().message(), HasSubstr("is full"));
    EXPECT_THAT(put.error().message(), HasSubstr(root_.string()));
  }
  calls_.write_error = 0;
  calls_.sync_error = ENOSPC;  // where space is reserved late
  const Status put = PutBytes(*bank_, Key("a"), "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kDenied);
  EXPECT_EQ(FilesOnDisk(), 0U);
}

TEST_F(FailingFilesystemBankTest, WhatMayNotBeDoneSaysWhoAsksAndWhoseItIs) {
  calls_.write_error = EACCES;
  const Status own = PutBytes(*bank_, Key("a/b"), "x");
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code(), ErrorCode::kDenied);
  const std::string me = fmt::format("this process is user {}", ::geteuid());
  EXPECT_THAT(own.error().hint(), HasSubstr(me));
  EXPECT_THAT(own.error().hint(), HasSubstr(fmt::format("'{}'", (root_ / "a").string())));
  EXPECT_THAT(own.error().hint(), HasSubstr("chmod"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives folders away";
  ASSERT_EQ(::chown((root_ / "a").c_str(), 4711, 4712), 0);
  const Status others = PutBytes(*bank_, Key("a/b"), "x");
  ASSERT_FALSE(others);
  EXPECT_THAT(others.error().hint(), HasSubstr(me));
  EXPECT_THAT(others.error().hint(), HasSubstr("is user 4711's (mode 0"));
  EXPECT_THAT(others.error().hint(), HasSubstr("holdfast init argo --run-as 4711:4712"));
}

TEST_F(FailingFilesystemBankTest, AFailedSyncIsAFailedPut) {
  calls_.sync_error = EIO;
  const Status put = PutBytes(*bank_, Key("a"), "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kInternal);
  EXPECT_TRUE(Keys(*bank_).empty());
}

TEST_F(FailingFilesystemBankTest, AFileSystemWithoutLinksIsDenied) {
  calls_.link_error = EPERM;
  const Status put = PutBytes(*bank_, Key("a"), "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(put.error().hint(), HasSubstr("bank check"));
  EXPECT_EQ(FilesOnDisk(), 0U);
}

TEST_F(FailingFilesystemBankTest, ShortWritesAreContinued) {
  calls_.longest_write = 3;
  ASSERT_TRUE(PutBytes(*bank_, Key("a"), "0123456789"));
  StringSink sink(100);
  ASSERT_TRUE(bank_->Get(Key("a"), sink));
  EXPECT_EQ(sink.data(), "0123456789");
}

TEST_F(FailingFilesystemBankTest, AFolderThatVanishesUnderAPutIsMadeAgain) {
  calls_.before_create = [&] { std::filesystem::remove_all(root_ / "a"); };
  EXPECT_TRUE(PutBytes(*bank_, Key("a/b/c"), "x"));
  EXPECT_THAT(Keys(*bank_), ElementsAre("a/b/c"));
}

TEST_F(FailingFilesystemBankTest, ALostAnswerOfLinkIsNoConflict) {
  calls_.link_answer_lost = true;
  EXPECT_TRUE(PutBytes(*bank_, Key("a"), "x"));
  EXPECT_THAT(Keys(*bank_), ElementsAre("a"));
}

TEST_F(FailingFilesystemBankTest, TheProbeRefusesAFileSystemWithoutLinks) {
  calls_.link_error = EOPNOTSUPP;
  const Status probed = ProbeFilesystemBank(root_, calls_);
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(probed.error().message(), HasSubstr("hard links"));
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(FailingFilesystemBankTest, TheProbeRefusesAFileSystemThatCannotSync) {
  calls_.sync_error = EINVAL;
  const Status probed = ProbeFilesystemBank(root_, calls_);
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code(), ErrorCode::kDenied);
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(FailingFilesystemBankTest, TheProbeRefusesLinksThatOverwrite) {
  calls_.links_overwrite = true;
  const Status probed = ProbeFilesystemBank(root_, calls_);
  ASSERT_FALSE(probed);
  EXPECT_THAT(probed.error().message(), HasSubstr("overwrote"));
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(FailingFilesystemBankTest, TheProbeRefusesNamesWithoutCase) {
  calls_.names_without_case = true;
  const Status probed = ProbeFilesystemBank(root_, calls_);
  ASSERT_FALSE(probed);
  EXPECT_THAT(probed.error().message(), HasSubstr("case"));
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

// Runs `work(i)` in processes of their own; true when all of them returned true.
bool InProcesses(int count, const std::function<bool(int)>& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(work(i) ? 0 : 1);
    children.push_back(child);
  }
  bool all = true;
  for (const pid_t child : children) {
    int status = 0;
    all = ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
          all;
  }
  return all;
}

TEST_F(FilesystemBankTest, OneOfManyProcessesCreatesAKey) {
  constexpr int kKeys = 100;
  auto* wins = static_cast<std::atomic<int>*>(::mmap(nullptr, sizeof(std::atomic<int>) * kKeys,
                                                     PROT_READ | PROT_WRITE,
                                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(wins, MAP_FAILED);
  EXPECT_TRUE(InProcesses(4, [&](int i) {
    const auto bank = OpenFilesystemBank(root_);
    if (!bank) return false;
    for (int n = 0; n < kKeys; ++n) {
      const Status created = (*bank)->CreateExclusive(Key("claims/c" + std::to_string(n)),
                                                      std::to_string(i), Settling::kWait);
      if (created) ++wins[n];
      if (!created && created.error().code() != ErrorCode::kConflict) return false;
    }
    return true;
  }));
  for (int n = 0; n < kKeys; ++n) EXPECT_EQ(wins[n].load(), 1) << n;
  ::munmap(wins, sizeof(std::atomic<int>) * kKeys);
}

TEST_F(FilesystemBankTest, ProcessesThatPutAndDeleteInOneFolderDoNotDisturbEachOther) {
  EXPECT_TRUE(InProcesses(4, [&](int i) {
    const auto bank = OpenFilesystemBank(root_);
    if (!bank) return false;
    for (int n = 0; n < 200; ++n) {
      const ObjectKey key = Key("a/b/c/k" + std::to_string(i));
      StringSink sink(100);
      if (!PutBytes(**bank, key, std::to_string(n)) || !(*bank)->Get(key, sink) ||
          sink.data() != std::to_string(n) || !(*bank)->List({}) || !(*bank)->Delete(key)) {
        return false;
      }
    }
    return true;
  }));
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

// Gives bytes without holding them.
class CountingSource final : public ByteSource {
 public:
  explicit CountingSource(std::uint64_t size) : rest_(size) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), rest_));
    std::fill_n(buffer.begin(), count, std::byte{'x'});
    rest_ -= count;
    return count;
  }

 private:
  std::uint64_t rest_;
};

class CountingSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte> data) override {
    bytes += data.size();
    return Ok();
  }
  std::uint64_t bytes = 0;
};

std::int64_t PeakMemory() {  // bytes
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

TEST_F(FilesystemBankTest, ALargeObjectStreamsThroughLittleMemory) {
  EXPECT_TRUE(InProcesses(1, [&](int) {
    const std::int64_t before = PeakMemory();
    constexpr std::uint64_t kSize = std::uint64_t{256} << 20U;
    CountingSource source(kSize);
    CountingSink sink;
    return bank_->Put(Key("large"), source, kSize) && bank_->Get(Key("large"), sink) &&
           sink.bytes == kSize && PeakMemory() - before < (std::int64_t{16} << 20U);
  }));
}

}  // namespace
}  // namespace holdfast
