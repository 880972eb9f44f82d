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

TEST_F(PostgresqlTest, AnOldDatabaseThatCannotBeDroppedIsOwedWhateverTheEpoch) {
  MustProtect();
  Sql("shop", "delete from orders");
  ASSERT_TRUE(
      RunInChild("postgresql:swapped", [&] { return RunAll(Restore(), Overwrite()); }).killed);
  const auto databases = [] {
    return Sql("postgres",
               "select string_agg(datname, ' ') from pg_database where datname ~ '^holdfast'");
  };
  const std::string old = databases();
  ASSERT_THAT(old, testing::MatchesRegex("holdfast_tmp_[0-9a-f]+_old"));
  // Made after the checks that came before it was replaced.
  Sql(old,
      "create subscription late connection 'dbname=nowhere' publication p with (connect = false)");
  MemoryCheckpoint first = Restore();
  const Status held = Run(first, ActivityKind::kPost, Overwrite());
  MemoryCheckpoint second = Restore();
  second.set_epoch(2);
  const Status again = RunAllActivities(*plugin_, second, context_.context(), database_);
  const std::string left = databases();
  Sql(old,
      "alter subscription late disable; alter subscription late set (slot_name = none); drop "
      "subscription late");
  // kLocked: the runtime records no outcome, the clean-up stays owed.
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code(), ErrorCode::kLocked);
  EXPECT_THAT(
      context_.log().text(),
      HasSubstr(fmt::format("warning: database '{}', which was 'shop' before the restore, is "
                            "left, it cannot be dropped: PostgreSQL: database \"{}\" is "
                            "being used by logical replication subscription",
                            old, old)));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kLocked);
  EXPECT_EQ(left, old);
  EXPECT_EQ(Sql("shop", kSum), sum_);
  const Status done = Run(second, ActivityKind::kPost);
  ASSERT_TRUE(done) << done.error().Render();
  EXPECT_EQ(Leftovers(), "");
}

// pg_restore makes them, and a database that has one cannot be dropped.
TEST_F(PostgresqlTest, AHalfMadeRestoreWithASubscriptionIsDropped) {
  const std::string end =
      "alter subscription feed disable; alter subscription feed set (slot_name = none); drop "
      "subscription feed";
  Sql("shop",
      "create subscription feed connection 'dbname=nowhere' publication p with (connect = false)");
  MustProtect();
  Sql("shop", end);
  ASSERT_TRUE(
      RunInChild("postgresql:restored", [&] { return RunAll(Restore(), Overwrite()); }).killed);
  MemoryCheckpoint checkpoint = Restore();
  const Status cleaned = Run(checkpoint, ActivityKind::kPost, Overwrite());
  EXPECT_TRUE(cleaned) << cleaned.error().Render();
  EXPECT_EQ(Leftovers(), "");
  EXPECT_THAT(context_.log().text(), HasSubstr("a restore of 'shop' that was not whole"));
}

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
