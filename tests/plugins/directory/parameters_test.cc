#include <cstring>
#include <string>

#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(DirectoryTest, ThePreflightSaysEverythingThatStandsInTheWay) {
  const auto preflight = [&](const Value& parameters = {}) {
    return testing_plugins::Preflight(*plugin_, context_.context(), resource_, parameters);
  };
  EXPECT_THAT(preflight(), testing::HasSubstr("not-found: "));
  std::filesystem::create_directory(source_);
  EXPECT_EQ(preflight(), "");
  std::filesystem::create_directory_symlink(source_, folder_ / "link");
  SetExtra("path", folder_ / "link");
  EXPECT_THAT(preflight(), HasSubstr("link is a symlink"));
  SetExtra("path", source_);
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
