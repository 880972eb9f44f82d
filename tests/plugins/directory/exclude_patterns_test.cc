#include "plugins/local/directory/exclude_patterns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plugins/local/directory/file_listing.h"

namespace holdfast::plugins::directory {
namespace {

bool Excludes(const std::vector<std::string>& patterns, std::string_view path,
              bool is_directory = false) {
  auto parsed = ExcludePatterns::Parse(patterns);
  EXPECT_TRUE(parsed.has_value());
  return parsed && parsed->Excludes(path, is_directory);
}

TEST(ExcludePatterns, WithoutASlashANameMatchesAtAnyDepth) {
  EXPECT_TRUE(Excludes({"*.tmp"}, "a.tmp"));
  EXPECT_TRUE(Excludes({"*.tmp"}, "x/y/a.tmp"));
  EXPECT_FALSE(Excludes({"*.tmp"}, "x.tmp/y"));
  EXPECT_FALSE(Excludes({"*.tmp"}, "a.tmpx"));
}

TEST(ExcludePatterns, WithASlashThePathMatchesFromTheRoot) {
  EXPECT_TRUE(Excludes({"/cache"}, "cache"));
  EXPECT_FALSE(Excludes({"/cache"}, "x/cache"));
  EXPECT_TRUE(Excludes({"a/*/c"}, "a/b/c"));
  EXPECT_FALSE(Excludes({"a/*/c"}, "a/b/b/c"));
  EXPECT_TRUE(Excludes({"a/**/c"}, "a/c"));
  EXPECT_TRUE(Excludes({"a/**/c"}, "a/b/b/c"));
  EXPECT_TRUE(Excludes({"**/c"}, "c"));
  EXPECT_TRUE(Excludes({"a/**"}, "a/b/c"));
}

TEST(ExcludePatterns, AFinalSlashMeansDirectories) {
  EXPECT_TRUE(Excludes({"cache/"}, "x/cache", true));
  EXPECT_FALSE(Excludes({"cache/"}, "x/cache", false));
}

TEST(ExcludePatterns, ClassesEscapesAndQuestionMarks) {
  EXPECT_TRUE(Excludes({"[a-c]?"}, "bz"));
  EXPECT_FALSE(Excludes({"[a-c]?"}, "dz"));
  EXPECT_TRUE(Excludes({"[!a-c]"}, "d"));
  EXPECT_FALSE(Excludes({"[!a-c]"}, "a"));
  EXPECT_TRUE(Excludes({"[]x]"}, "]"));
  EXPECT_TRUE(Excludes({"[a\\]]"}, "]"));
  EXPECT_TRUE(Excludes({"\\*"}, "*"));
  EXPECT_FALSE(Excludes({"\\*"}, "a"));
  EXPECT_TRUE(Excludes({"\xff?"}, "\xff\xfe"));
}

TEST(ExcludePatterns, TheLastMatchCounts) {
  EXPECT_FALSE(Excludes({"*.log", "!keep.log"}, "keep.log"));
  EXPECT_TRUE(Excludes({"*.log", "!keep.log", "/keep.log"}, "keep.log"));
}

TEST(ExcludePatterns, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  EXPECT_FALSE(Excludes({pattern + "b"}, std::string(3000, 'a')));
}

TEST(ExcludePatterns, WrongPatternsAreRefused) {
  for (const char* const pattern : {"", "/", "!", "[a", "a\\", "x/[", "//"}) {
    EXPECT_FALSE(ExcludePatterns::Parse({pattern})) << pattern;
  }
}

TEST(FileListing, NamesOfAllBytesComeBack) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  for (std::string name : {all, std::string("plain"), std::string("\"\\\n\t\x01 \xc3\xa4"),
                           std::string("\xff"), std::string("ab\xff"), std::string("a\xff\xfe")}) {
    TreeEntry entry;
    entry.path = name;
    entry.type = EntryType::kSymlink;
    entry.target = name;
    std::string line;
    AppendFileLine(entry, false, false, line);
    ASSERT_EQ(line.back(), '\n');
    line.pop_back();
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto parsed = ParseFileLine(line);
    ASSERT_TRUE(parsed.has_value()) << line;
    EXPECT_EQ(parsed->path, name);
    EXPECT_EQ(parsed->target, name);
    EXPECT_EQ(parsed->type, "symlink");
  }
}

}  // namespace
}  // namespace holdfast::plugins::directory
