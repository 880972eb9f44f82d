#include "plugins/sdk/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = (fs::temp_directory_path() / "holdfast-file-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~FileTest() override { fs::remove_all(folder_); }
  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST_F(FileTest, AFileThatIsReplacedKeepsItsMode) {
  ASSERT_TRUE(WriteFileDurably(At("f"), "old"));
  ASSERT_EQ(chmod(At("f").c_str(), 0600), 0);
  ASSERT_TRUE(WriteFileDurably(At("f"), "new"));
  EXPECT_EQ(*ReadFile(At("f")), "new");
  struct stat info {};
  ASSERT_EQ(stat(At("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, OfALinkTheFileBehindItIsWritten) {
  fs::create_directory(At("real"));
  fs::create_symlink("real/f", At("first"));
  fs::create_symlink(At("first"), At("second"));
  for (const char* const text : {"new", "newer"}) {  // not there yet, then there
    ASSERT_TRUE(WriteFileDurably(At("second"), text));
    EXPECT_TRUE(fs::is_symlink(At("second")) && fs::is_symlink(At("first")));
    EXPECT_EQ(*ReadFile(At("real/f")), text);
  }
}

TEST_F(FileTest, LinksInACircleAreAnError) {
  fs::create_symlink("b", At("a"));
  fs::create_symlink("a", At("b"));
  EXPECT_FALSE(WriteFileDurably(At("a"), "x"));
}

TEST_F(FileTest, ADeviceStaysADevice) {
  ASSERT_TRUE(WriteFileDurably("/dev/null", "x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_FALSE(IsFileOrAbsent("/dev/null"));
}

TEST_F(FileTest, APipeThatNobodyReadsIsAnErrorAndNotAWait) {
  ASSERT_EQ(mkfifo(At("pipe").c_str(), 0600), 0);
  const Status status = WriteFileDurably(At("pipe"), "x");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(fs::is_fifo(At("pipe")));
}

TEST_F(FileTest, APipeIsWrittenInto) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string text(1U << 20U, 'x');  // more than a pipe holds
  std::string got;
  std::thread reader([&] {
    std::string block(64U << 10U, '\0');
    for (ssize_t n = 0; (n = read(ends[0], block.data(), block.size())) > 0;) {
      got.append(block, 0, static_cast<std::size_t>(n));
    }
  });
  const Status status = WriteFileDurably("/proc/self/fd/" + std::to_string(ends[1]), text);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(got, text);
}

TEST_F(FileTest, APipeThatNobodyWritesIsAnErrorAndNotAWait) {
  ASSERT_EQ(mkfifo(At("pipe").c_str(), 0600), 0);
  const auto text = ReadFile(At("pipe"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(text.error().message(), At("pipe") + " is a pipe, not a file");
}

TEST_F(FileTest, ADeviceIsNoFile) {
  const auto text = ReadFile("/dev/zero");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), "/dev/zero is a device, not a file");
}

// As of a shell's <(...) and /dev/stdin: a pipe that has no name but its descriptor's.
TEST_F(FileTest, APipeWithoutANameIsReadToItsEndHoweverLateItIsWritten) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Result<std::string> text = Internal("not read");
  std::thread reader([&] { text = ReadFile("/proc/self/fd/" + std::to_string(ends[0])); });
  const std::string piece(64U << 10U, 'x');
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(write(ends[1], piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
    std::this_thread::yield();
  }
  close(ends[1]);
  reader.join();
  close(ends[0]);
  ASSERT_TRUE(text) << text.error().Render();
  EXPECT_EQ(text->size(), 8 * piece.size());
}

TEST_F(FileTest, AFolderIsRefused) {
  EXPECT_EQ(WriteFileDurably(folder_, "x").error().code(), ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace holdfast
