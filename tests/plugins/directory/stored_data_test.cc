#include <cstring>
#include <map>
#include <string>

#include "plugins/local/directory/file_listing.h"
#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::HasSubstr;

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

}  // namespace
}  // namespace holdfast::plugins::directory
