#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

TEST_F(PostgresqlTest, TheSnapshotOfPreIsWhatIsCopiedLater) {
  for (const Value& how : {With("snapshot", "dump"), Holder()}) {
    MemoryCheckpoint checkpoint(*bank_, how.StringOr("snapshot", ""));
    const Status pre = Run(checkpoint, ActivityKind::kPre, how);
    ASSERT_TRUE(pre) << pre.error().Render();
    Sql("shop", "insert into orders values (1000000, 'after the snapshot')");
    const Status parallel = Run(checkpoint, ActivityKind::kParallel, how);
    ASSERT_TRUE(parallel) << parallel.error().Render();
    ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, how));
    EXPECT_EQ(Leftovers(), "");
    MemoryCheckpoint restore(*bank_, Operation::kRestore, how.StringOr("snapshot", ""),
                             "restore-" + how.StringOr("snapshot", ""));
    ASSERT_TRUE(RunAllActivities(*plugin_, restore, context_.context(), database_, Overwrite()));
    EXPECT_EQ(Sql("shop", kSum), sum_) << how.StringOr("snapshot", "");
  }
}

TEST_F(PostgresqlTest, VerifyReadsEveryByteAndTheList) {
  MustProtect();
  const Status good = RunAll(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1"));
  ASSERT_TRUE(good) << good.error().Render();
  EXPECT_THAT(context_.log().text(), HasSubstr("the dump lists"));
  MemoryCheckpoint damaged(*bank_, Operation::kVerify, "c1", "v2");
  ASSERT_TRUE(damaged.Damage(database_, "dump"));
  EXPECT_EQ(RunAllActivities(*plugin_, damaged, context_.context(), database_).error().code(),
            ErrorCode::kCorrupt);
}

TEST_F(PostgresqlTest, DeleteRemovesEveryByte) {
  MustProtect();
  MemoryCheckpoint checkpoint(*bank_, Operation::kDelete, "c1", "d1");
  ASSERT_TRUE(RunAllActivities(*plugin_, checkpoint, context_.context(), database_));
  EXPECT_EQ(checkpoint.StoredObjects(database_), 0U);
}

TEST_F(PostgresqlTest, PostSaysWhatItRemoves) {
  MustProtect();
  EXPECT_THAT(context_.log().text(), HasSubstr("info: removed " + staging() + "/.holdfast-"));
  MemoryCheckpoint held(*bank_, "held");
  ASSERT_TRUE(RunAllActivities(*plugin_, held, context_.context(), database_, Holder()));
  EXPECT_THAT(context_.log().text(), HasSubstr("info: ended the process 'holdfast-"));
  // Nothing there: nothing said.
  const std::string said = context_.log().text();
  ASSERT_TRUE(Run(held, ActivityKind::kPost, Holder()));
  EXPECT_EQ(context_.log().text(), said);
}

TEST_F(PostgresqlTest, AMissingDatabaseAndAMissingServerAreToldApart) {
  database_ = ResourceOf("nowhere");
  MemoryCheckpoint checkpoint = Protect();
  EXPECT_EQ(Run(checkpoint, ActivityKind::kPre).error().code(), ErrorCode::kNotFound);
  database_.extra.Set("host", folder_.path());
  EXPECT_EQ(Run(checkpoint, ActivityKind::kPre).error().code(), ErrorCode::kUnavailable);
}

TEST_F(PostgresqlTest, AnOldPgDumpIsRefused) {
  std::filesystem::create_directory(folder_ / "bin");
  std::ofstream(folder_ / "bin/pg_dump") << "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n";
  std::filesystem::permissions(folder_ / "bin/pg_dump", std::filesystem::perms::owner_all);
  Value settings(Value::Map{});
  settings.Set("staging", staging()).Set("bin_dir", folder_ / "bin");
  plugin_ = MakePlugin<PostgresqlProtection>(settings);
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(status.error().message(), HasSubstr("9.6.24"));
}

TEST_F(PostgresqlTest, ATableThatIsLockedFailsPreAndLeavesNothing) {
  ProcessSpec spec;
  spec.argv = {"psql", "-X",
               "-h",   server_->host(),
               "-U",   "postgres",
               "-d",   "shop",
               "-c",   "begin; lock table orders; select pg_sleep(600)"};
  const auto session = MakeProcessRunner()->StartDetached(spec, "");
  ASSERT_TRUE(session);
  while (Sql("shop",
             "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = "
             "'orders'::regclass") == "0") {
  }
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre, With("lock_timeout", "100ms"));
  ASSERT_FALSE(status);
  // What is wrong, and not only what pg_dump was doing then, which it says last.
  EXPECT_THAT(status.error().message(), testing::AllOf(HasSubstr("ERROR:  canceling statement"),
                                                       HasSubstr("LOCK TABLE public.orders")));
  EXPECT_EQ(Leftovers(), "");
  Sql("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop'");
}

TEST_F(PostgresqlTest, ATimeLimitForStatementsIsNotForOurs) {
  Sql("postgres",
      "create role hurried superuser login; alter role hurried set statement_timeout = '1ms'; "
      "alter role hurried set lock_timeout = '1ms'");
  database_.extra.Set("user", "hurried");
  MustProtect();
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
  const Status restored =
      RunAllActivities(*plugin_, restore, context_.context(), database_, Overwrite());
  EXPECT_TRUE(restored) << restored.error().Render();
}

TEST_F(PostgresqlTest, APasswordReachesTheServerAndNoLog) {
  Sql("postgres",
      "drop role if exists guarded; create role guarded superuser login password 'very secret'");
  const std::string hba = server_->host() + "/cluster/pg_hba.conf";
  std::string before;
  {
    std::ifstream in(hba);
    before.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::ofstream(hba) << "local all guarded scram-sha-256\n" << before;
  Sql("postgres", "select pg_reload_conf()");
  std::ofstream(folder_ / "password") << "very secret\n";
  database_.extra.Set("user", "guarded").Set("password_file", folder_ / "password");
  const Status status = RunAll(Protect(), Holder());
  EXPECT_TRUE(status) << status.error().Render();
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("very secret")));
  std::ofstream(folder_ / "password") << "wrong\n";
  const Status denied = RunAll(MemoryCheckpoint(*bank_, "c2"));
  std::ofstream(hba) << before;
  Sql("postgres", "select pg_reload_conf()");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), ErrorCode::kDenied) << denied.error().Render();
}

// --- the holder -----------------------------------------------------------------------------------

TEST_F(PostgresqlTest, AHolderThatDiedIsAnErrorWithAHint) {
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, Holder()));
  Sql("postgres",
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ "
      "'^holdfast-'");
  const Status status = Run(checkpoint, ActivityKind::kParallel, Holder());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().hint(), HasSubstr("held the snapshot"));
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kPost, Holder()));
}

TEST_F(PostgresqlTest, AHolderEndsByItselfAtItsLimit) {
  Value parameters = Holder();
  parameters.Set("holder_limit", "1s");
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, parameters));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string left;
  do {
    left = Sql("postgres",
               "select count(*) from pg_stat_activity where application_name ~ '^holdfast-'");
  } while (left != "0" && std::chrono::steady_clock::now() < until);
  EXPECT_EQ(left, "0");
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kPost, parameters));
}

TEST_F(PostgresqlTest, PreRunAgainFindsItsHolder) {
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, Holder()));
  const std::string first =
      Sql("postgres", "select pid from pg_stat_activity where application_name ~ '^holdfast-'");
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, Holder()));
  EXPECT_EQ(
      Sql("postgres", "select pid from pg_stat_activity where application_name ~ '^holdfast-'"),
      first);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, Holder()));
  EXPECT_EQ(Leftovers(), "");
}

}  // namespace
}  // namespace holdfast::plugins::postgresql
