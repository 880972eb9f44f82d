#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "plugins/local/sqlite/sqlite_file.h"
#include "tests/plugins/sqlite/sqlite_fixture.h"

namespace holdfast::plugins::sqlite {
namespace {

using testing::HasSubstr;

TEST_F(SqliteTest, ADamagedDatabaseIsNoBackup) {
  Fill();
  Damage(path_);
  const Status refused = RunAll(Protect());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message(), HasSubstr("'" + path_ + "' is damaged"));
  EXPECT_THAT(refused.error().message(), testing::Not(HasSubstr("\\x0a")));
  EXPECT_THAT(refused.error().hint(), HasSubstr("'on_damaged: warn' protects it as it is"));
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"}) << "the staged copy is gone";
  // The application rests no longer for it: pre alone says nothing.
  MemoryCheckpoint checkpoint(*bank_, "c2");
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kPre));
  EXPECT_FALSE(Run(checkpoint, ActivityKind::kParallel));
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kPost));
}

TEST_F(SqliteTest, ADamagedDatabaseIsProtectedOnRequestAndRestoredOnRequest) {
  Fill();
  Damage(path_);
  const Value nevertheless = Value(Value::Map{}).Set("on_damaged", "warn");
  const Status protected_now = RunAll(Protect(), nevertheless);
  ASSERT_TRUE(protected_now) << protected_now.error().Render();
  EXPECT_THAT(context_.log().text(), HasSubstr("warning: the database '" + path_ + "' is damaged"));
  EXPECT_THAT(context_.log().text(), HasSubstr("no check was passed: it is protected as it is"));
  std::filesystem::remove(path_);
  const Status refused = RunAll(Restore(), Value(Value::Map{}).Set("check", "quick"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("was damaged when it was protected"));
  EXPECT_THAT(refused.error().message(), testing::Not(HasSubstr("\\x0a")));
  EXPECT_THAT(refused.error().hint(), HasSubstr("'check: as_protected'"));
  EXPECT_THAT(refused.error().hint(), HasSubstr("'check: none'"));
  EXPECT_EQ(Files(), std::set<std::string>{});
  MemoryCheckpoint again(*bank_, Operation::kRestore, "c1", "r2");
  const Status restored = RunAll(std::move(again));
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_THAT(context_.log().text(),
              HasSubstr("warning: the database of '" + path_ + "' is damaged"));
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  EXPECT_TRUE(RunAll(MemoryCheckpoint(*bank_, "c3"), Value(Value::Map{}).Set("check", "none")))
      << "without a check nobody looks";
}

// A row that an index does not have, which a quick check does not see: written while the index was
// not in the schema.
void DamageIndex(const std::string& path) {
  std::string root;
  {
    Database db(path);
    db.Do("create index by_what on orders(what)");
    root = db.Ask("select rootpage from sqlite_schema where name = 'by_what'");
    db.Do("pragma writable_schema = on; delete from sqlite_schema where name = 'by_what'");
  }
  Database db(path);
  db.Do(
      "update orders set what = 'x' where id = 5; pragma writable_schema = on;"
      "insert into sqlite_schema values('index', 'by_what', 'orders', " +
      root + ", 'create index by_what on orders(what)')");
}

TEST_F(SqliteTest, DamageOfAnIndexIsSeenBeforeItIsABackup) {
  Fill();
  DamageIndex(path_);
  sum_ = SumOf(path_);
  const Status refused = RunAll(Protect());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().hint(), HasSubstr("'check: quick' does not look so closely"));
}

TEST_F(SqliteTest, WhatProtectLetPassIsRestoredWithoutAWordMore) {
  Fill();
  DamageIndex(path_);
  sum_ = SumOf(path_);
  int record = 0;
  for (const Value& parameters :
       {Value(Value::Map{}).Set("check", "quick"), Value(Value::Map{}).Set("check", "none"),
        Value(Value::Map{}).Set("on_damaged", "warn")}) {
    const std::string checkpoint = fmt::format("p{}", ++record);
    ASSERT_TRUE(RunAll(MemoryCheckpoint(*bank_, checkpoint), parameters));
    Logged();
    const std::string copy = fmt::format("{}-{}", path_, checkpoint);
    const Value to = Value(Value::Map{}).Set("path", copy);
    const Status restored =
        RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, checkpoint, "r-" + checkpoint), to);
    ASSERT_TRUE(restored) << restored.error().Render();
    EXPECT_THAT(Logged(), HasSubstr("warning: the database of '" + copy + "' is damaged: row "));
    EXPECT_EQ(SumOf(copy), sum_);
    // Who wants it strict, gets it so.
    const Status strict =
        RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, checkpoint, "s-" + checkpoint),
               Value(Value::Map{}).Set("path", copy + "-strict").Set("check", "full"));
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().code(), ErrorCode::kCorrupt);
  }
}

// What only its application knows is no damage: a database that uses it is protected and restored, and
// what could not be checked is said.
TEST_F(SqliteTest, WhatOnlyItsApplicationKnowsIsNoDamage) {
  const struct {
    const char* sql;
    const char* obstacle;
    const char* checked;
  } kCases[] = {
      {"create index i on orders(what collate theirs)", "no such collation sequence: theirs",
       "none"},
      {"create index i on orders(theirs(what))", "unknown function: theirs()", "quick"},
      {"alter table orders add column derived text as (theirs(what))", "unknown function: theirs()",
       "none"},
      // Of a file that it may only read, SQLite checks no CHECK.
      {"create table checked(x check(theirs(x))); insert into checked values(1)", "", "full"},
  };
  for (const auto& c : kCases) {
    std::filesystem::remove(path_);
    Fill();
    {
      Database db(path_);
      db.DefineTheirs();
      db.Do(c.sql);
    }
    const std::string record = fmt::format("of-{}", &c - kCases);
    const bool sound = *c.obstacle == '\0';
    const std::string finding = sound ? "" : std::string("is not checkable: ") + c.obstacle;
    const auto warns_of = [&](const std::string& what) {
      const std::string text = Logged();
      if (sound) {
        EXPECT_THAT(text, testing::Not(HasSubstr("warning"))) << c.sql;
      } else {
        EXPECT_THAT(text, HasSubstr("warning: " + what + " " + finding)) << c.sql;
      }
    };
    Logged();
    const Status done = RunAll(MemoryCheckpoint(*bank_, record));
    ASSERT_TRUE(done) << c.sql << ": " << done.error().Render();
    warns_of("the database '" + path_ + "'");
    MemoryCheckpoint restore(*bank_, Operation::kRestore, record, "r" + record);
    restore.Give({database_.key});
    restore.set_saved_info_schema(plugin_->descriptor().saved_info);
    const auto saved = restore.SavedInfo(database_);
    ASSERT_TRUE(saved) << saved.error().Render();
    EXPECT_EQ(saved->StringOr("checked", ""), c.checked);
    EXPECT_EQ(saved->StringOr("finding", ""), finding);
    for (const char* const check : {"as_protected", "full"}) {
      const Status restored =
          RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, record, record + check),
                 Overwrite().Set("check", check));
      ASSERT_TRUE(restored) << c.sql << ": " << restored.error().Render();
      EXPECT_EQ(SumOf(path_), sum_);
      warns_of("the database of '" + path_ + "'");
    }
    const Status verified =
        RunAll(MemoryCheckpoint(*bank_, Operation::kVerify, record, "v" + record),
               Value(Value::Map{}).Set("integrity_check", true).Set("scratch", folder_.path()));
    EXPECT_TRUE(verified) << verified.error().Render();
    warns_of("the database '" + path_ + "'");
  }
}

TEST_F(SqliteTest, DamageBesideWhatOnlyItsApplicationKnowsIsSeen) {
  Fill();
  {
    Database db(path_);
    db.DefineTheirs();
    db.Do("create table theirs(x text collate theirs primary key) without rowid");
  }
  Damage(path_);
  const Status refused = RunAll(Protect());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
}

// A file that SQLite does not open any more.
TEST_F(SqliteTest, WhatIsNoDatabaseAnyMoreIsProtectedOnRequest) {
  const std::function<void()> kWays[] = {
      [&] { std::filesystem::resize_file(path_, 4096 * 20 + 100); },
      [&] {
        std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary)
            << std::string(100, '\0');
      },
      [&] { std::ofstream(path_) << std::string(5000, 'x'); },
  };
  int record = 0;
  for (const auto& damage : kWays) {
    std::filesystem::remove(path_);
    Fill();
    damage();
    const std::string bytes = BytesOf(path_);
    const std::string checkpoint = fmt::format("p{}", ++record);
    const Status refused = RunAll(MemoryCheckpoint(*bank_, checkpoint));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error().message(), HasSubstr("'" + path_ + "'"));
    EXPECT_THAT(refused.error().hint(), HasSubstr("'on_damaged: warn'"));
    EXPECT_THAT(refused.error().hint(), HasSubstr("Local::Directory protects it as a plain file"));
    const Value nevertheless = Value(Value::Map{}).Set("on_damaged", "warn");
    EXPECT_EQ(Preflight(*plugin_, context_.context(), database_, nevertheless), "");
    const Status done = RunAll(MemoryCheckpoint(*bank_, checkpoint), nevertheless);
    ASSERT_TRUE(done) << done.error().Render();
    EXPECT_THAT(Logged(), HasSubstr("warning: the database '" + path_ + "' cannot be read"));
    EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
    std::filesystem::remove(path_);
    const Status restored =
        RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, checkpoint, "r-" + checkpoint));
    ASSERT_TRUE(restored) << restored.error().Render();
    EXPECT_EQ(BytesOf(path_), bytes);
    EXPECT_THAT(Logged(), HasSubstr("warning: the database of '" + path_ + "' is damaged"));
  }
}

}  // namespace
}  // namespace holdfast::plugins::sqlite
