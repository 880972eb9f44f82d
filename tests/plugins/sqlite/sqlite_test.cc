#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/sqlite/sqlite_file.h"
#include "plugins/local/sqlite/sqlite_protection.h"
#include "plugins/local/staging/staging.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::sqlite {
namespace {

using namespace testing_plugins;
using testing::HasSubstr;

// A real database, written with SQLite itself.
class Database {
 public:
  explicit Database(const std::string& path) {
    HOLDFAST_CHECK(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void Do(const std::string& sql) {
    char* message = nullptr;
    ASSERT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << sql << ": " << message;
  }
  std::string Ask(const std::string& sql) {
    std::string out;
    const auto take = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) += values[0] == nullptr ? "NULL" : values[0];
      return 0;
    };
    char* message = nullptr;
    if (sqlite3_exec(db_, sql.c_str(), take, &out, &message) != SQLITE_OK) return message;
    return out;
  }
  // A function and a collation 'theirs', as an application has its own.
  void DefineTheirs() {
    const auto same = [](sqlite3_context* to, int, sqlite3_value** values) {
      sqlite3_result_value(to, values[0]);
    };
    const auto compare = [](void*, int a_size, const void* a, int b_size, const void* b) {
      const std::string_view left(static_cast<const char*>(a), static_cast<std::size_t>(a_size));
      const std::string_view right(static_cast<const char*>(b), static_cast<std::size_t>(b_size));
      return left.compare(right);
    };
    ASSERT_EQ(sqlite3_create_function(db_, "theirs", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                                      same, nullptr, nullptr),
              SQLITE_OK);
    ASSERT_EQ(sqlite3_create_collation(db_, "theirs", SQLITE_UTF8, nullptr, compare), SQLITE_OK);
  }

 private:
  sqlite3* db_ = nullptr;
};

// An application: another process that has the database open, and is at rest.
class Application {
 public:
  // Opens it, with the flags of sqlite3_open_v2, and runs `first`; `last` when it is told to end.
  Application(const std::string& path, const std::string& first, const std::string& last = "",
              int flags = SQLITE_OPEN_READWRITE) {
    std::array<int, 2> ready{};
    std::array<int, 2> go{};
    HOLDFAST_CHECK(::pipe(ready.data()) == 0 && ::pipe(go.data()) == 0);
    process_ = ::fork();
    HOLDFAST_CHECK(process_ >= 0);
    if (process_ == 0) {
      ::close(go[1]);
      sqlite3* db = nullptr;
      bool ok = sqlite3_open_v2(path.c_str(), &db, flags, nullptr) == SQLITE_OK &&
                sqlite3_exec(db, first.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
      char byte = ok ? 'r' : 'f';
      ok = ::write(ready[1], &byte, 1) == 1 && ok;
      ok = ::read(go[0], &byte, 1) == 0 && ok;
      ok = ok && sqlite3_exec(db, last.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
      sqlite3_close(db);
      ::_exit(ok ? 0 : 1);
    }
    ::close(go[0]);
    ::close(ready[1]);
    char byte = 0;
    HOLDFAST_CHECK(::read(ready[0], &byte, 1) == 1 && byte == 'r');
    ::close(ready[0]);
    go_ = go[1];
  }
  ~Application() {
    if (go_ >= 0) End();
  }
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  // False when a statement of it failed.
  bool End() {
    ::close(std::exchange(go_, -1));
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  // As a message names it.
  std::string name() const { return fmt::format("process {} (", process_); }

 private:
  pid_t process_ = 0;
  int go_ = -1;
};

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const char kSum[] = "select count(*) || '/' || coalesce(sum(id * length(what)), 0) from orders";

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    std::filesystem::create_directory(folder_ / "data");
    path_ = folder_ / "data/shop.db";
    database_.key = {"Local::SQLite::Database", path_};
    database_.name = "shop.db";
    database_.extra = Value(Value::Map{});
    database_.extra.Set("path", path_);
  }
  void Fill(const std::string& pragma = "") {
    Database db(path_);
    db.Do(pragma +
          "create table orders(id integer primary key, what text);"
          "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) "
          "insert into orders select i, hex(randomblob(100)) from n");
    sum_ = db.Ask(kSum);
  }
  std::string SumOf(const std::string& path) { return Database(path).Ask(kSum); }
  MemoryCheckpoint Protect() { return MemoryCheckpoint(*bank_, "c1"); }
  MemoryCheckpoint Restore() { return MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"); }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), database_, parameters);
  }
  Status RunAll(MemoryCheckpoint&& checkpoint, const Value& parameters = {}) {
    return RunAllActivities(*plugin_, checkpoint, context_.context(), database_, parameters);
  }
  void MustProtect() {
    const Status status = RunAll(Protect());
    ASSERT_TRUE(status) << status.error().Render();
  }
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "data")) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  // What was logged since the call before.
  std::string Logged() {
    const std::string text = context_.log().text();
    return text.substr(std::exchange(logged_, text.size()));
  }
  static Value Overwrite() {
    Value parameters(Value::Map{});
    parameters.Set("overwrite", true);
    return parameters;
  }

  TempFolder folder_;
  std::unique_ptr<Bank> bank_;
  std::string path_;
  std::string sum_;
  Resource database_;
  TestContext context_;
  std::size_t logged_ = 0;
  std::unique_ptr<ProtectionPlugin> plugin_ = MakePlugin<SqliteProtection>();
};

// A page in the middle of a file, overwritten as a bad disk does it; SQLite copies it as it is.
void Damage(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 10);
  file << std::string(512, '\xff');
}

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

TEST_F(SqliteTest, ComesBackAfterItWasLost) {
  Fill();
  ::chmod(path_.c_str(), 0640);
  MustProtect();
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  std::filesystem::remove_all(folder_ / "data");
  const Status restored = RunAll(Restore());
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_EQ(SumOf(path_), sum_);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(SqliteTest, AWalDatabaseInUseIsCopiedAtOnePointInTimeAndStaysWal) {
  Fill("pragma journal_mode=wal;");
  Database writer(path_);
  writer.Do("pragma wal_autocheckpoint=0; insert into orders values (5000, 'only in the wal')");
  const std::string sum = writer.Ask(kSum);
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  writer.Do("insert into orders values (6000, 'after the snapshot')");
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kParallel));
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  Value elsewhere(Value::Map{});
  elsewhere.Set("path", folder_ / "data/copy.db");
  ASSERT_TRUE(RunAll(Restore(), elsewhere));
  EXPECT_EQ(SumOf(folder_ / "data/copy.db"), sum);
  EXPECT_EQ(Database(folder_ / "data/copy.db").Ask("pragma journal_mode"), "wal");
  EXPECT_NE(writer.Ask(kSum), sum);
}

TEST_F(SqliteTest, AHotJournalOfACrashedApplicationIsRolledBackFirst) {
  Fill();
  ASSERT_TRUE(RunInChild("", [&]() -> Status {
                sqlite3* db = nullptr;
                sqlite3_open(path_.c_str(), &db);
                sqlite3_exec(db, "pragma cache_size=5; begin; delete from orders where id % 2",
                             nullptr, nullptr, nullptr);
                ::_exit(9);
              }).exit_code == 9);
  ASSERT_TRUE(std::filesystem::exists(path_ + "-journal"));
  MustProtect();
  ASSERT_TRUE(RunAll(Restore(), Overwrite()));
  EXPECT_EQ(SumOf(path_), sum_);
}

TEST_F(SqliteTest, RefusesToRestoreOverAFileThatIsThere) {
  Fill();
  MustProtect();
  Database(path_).Do("delete from orders");
  const Status status = RunAll(Restore());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(status.error().hint(), HasSubstr("overwrite"));
  EXPECT_EQ(SumOf(path_), "0/0");
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_F(SqliteTest, OverwritesADamagedFileAndItsLeftoverJournals) {
  Fill("pragma journal_mode=wal;");
  MustProtect();
  {
    // Frames that would be played into whatever file stands beside them.
    Database writer(path_);
    writer.Do("pragma wal_autocheckpoint=0; delete from orders");
    std::filesystem::copy_file(path_ + "-wal", folder_ / "wal");
  }
  std::filesystem::rename(folder_ / "wal", path_ + "-wal");
  std::ofstream(path_, std::ios::in | std::ios::out) << "garbage garbage garbage";
  const Status restored = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  EXPECT_EQ(SumOf(path_), sum_);
}

TEST_F(SqliteTest, ADatabaseThatIsInUseIsNotReplaced) {
  constexpr const char* kInsert = "insert into orders values (7000, 'acknowledged')";
  const struct {
    const char* pragma;
    const char* first;
    const char* last;
    int flags;
  } kUses[] = {
      // In WAL mode everyone who has it open has a lock.
      {"pragma journal_mode=wal;", "insert into orders values (6000, 'one')", kInsert,
       SQLITE_OPEN_READWRITE},
      {"pragma journal_mode=wal;", "select * from orders", "", SQLITE_OPEN_READONLY},
      // Otherwise nobody has one between two transactions.
      {"", "insert into orders values (6000, 'one')", kInsert, SQLITE_OPEN_READWRITE},
      {"", "begin; select * from orders", "end", SQLITE_OPEN_READONLY},
      {"", "begin immediate", kInsert, SQLITE_OPEN_READWRITE},
  };
  int record = 0;
  for (const auto& use : kUses) {
    std::filesystem::remove(path_);
    Fill(use.pragma);
    const std::string id = fmt::format("c{}", ++record);
    ASSERT_TRUE(RunAll(MemoryCheckpoint(*bank_, id)));
    const auto restore = [&] {
      return RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, id, "r-" + id), Overwrite());
    };
    Application application(path_, use.first, use.last, use.flags);
    const auto files = Files();
    const Status refused = restore();
    ASSERT_FALSE(refused) << use.pragma << use.first;
    EXPECT_EQ(refused.error().code(), ErrorCode::kLocked);
    EXPECT_THAT(refused.error().message(),
                HasSubstr("'" + path_ + "' is in use by " + application.name()));
    EXPECT_THAT(refused.error().hint(), HasSubstr("'stop' and 'start'"));
    EXPECT_EQ(Files(), files);
    EXPECT_TRUE(application.End()) << "nothing stands in its way";
    if (use.last == kInsert && std::string_view(use.first) != "begin immediate") {
      EXPECT_EQ(Database(path_).Ask("select what from orders where id = 7000"), "acknowledged");
    }
    const Status restored = restore();
    ASSERT_TRUE(restored) << restored.error().Render();
    EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
    EXPECT_EQ(SumOf(path_), sum_);
  }
}

TEST_F(SqliteTest, ADatabaseThatIsInUseIsNotReplacedEitherWhenItIsDamaged) {
  Fill("pragma journal_mode=wal;");
  MustProtect();
  const Application application(path_, "insert into orders values (6000, 'one')");
  std::ofstream(path_, std::ios::in | std::ios::out) << "garbage garbage garbage";
  MemoryCheckpoint restore = Restore();
  const Status refused = Run(restore, ActivityKind::kPre, Overwrite());
  ASSERT_FALSE(refused) << "seen before anything is written";
  EXPECT_EQ(refused.error().code(), ErrorCode::kLocked);
}

TEST_F(SqliteTest, ADatabaseThatComesToBeInUseDuringARestoreIsNotReplaced) {
  Fill();
  MustProtect();
  Database(path_).Do("delete from orders where id > 10");
  const std::string old_sum = SumOf(path_);
  MemoryCheckpoint restore = Restore();
  ASSERT_TRUE(Run(restore, ActivityKind::kPre, Overwrite()));
  {
    // After pre, and before the old file is moved.
    const Application application(path_, "select * from orders");
    const Status refused = Run(restore, ActivityKind::kParallel, Overwrite());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kLocked);
  }
  const auto parallel = [&] { return Run(restore, ActivityKind::kParallel, Overwrite()); };
  for (const char* const failpoint : {"sqlite:moved-aside", "sqlite:journals-aside"}) {
    // While it is moved, through a descriptor of before.
    ASSERT_TRUE(RunInChild(failpoint, parallel).killed);
    EXPECT_EQ(Files().count("shop.db"), 0U);
    const std::string aside =
        folder_ / ("data/" + staging::HiddenName(restore, database_, "replaced"));
    const Application application(aside, "select * from orders");
    const Status refused = parallel();
    ASSERT_FALSE(refused) << failpoint;
    EXPECT_EQ(refused.error().code(), ErrorCode::kLocked);
    EXPECT_FALSE(std::filesystem::exists(aside));
    EXPECT_EQ(SumOf(path_), old_sum);
  }
  ASSERT_TRUE(parallel());
  ASSERT_TRUE(Run(restore, ActivityKind::kPost, Overwrite()));
  EXPECT_EQ(SumOf(path_), sum_);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_F(SqliteTest, RestoresElsewhereUnderANewId) {
  Fill();
  MustProtect();
  Value elsewhere(Value::Map{});
  elsewhere.Set("path", folder_ / "new/deep/other.db");
  MemoryCheckpoint checkpoint = Restore();
  ASSERT_TRUE(RunAllActivities(*plugin_, checkpoint, context_.context(), database_, elsewhere));
  EXPECT_EQ(SumOf(folder_ / "new/deep/other.db"), sum_);
  EXPECT_EQ((*checkpoint.NewResource(database_.key))->id, folder_ / "new/deep/other.db");
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseFailsAndLeavesNothing) {
  std::ofstream(path_) << std::string(5000, 'x');
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_F(SqliteTest, AnEmptyFileComesBackEmpty) {
  { const std::ofstream made(path_); }
  MustProtect();
  std::filesystem::remove(path_);
  const Status restored = RunAll(Restore());
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_EQ(std::filesystem::file_size(path_), 0U);
  EXPECT_EQ(context_.log().text().find("warning"), std::string::npos) << context_.log().text();
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_F(SqliteTest, AMissingFileIsNotFound) {
  MemoryCheckpoint checkpoint = Protect();
  EXPECT_EQ(Run(checkpoint, ActivityKind::kPre).error().code(), ErrorCode::kNotFound);
}

TEST_F(SqliteTest, AWriterThatKeepsItsLockIsWaitedForOnlySoLong) {
  Fill();
  Database writer(path_);
  writer.Do("begin exclusive");
  Value settings(Value::Map{});
  settings.Set("busy_timeout", "50ms");
  plugin_ = MakePlugin<SqliteProtection>(settings);
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kLocked);
  EXPECT_THAT(status.error().hint(), HasSubstr("busy_timeout (50ms)"));
  EXPECT_EQ(Files().count("shop.db"), 1U);
  for (const std::string& name : Files()) EXPECT_THAT(name, testing::Not(HasSubstr("holdfast")));
}

TEST_F(SqliteTest, ACopyThatFindsNoSpaceSaysSo) {
  Fill();
  const auto copy = [&](const std::string& to) {
    return BackupDatabase(path_, to, std::chrono::milliseconds(50), context_.context(),
                          [](const DatabaseFacts&) { return Ok(); });
  };
  const auto full = copy("/dev/full");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(full.error().message(),
              testing::MatchesRegex("copying the database '" + path_ +
                                    "': no space left for the copy in '/dev', where .* are free"));
  EXPECT_THAT(full.error().hint(), HasSubstr("'staging'"));
  // Another limit of the target than its file system's.
  const std::string to = folder_ / "copy";
  { const std::ofstream made(to); }
  const ChildEnd limited = RunInChild("", [&]() -> Status {
    const struct rlimit limit { 65536, 65536 };
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    const auto copied = copy(to);
    const bool said = !copied && copied.error().message() == "copying the database '" + path_ +
                                                                 "': writing '" + to +
                                                                 "': File too large";
    return said ? Ok() : copied ? Status(Internal("copied")) : Status(copied.error());
  });
  EXPECT_EQ(limited.exit_code, 0);
}

TEST_F(SqliteTest, StagesWhereItIsToldTo) {
  Fill();
  std::filesystem::create_directory(folder_ / "staging");
  Value parameters(Value::Map{});
  parameters.Set("staging", folder_ / "staging");
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, parameters));
  EXPECT_FALSE(std::filesystem::is_empty(folder_ / "staging"));
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kParallel, parameters));
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, parameters));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "staging"));
}

TEST_F(SqliteTest, ACleanUpSaysWhatItRemovesAndWhatItPutsBack) {
  Fill();
  MemoryCheckpoint protect = Protect();
  const std::string hidden = folder_ / "data/.holdfast-" + staging::HiddenToken(protect, database_);
  ASSERT_TRUE(Run(protect, ActivityKind::kPre));
  EXPECT_EQ(Logged(), "");
  ASSERT_TRUE(Run(protect, ActivityKind::kPost));
  EXPECT_EQ(Logged(), "info: removed " + hidden + ".staged\n");
  ASSERT_TRUE(Run(protect, ActivityKind::kPost));
  EXPECT_EQ(Logged(), "") << "nothing was there";
  MustProtect();
  const std::string token = staging::HiddenToken(Restore(), database_);
  const std::string restored = folder_ / "data/.holdfast-" + token;
  ASSERT_TRUE(
      RunInChild("sqlite:moved-aside", [&] { return RunAll(Restore(), Overwrite()); }).killed);
  Logged();
  MemoryCheckpoint killed = Restore();
  killed.set_all_succeeded(false);
  ASSERT_TRUE(Run(killed, ActivityKind::kPost, Overwrite()));
  EXPECT_EQ(Logged(), "info: put back " + path_ + "\ninfo: removed " + restored + ".fresh\n");
  ASSERT_TRUE(
      RunAll(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1"),
             Value(Value::Map{}).Set("integrity_check", true).Set("scratch", folder_.path())));
  EXPECT_THAT(Logged(), testing::MatchesRegex("info: removed .*\\.scratch\n"));
}

TEST_F(SqliteTest, RateLimitSlowsTheCopyNotTheSnapshot) {
  Fill();
  Value parameters(Value::Map{});
  parameters.Set("rate_limit", "1 MiB");
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, parameters));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kParallel, parameters));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double expected = static_cast<double>(std::filesystem::file_size(path_)) / (1 << 20);
  EXPECT_GE(took.count(), expected * 0.9);
}

TEST_F(SqliteTest, ACancelledCopyHasNoOutcome) {
  Fill();
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  context_.cancellation().Set();
  EXPECT_EQ(Run(checkpoint, ActivityKind::kParallel).error().message(), CancelledError().message());
}

TEST_F(SqliteTest, VerifyFindsAChangedByte) {
  Fill();
  MustProtect();
  EXPECT_TRUE(RunAll(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1")));
  Value check(Value::Map{});
  check.Set("integrity_check", true).Set("scratch", folder_.path());
  EXPECT_TRUE(RunAll(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v2"), check));
  MemoryCheckpoint damaged(*bank_, Operation::kVerify, "c1", "v3");
  ASSERT_TRUE(damaged.Damage(database_, "database"));
  const Status status = RunAllActivities(*plugin_, damaged, context_.context(), database_);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("scratch")));
  }
}

TEST_F(SqliteTest, RestoreOfDamagedBytesLeavesTheOldFile) {
  Fill();
  MustProtect();
  MemoryCheckpoint restore = Restore();
  ASSERT_TRUE(restore.Damage(database_, "database"));
  EXPECT_FALSE(RunAllActivities(*plugin_, restore, context_.context(), database_, Overwrite()));
  EXPECT_EQ(SumOf(path_), sum_);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_F(SqliteTest, DeleteRemovesEveryByte) {
  Fill();
  MustProtect();
  MemoryCheckpoint checkpoint(*bank_, Operation::kDelete, "c1", "d1");
  EXPECT_EQ(checkpoint.StoredObjects(database_), 1U);
  ASSERT_TRUE(RunAllActivities(*plugin_, checkpoint, context_.context(), database_));
  EXPECT_EQ(checkpoint.StoredObjects(database_), 0U);
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kParallel)) << "again: success";
}

// --- killed at every failpoint --------------------------------------------------------------------

class SqliteProtectKilled : public SqliteTest, public testing::WithParamInterface<const char*> {};

TEST_P(SqliteProtectKilled, RunAgainHasTheSameEnd) {
  Fill();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Protect()); }).killed);
  MustProtect();
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  EXPECT_TRUE(Protect().PointInTime(database_).has_value());
  ASSERT_TRUE(RunAll(Restore(), Overwrite()));
  EXPECT_EQ(SumOf(path_), sum_);
}

TEST_P(SqliteProtectKilled, NeverRunAgainLeavesNothingAfterPost) {
  Fill();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Protect()); }).killed);
  MemoryCheckpoint checkpoint = Protect();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
  EXPECT_EQ(SumOf(path_), sum_);
}

INSTANTIATE_TEST_SUITE_P(Failpoints, SqliteProtectKilled,
                         testing::Values("sqlite:intended", "sqlite:copied", "sqlite:staged",
                                         "sqlite:stage-recorded", "sqlite:streamed",
                                         "sqlite:cleaned"));

TEST_F(SqliteTest, AKilledPreThatFailsWhenItIsRunAgainLeavesNothing) {
  Fill();
  for (const char* const failpoint : {"sqlite:copied", "sqlite:staged"}) {
    ASSERT_TRUE(RunInChild(failpoint, [&] { return RunAll(Protect()); }).killed);
    std::filesystem::rename(path_, path_ + ".away");
    MemoryCheckpoint checkpoint = Protect();
    const Status status = Run(checkpoint, ActivityKind::kPre);
    ASSERT_FALSE(status);
    EXPECT_FALSE(status.error().half_done()) << status.error().Render();
    EXPECT_EQ(Files(), std::set<std::string>{"shop.db.away"}) << failpoint;
    std::filesystem::rename(path_ + ".away", path_);
  }
}

TEST_F(SqliteTest, APreThatCannotRemoveItsCopyIsHalfDone) {
  Fill();
  MemoryCheckpoint checkpoint = Protect();
  const std::string staged =
      folder_ / ("data/" + staging::HiddenName(checkpoint, database_, "staged"));
  std::filesystem::create_directory(staged + "-part");  // no unlink removes this
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().half_done());
}

class SqliteRestoreKilled : public SqliteTest, public testing::WithParamInterface<const char*> {
 protected:
  // A checkpoint, and at the target another database with a WAL of its own.
  void SetUp() override {
    Fill();
    MustProtect();
    Database db(path_);
    db.Do("pragma journal_mode=wal; pragma wal_autocheckpoint=0; delete from orders where id > 10");
    old_sum_ = db.Ask(kSum);
    std::filesystem::copy_file(path_, folder_ / "db");
    std::filesystem::copy_file(path_ + "-wal", folder_ / "wal");
  }
  void PutOldFilesBack() {
    std::filesystem::rename(folder_ / "db", path_);
    std::filesystem::rename(folder_ / "wal", path_ + "-wal");
  }
  std::string old_sum_;
};

TEST_P(SqliteRestoreKilled, RunAgainHasTheSameEnd) {
  PutOldFilesBack();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Restore(), Overwrite()); }).killed);
  const Status again = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(again) << again.error().Render();
  EXPECT_EQ(SumOf(path_), sum_);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

TEST_P(SqliteRestoreKilled, NeverRunAgainLeavesTheOldOrTheNewWhole) {
  PutOldFilesBack();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Restore(), Overwrite()); }).killed);
  MemoryCheckpoint checkpoint = Restore();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, Overwrite()));
  for (const std::string& name : Files()) EXPECT_THAT(name, testing::Not(HasSubstr("holdfast")));
  EXPECT_THAT(SumOf(path_), testing::AnyOf(sum_, old_sum_));
}

TEST_P(SqliteRestoreKilled, CleanedUpAndRestoredInANewEpochHasTheSameEnd) {
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "data")) {
    std::filesystem::remove(entry);
  }
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Restore()); }).killed);
  MemoryCheckpoint checkpoint = Restore();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  // Without `overwrite`: what the first epoch has put there is no reason to refuse.
  MemoryCheckpoint resumed = Restore();
  resumed.set_epoch(2);
  const Status again = RunAll(std::move(resumed));
  ASSERT_TRUE(again) << again.error().Render();
  EXPECT_EQ(SumOf(path_), sum_);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

INSTANTIATE_TEST_SUITE_P(Failpoints, SqliteRestoreKilled,
                         testing::Values("sqlite:restore-intended", "sqlite:restore-written",
                                         "sqlite:restore-verified", "sqlite:restore-noted",
                                         "sqlite:moved-aside", "sqlite:journals-aside",
                                         "sqlite:swapped", "sqlite:restore-cleaned"));

TEST_F(SqliteTest, ANewEpochKeepsWhatWasWrittenIntoItsOwnWorkAndRefusesAnotherFile) {
  Fill();
  MustProtect();
  std::filesystem::remove(path_);
  ASSERT_TRUE(RunAll(Restore()));
  Database(path_).Do("delete from orders where id > 10");
  const std::string since = SumOf(path_);
  const auto epoch = [&](std::uint64_t number) {
    MemoryCheckpoint checkpoint = Restore();
    checkpoint.set_epoch(number);
    return RunAll(std::move(checkpoint));
  };
  ASSERT_TRUE(epoch(2));
  EXPECT_EQ(SumOf(path_), since);
  std::filesystem::remove(path_);
  Fill();
  const Status refused = epoch(3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
}

class SqliteVerifyKilled : public SqliteTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    Fill();
    MustProtect();
    std::filesystem::create_directory(folder_ / "scratch");
    check_.Set("integrity_check", true).Set("scratch", folder_ / "scratch");
    ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Verify(), check_); }).killed);
  }
  MemoryCheckpoint Verify() { return MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1"); }
  bool Clean() const { return std::filesystem::is_empty(folder_ / "scratch"); }
  Value check_ = Value(Value::Map{});
};

TEST_P(SqliteVerifyKilled, RunAgainHasTheSameEnd) {
  const Status again = RunAll(Verify(), check_);
  EXPECT_TRUE(again) << again.error().Render();
  EXPECT_TRUE(Clean());
}

TEST_P(SqliteVerifyKilled, NeverRunAgainLeavesNothingAfterPost) {
  if (std::string_view(GetParam()) == "sqlite:scratch-written") {
    EXPECT_FALSE(Clean());
  }
  MemoryCheckpoint checkpoint = Verify();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, check_));
  EXPECT_TRUE(Clean());
}

INSTANTIATE_TEST_SUITE_P(Failpoints, SqliteVerifyKilled,
                         testing::Values("sqlite:verify-intended", "sqlite:scratch-written",
                                         "sqlite:verify-cleaned"));

class SqliteDeleteKilled : public SqliteTest, public testing::WithParamInterface<const char*> {};

TEST_P(SqliteDeleteKilled, RunAgainHasTheSameEnd) {
  Fill();
  MustProtect();
  const auto all = [&] { return RunAll(MemoryCheckpoint(*bank_, Operation::kDelete, "c1", "d1")); };
  ASSERT_TRUE(RunInChild(GetParam(), all).killed);
  ASSERT_TRUE(all());
  EXPECT_EQ(Protect().StoredObjects(database_), 0U);
  EXPECT_EQ(Files(), std::set<std::string>{"shop.db"});
}

INSTANTIATE_TEST_SUITE_P(Failpoints, SqliteDeleteKilled,
                         testing::Values("checkpoint:deleting", "sqlite:deleted"));

TEST_F(SqliteTest, EveryFaultInTheParametersIsSaid) {
  const auto faults = [&](Operation operation, const Value& parameters = {}) {
    return FaultsOf(*plugin_, operation, database_, parameters);
  };
  for (const Operation operation : kAllOperations) EXPECT_EQ(faults(operation), "");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("staging", "copies")),
            "staging: staging 'copies' is not absolute\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "shop.db")),
            "path: path 'shop.db' is not absolute\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "/srv/")),
            "path: path '/srv/' is a folder's, not a file's\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "/srv/../shop.db")),
            "path: path '/srv/../shop.db' holds '..'\n");
  EXPECT_EQ(faults(Operation::kVerify, Value().Set("scratch", "../tmp")),
            "scratch: scratch '../tmp' is not absolute\n");
  database_.extra.Set("path", "data/shop.db");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("staging", "copies")),
            "resource: SQLite database 'shop.db' has no absolute 'path'\n"
            "staging: staging 'copies' is not absolute\n");
}

TEST_F(SqliteTest, AnActivityRefusesTheSameParameters) {
  Fill();
  const auto refusal = [&](MemoryCheckpoint&& checkpoint, const Value& parameters) {
    const Status status =
        RunAllActivities(*plugin_, checkpoint, context_.context(), database_, parameters);
    return status ? ""
                  : std::string(NameOf(status.error().code())) + ": " + status.error().message();
  };
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, "c0"), Value().Set("staging", "copies")),
            "invalid-input: staging 'copies' is not absolute");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, "c1"), {}), "");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"),
                    Value().Set("path", "shop.db")),
            "invalid-input: path 'shop.db' is not absolute");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1"),
                    Value().Set("integrity_check", true).Set("scratch", "tmp")),
            "invalid-input: scratch 'tmp' is not absolute");
}

TEST_F(SqliteTest, ThePreflightSaysEverythingThatStandsInTheWay) {
  const auto preflight = [&](const Value& parameters = {}) {
    return Preflight(*plugin_, context_.context(), database_, parameters);
  };
  EXPECT_THAT(preflight(), HasSubstr("not-found: database file '" + path_ + "'"));
  std::ofstream(path_) << std::string(4096, 'x');
  EXPECT_THAT(preflight(),
              HasSubstr("corrupt: reading the database '" + path_ + "': file is not a database"));
  std::filesystem::remove(path_);
  Fill("pragma journal_mode=wal;");
  const auto files = Files();
  EXPECT_EQ(preflight(), "");
  EXPECT_EQ(Files(), files) << "the preflight left something";
  Value staging(Value::Map{});
  staging.Set("staging", folder_ / "nowhere");
  EXPECT_THAT(preflight(staging),
              HasSubstr("not-found: the staging folder '" + (folder_ / "nowhere") + "'"));
  staging.Set("staging", path_);
  EXPECT_THAT(preflight(staging),
              HasSubstr("invalid-input: the staging folder '" + path_ + "' is no folder"));
  // A file system without space, and one that nobody may write to: whichever is seen first.
  staging.Set("staging", "/proc");
  EXPECT_THAT(preflight(staging), HasSubstr("denied: "));
  // Both at once.
  std::ofstream(path_) << std::string(4096, 'x');
  const std::string both = preflight(staging);
  EXPECT_THAT(both, HasSubstr("corrupt: "));
  staging.Set("staging", folder_ / "nowhere");
  EXPECT_THAT(preflight(staging),
              testing::AllOf(HasSubstr("corrupt: "), HasSubstr("not-found: the staging folder")));
}

}  // namespace
}  // namespace holdfast::plugins::sqlite
