// Archives and targets that try to lead a restore out of its target.
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/local/directory/archive_reader.h"
#include "plugins/local/directory/archive_writer.h"
#include "plugins/local/directory/tree_writer.h"
#include "plugins/sdk/bytes.h"
#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;

TreeEntry Entry(const std::string& path, EntryType type, const std::string& target = {}) {
  TreeEntry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = type == EntryType::kDirectory ? 0755 : 0644;
  entry.uid = ::geteuid();
  entry.gid = ::getegid();
  entry.target = target;
  return entry;
}

// What reading an archive of one entry says.
Status ReadBack(const TreeEntry& entry) {
  StringSink sink(1U << 20U);
  auto writer = ArchiveWriter::Open(sink);
  HOLDFAST_CHECK(writer.has_value());
  HOLDFAST_CHECK((*writer)->Begin(entry).has_value());
  HOLDFAST_CHECK((*writer)->Close().has_value());
  MemorySource source(sink.data());
  auto reader = ArchiveReader::Open(source);
  if (!reader) return std::move(reader).error();
  auto next = (*reader)->Next();
  if (!next) return std::move(next).error();
  return Ok();
}

TEST(HostileArchive, PathsThatLeadOutAreCorrupt) {
  for (const char* const path :
       {"../x", "a/../../x", "/etc/x", "a//b", "./a", "a/./b", "..", "a/.."}) {
    const Status status = ReadBack(Entry(path, EntryType::kFile));
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt) << path;
    const Status link = ReadBack(Entry("a", EntryType::kHardLink, path));
    ASSERT_FALSE(link) << path;
    EXPECT_EQ(link.error().code(), ErrorCode::kCorrupt) << path;
  }
  EXPECT_OK(ReadBack(Entry("a/..b/...", EntryType::kFile)));
}

// Takes nothing.
class FullSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte>) override {
    ++calls;
    return Error(ErrorCode::kDenied, "full");
  }
  int calls = 0;
};

TEST(ArchiveWriter, AFailureOfTheSinkComesThroughAndNothingFollows) {
  FullSink sink;
  auto writer = ArchiveWriter::Open(sink);
  ASSERT_OK(writer);
  TreeEntry entry = Entry("f", EntryType::kFile);
  entry.size = 4U << 20U;
  ASSERT_OK((*writer)->Begin(entry));
  const std::string data(4U << 20U, 'x');
  const Status written = (*writer)->Data(AsBytes(data));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message(), "full");
  EXPECT_FALSE((*writer)->Close());
  writer->reset();
  EXPECT_EQ(sink.calls, 1);
}

class AttackTest : public DirectoryTest {
 protected:
  AttackTest() {
    MakeFolder(target_);
    MakeFolder(folder_ / "work", 0700);
    MakeFolder(folder_ / "outside");
  }
  std::unique_ptr<TreeWriter> Open(bool fresh) {
    TreeWriteOptions options;
    options.fresh = fresh;
    options.durable = false;
    options.work_folder = folder_ / "work";
    options.work_name = ".holdfast-restore-0123456789abcdef";
    auto writer = TreeWriter::Open(context_.context(), target_, std::move(options));
    HOLDFAST_CHECK(writer.has_value());
    return std::move(*writer);
  }
  static Status Nothing(int) { return Ok(); }
};

TEST_F(AttackTest, AnEntryBelowASymlinkOfTheArchiveIsRefused) {
  for (const bool fresh : {true, false}) {
    const auto writer = Open(fresh);
    ASSERT_OK(writer->Add(Entry("way", EntryType::kSymlink, folder_ / "outside"), {}));
    EXPECT_FALSE(writer->Add(Entry("way/in", EntryType::kFile), Nothing));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "outside"));
  }
}

TEST_F(AttackTest, ASymlinkInTheTargetIsReplacedNotFollowed) {
  ASSERT_EQ(::symlink((folder_ / "outside").c_str(), (target_ + "/way").c_str()), 0);
  WriteFile(folder_ / "outside/file", "precious");
  ASSERT_EQ(::symlink((folder_ / "outside/file").c_str(), (target_ + "/file").c_str()), 0);
  const auto writer = Open(false);
  ASSERT_OK(writer->Add(Entry("file", EntryType::kFile), Nothing));
  ASSERT_OK(writer->Add(Entry("way", EntryType::kDirectory), {}));
  ASSERT_OK(writer->Add(Entry("way/in", EntryType::kFile), Nothing));
  ASSERT_OK(writer->Finish());
  EXPECT_EQ(ReadFile(folder_ / "outside/file"), "precious");
  EXPECT_FALSE(Exists(folder_ / "outside/in"));
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(target_ + "/file")));
  EXPECT_TRUE(Exists(target_ + "/way/in"));
}

TEST_F(AttackTest, AHardLinkThroughASymlinkIsRefused) {
  WriteFile(folder_ / "outside/secret", "secret");
  const auto writer = Open(true);
  ASSERT_OK(writer->Add(Entry("way", EntryType::kSymlink, folder_ / "outside"), {}));
  EXPECT_FALSE(writer->Add(Entry("stolen", EntryType::kHardLink, "way/secret"), {}));
  EXPECT_FALSE(Exists(target_ + "/stolen"));
}

TEST_F(AttackTest, ATargetThatIsASymlinkIsRefused) {
  MakeFolder(source_);
  ASSERT_OK(Protect());
  ASSERT_EQ(::rmdir(target_.c_str()), 0);
  ASSERT_EQ(::symlink("outside", target_.c_str()), 0);
  EXPECT_FALSE(RestoreTo(target_, Map({{"overwrite", true}})));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "outside"));
}

TEST_F(AttackTest, RemovingOthersDoesNotFollowSymlinks) {
  MakeFolder(source_);
  ASSERT_OK(Protect());
  WriteFile(folder_ / "outside/file", "precious");
  ASSERT_EQ(::symlink((folder_ / "outside").c_str(), (target_ + "/way").c_str()), 0);
  ASSERT_OK(RestoreTo(target_, Map({{"overwrite", true}, {"existing", "replace"}})));
  EXPECT_FALSE(Exists(target_ + "/way"));
  EXPECT_EQ(ReadFile(folder_ / "outside/file"), "precious");
}

}  // namespace
}  // namespace holdfast::plugins::directory
