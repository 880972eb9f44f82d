#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "plugins/local/sqlite/sqlite_file.h"
#include "plugins/local/staging/staging.h"
#include "tests/plugins/sqlite/sqlite_fixture.h"

namespace holdfast::plugins::sqlite {
namespace {

using testing::HasSubstr;

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

// A service that is started again by itself makes an empty one, and writes.
TEST_F(SqliteTest, RefusesToReplaceADatabaseThatWasMadeMeanwhile) {
  Fill();
  MustProtect();
  std::filesystem::remove(path_);
  InterruptedContext context(context_, [this] {
    Database(path_).Do(
        "create table orders (id integer, what text); insert into orders values (7, 'x')");
  });
  MemoryCheckpoint checkpoint = Restore();
  const Status status = RunAllActivities(*plugin_, checkpoint, context, database_);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(SumOf(path_), "1/7");
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

}  // namespace
}  // namespace holdfast::plugins::sqlite
