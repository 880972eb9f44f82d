#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "plugins/local/staging/staging.h"
#include "tests/plugins/sqlite/sqlite_fixture.h"

namespace holdfast::plugins::sqlite {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace holdfast::plugins::sqlite
