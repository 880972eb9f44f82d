#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "plugins/local/staging/staging.h"
#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

struct Kill {
  const char* failpoint;
  const char* snapshot;
};

class PostgresqlProtectKilled : public PostgresqlTest, public testing::WithParamInterface<Kill> {
 protected:
  Value How() const { return With("snapshot", GetParam().snapshot); }
};

TEST_P(PostgresqlProtectKilled, RunAgainHasTheSameEnd) {
  ASSERT_TRUE(RunInChild(GetParam().failpoint, [&] { return RunAll(Protect(), How()); }).killed);
  MustProtect(How());
  EXPECT_EQ(Leftovers(), "");
  EXPECT_TRUE(Protect().PointInTime(database_).has_value());
  ASSERT_TRUE(RunAll(Restore(), Overwrite()));
  EXPECT_EQ(Sql("shop", kSum), sum_);
}

TEST_P(PostgresqlProtectKilled, NeverRunAgainLeavesNothingAfterPost) {
  ASSERT_TRUE(RunInChild(GetParam().failpoint, [&] { return RunAll(Protect(), How()); }).killed);
  MemoryCheckpoint checkpoint = Protect();
  checkpoint.set_all_succeeded(false);
  const Status status = Run(checkpoint, ActivityKind::kPost, How());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Leftovers(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Failpoints, PostgresqlProtectKilled,
    testing::Values(Kill{"postgresql:dump-intended", "dump"}, Kill{"postgresql:dumped", "dump"},
                    Kill{"postgresql:staged", "dump"}, Kill{"postgresql:stage-recorded", "dump"},
                    Kill{"postgresql:streamed", "dump"}, Kill{"postgresql:cleaned", "dump"},
                    Kill{"postgresql:holder-intended", "holder"},
                    Kill{"postgresql:holder-started", "holder"},
                    Kill{"postgresql:holder-announced", "holder"},
                    Kill{"postgresql:holder-recorded", "holder"},
                    Kill{"postgresql:streamed", "holder"}, Kill{"postgresql:cleaned", "holder"}),
    [](const auto& info) {
      std::string name = fmt::format("{}_{}", info.param.failpoint + 11, info.param.snapshot);
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_F(PostgresqlTest, AKilledPreThatFailsWhenItIsRunAgainLeavesNothing) {
  const Resource shop = database_;
  for (const Kill& kill : {Kill{"postgresql:dumped", "dump"}, Kill{"postgresql:staged", "dump"},
                           Kill{"postgresql:holder-announced", "holder"}}) {
    const Value how = With("snapshot", kill.snapshot);
    database_ = shop;
    ASSERT_TRUE(RunInChild(kill.failpoint, [&] { return RunAll(Protect(), how); }).killed);
    database_.extra.Set("database", "nowhere");
    MemoryCheckpoint checkpoint = Protect();
    const Status status = Run(checkpoint, ActivityKind::kPre, how);
    ASSERT_FALSE(status);
    EXPECT_FALSE(status.error().half_done()) << status.error().Render();
    EXPECT_EQ(Leftovers(), "") << kill.failpoint;
  }
}

TEST_F(PostgresqlTest, APreThatCannotRemoveItsCopyIsHalfDone) {
  MemoryCheckpoint checkpoint = Protect();
  // No unlink removes this.
  std::filesystem::create_directory(staging() + "/" +
                                    staging::HiddenName(checkpoint, database_, "staged") + "-part");
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().half_done());
}

class PostgresqlRestoreKilled : public PostgresqlTest,
                                public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    MustProtect();
    Sql("shop", "delete from orders where id > 10");
    old_sum_ = Sql("shop", kSum);
    ASSERT_TRUE(RunInChild(GetParam(), [&] { return RunAll(Restore(), Overwrite()); }).killed);
  }
  std::string old_sum_;
};

TEST_P(PostgresqlRestoreKilled, RunAgainHasTheSameEnd) {
  const Status again = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(again) << again.error().Render();
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_EQ(Leftovers(), "");
}

TEST_P(PostgresqlRestoreKilled, NeverRunAgainLeavesTheOldOrTheNewWhole) {
  MemoryCheckpoint checkpoint = Restore();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, Overwrite()));
  EXPECT_EQ(Leftovers(), "");
  EXPECT_THAT(Sql("shop", kSum), testing::AnyOf(sum_, old_sum_));
}

INSTANTIATE_TEST_SUITE_P(Failpoints, PostgresqlRestoreKilled,
                         testing::Values("postgresql:restore-intended", "postgresql:created",
                                         "postgresql:restored", "postgresql:restore-recorded",
                                         "postgresql:restore-noted", "postgresql:swapped",
                                         "postgresql:restore-cleaned"),
                         [](const auto& info) {
                           std::string name = std::string(info.param).substr(11);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class PostgresqlNewEpoch : public PostgresqlTest, public testing::WithParamInterface<const char*> {
 protected:
  Status Epoch(std::uint64_t number) {
    MemoryCheckpoint checkpoint = Restore();
    checkpoint.set_epoch(number);
    return RunAll(std::move(checkpoint));  // without `overwrite`
  }
};

TEST_P(PostgresqlNewEpoch, OfARestoreTakesWhatAnEarlierOnePutThereAndNothingElse) {
  MustProtect();
  Sql("postgres", "drop database shop");
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return Epoch(1); }).killed);
  MemoryCheckpoint checkpoint = Restore();
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  const Status again = Epoch(2);
  ASSERT_TRUE(again) << again.error().Render();
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_EQ(Leftovers(), "");
  Sql("postgres", "drop database shop");
  Sql("postgres", "create database shop");
  Sql("shop", "create table other()");
  const Status refused = Epoch(3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
}

INSTANTIATE_TEST_SUITE_P(Failpoints, PostgresqlNewEpoch,
                         testing::Values("postgresql:restore-noted", "postgresql:swapped"),
                         [](const auto& info) { return info.index == 0 ? "noted" : "swapped"; });

TEST_F(PostgresqlTest, ARestoredDatabaseThatIsGoneIsNoSuccess) {
  MustProtect();
  Sql("postgres", "drop database shop");
  ASSERT_TRUE(RunInChild("postgresql:swapped", [&] { return RunAll(Restore()); }).killed);
  Sql("postgres", "drop database shop");
  MemoryCheckpoint checkpoint = Restore();
  const Status again = Run(checkpoint, ActivityKind::kParallel);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kNotFound);
}

class PostgresqlLaterKilled : public PostgresqlTest,
                              public testing::WithParamInterface<const char*> {
 protected:
  Status Later(Operation operation) {
    return RunAll(MemoryCheckpoint(*bank_, operation, "c1", "later"));
  }
};

class PostgresqlDeleteKilled : public PostgresqlLaterKilled {};

TEST_P(PostgresqlDeleteKilled, RunAgainHasTheSameEnd) {
  MustProtect();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return Later(Operation::kDelete); }).killed);
  ASSERT_TRUE(Later(Operation::kDelete));
  EXPECT_EQ(Protect().StoredObjects(database_), 0U);
}

INSTANTIATE_TEST_SUITE_P(Failpoints, PostgresqlDeleteKilled,
                         testing::Values("checkpoint:deleting", "postgresql:deleted"));

class PostgresqlVerifyKilled : public PostgresqlLaterKilled {};

TEST_P(PostgresqlVerifyKilled, RunAgainHasTheSameEndAndNothingIsLeft) {
  MustProtect();
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return Later(Operation::kVerify); }).killed);
  EXPECT_EQ(Leftovers(), "");
  EXPECT_TRUE(Later(Operation::kVerify));
}

INSTANTIATE_TEST_SUITE_P(Failpoints, PostgresqlVerifyKilled,
                         testing::Values("postgresql:verifying"));

}  // namespace
}  // namespace holdfast::plugins::postgresql
