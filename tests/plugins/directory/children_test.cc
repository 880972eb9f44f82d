#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/directory/directory_fixture.h"

namespace holdfast::plugins::directory {
namespace {

using namespace testing_plugins;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

// A directory with a database and another directory in it, as the inventory says it.
class ChildrenTest : public DirectoryTest {
 protected:
  ChildrenTest() {
    SetExtra("path", "/srv/app");
    resource_.key.id = "app";
  }
  static ResourceLink Database() { return Owning({"Local::SQLite::Database", "db"}, "db/data.db"); }
  static ResourceLink Inner() { return Owning({"Local::Directory", "inner"}, "files/inner"); }

  // What a restore means for a child: "left out", or its faults, one a line.
  std::string Of(const ResourceLink& child, const Value& parameters,
                 const Value& child_parameters = Value(Value::Map{})) {
    const ChildChoice choice = plugin_->ChooseForChild(
        Operation::kRestore, resource_, Checked(parameters), child, child_parameters);
    if (choice.left_out) return "left out";
    std::string text;
    for (const ParameterFault& fault : choice.faults) {
      text += fault.parameter + ": " + fault.error.message() + " / " + fault.error.hint() + "\n";
    }
    return text;
  }

 private:
  static ResourceLink Owning(ResourceKey key, const std::string& path) {
    return {std::move(key), "x", Value().Set("owns", List({path, path + "-wal"}))};
  }
  Value Checked(const Value& parameters) const {
    auto checked =
        CheckAgainstSchema(plugin_->descriptor().operation(Operation::kRestore).parameters,
                           parameters, "test", "parameters");
    HOLDFAST_CHECK(checked.has_value());
    return *checked;
  }
};

TEST_F(ChildrenTest, OnlyWhatThePathThatIsAskedForHoldsIsRestored) {
  EXPECT_EQ(Of(Database(), {}), "");
  EXPECT_EQ(Of(Database(), Map({{"only", "db"}})), "");
  EXPECT_EQ(Of(Database(), Map({{"only", "db/data.db"}})), "");
  EXPECT_EQ(Of(Database(), Map({{"only_base64", "ZGI="}})), "");
  EXPECT_EQ(Of(Database(), Map({{"only", "files"}})), "left out");
  EXPECT_EQ(Of(Database(), Map({{"only", "d"}})), "left out");
  EXPECT_EQ(Of(Inner(), Map({{"only", "files/inner/deep"}})), "left out");
  EXPECT_EQ(Of(Inner(), Map({{"only", "files"}})), "");
  // What is not in it (below it for another reason) is not its business.
  ResourceLink elsewhere = Database();
  elsewhere.facts = Value();
  EXPECT_EQ(Of(elsewhere, Map({{"only", "files"}, {"target", "/new"}, {"overwrite", true}})), "");
}

TEST_F(ChildrenTest, AnotherTargetNeedsOneOfEachThatIsInIt) {
  const Value target = Map({{"target", "/new/"}});
  EXPECT_THAT(Of(Database(), target),
              AllOf(HasSubstr("path: Local::Directory#app, which it lies in, is restored "
                              "to /new, but it itself would be"),
                    HasSubstr("give 'path: /new/db/data.db', or another place, for "
                              "'Local::SQLite::Database#db'")));
  EXPECT_THAT(Of(Inner(), target), HasSubstr("give 'target: /new/files/inner'"));
  EXPECT_EQ(Of(Database(), target, Map({{"path", "/new/db/data.db"}})), "");
  EXPECT_EQ(Of(Inner(), target, Map({{"target", "/srv/app/files/inner"}})), "");
  // What does not come back needs no place, and where it was is no other target.
  EXPECT_EQ(Of(Database(), Map({{"target", "/new"}, {"only", "files"}})), "left out");
  EXPECT_EQ(Of(Database(), Map({{"target", "/srv//app"}})), "");
}

TEST_F(ChildrenTest, WhatIsOverwrittenIsNotRefusedAfterwards) {
  const Value overwrite = Map({{"overwrite", true}});
  EXPECT_THAT(Of(Database(), overwrite),
              AllOf(HasSubstr("overwrite: Local::Directory#app, which it lies in, is "
                              "overwritten before"),
                    HasSubstr("'overwrite: true' for 'Local::SQLite::Database#db' too")));
  EXPECT_EQ(Of(Database(), overwrite, overwrite), "");
  EXPECT_EQ(Of(Database(), overwrite, Map({{"path", "/elsewhere/data.db"}})), "");
  EXPECT_THAT(Of(Database(), overwrite, Map({{"path", "/srv/app/other.db"}})),
              HasSubstr("overwrite: "));
}

TEST_F(ChildrenTest, OnlyARestoreAsks) {
  const ChildChoice choice = plugin_->ChooseForChild(Operation::kDelete, resource_,
                                                     Map({{"only", "files"}}), Database(), {});
  EXPECT_FALSE(choice.left_out);
  EXPECT_TRUE(choice.faults.empty());
}

TEST_F(ChildrenTest, APlaceOfARestoreLeavesOutWhatTheCheckpointWasMadeWithout) {
  SetExtra("exclude", List({"/listed/"}));
  const auto leaves_out = [&](const Value& saved, const char* path) {
    const std::vector<Place> places =
        plugin_->Places(Operation::kRestore, resource_, Map({{"target", ""}}), saved);
    return places.size() == 1 && places.front().leaves_out(path, true);
  };
  EXPECT_TRUE(leaves_out({}, "/srv/app/listed"));
  EXPECT_FALSE(leaves_out({}, "/srv/app/bank"));
  // What the inventory says of it now is not what the checkpoint was made with.
  const Value saved = Map(
      {{"path", "/srv/app"}, {"exclude", List({"/bank/"})}, {"left_out", List({"db/data.db"})}});
  EXPECT_TRUE(leaves_out(saved, "/srv/app/bank"));
  EXPECT_TRUE(leaves_out(saved, "/srv/app/db/data.db"));
  EXPECT_FALSE(leaves_out(saved, "/srv/app/listed"));
}

}  // namespace
}  // namespace holdfast::plugins::directory
