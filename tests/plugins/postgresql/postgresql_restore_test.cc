#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

TEST_F(PostgresqlTest, ComesBackAfterItWasDropped) {
  MustProtect();
  EXPECT_EQ(Leftovers(), "");
  Sql("postgres", "drop database shop");
  const Status restored = RunAll(Restore());
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_EQ(Sql("shop", "select count(*) from big"), "1000");
  EXPECT_EQ(Sql("shop", "select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata"),
            "large object");
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlTest, RestoresIntoAnotherDatabaseAndSaysSo) {
  MustProtect();
  MemoryCheckpoint restore = Restore();
  const Status status =
      RunAllActivities(*plugin_, restore, context_.context(), database_, With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("other", kSum), sum_);
  EXPECT_THAT((*restore.NewResource(database_.key))->id, testing::EndsWith(":5432/other"));
}

TEST_F(PostgresqlTest, RefusesADatabaseThatHasSomethingInIt) {
  MustProtect();
  Sql("shop", "delete from orders");
  const Status status = RunAll(Restore());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(status.error().hint(), HasSubstr("overwrite"));
  EXPECT_EQ(Sql("shop", kSum), "0/0");
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlTest, FillsAnEmptyDatabaseWithoutBeingTold) {
  MustProtect();
  Sql("postgres", "create database other");
  const Status status = RunAll(Restore(), With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("other", kSum), sum_);
}

TEST_F(PostgresqlTest, ReplacesADatabaseInUseWhenToldTo) {
  MustProtect();
  Sql("shop", "drop view big; delete from orders");
  // A session that stays connected.
  const auto session = MakeProcessRunner()->StartDetached(
      [] {
        ProcessSpec spec;
        spec.argv = {"psql", "-X",   "-h", server_->host(),       "-U", "postgres",
                     "-d",   "shop", "-c", "select pg_sleep(600)"};
        return spec;
      }(),
      "");
  ASSERT_TRUE(session);
  while (Sql("postgres", "select count(*) from pg_stat_activity where datname = 'shop'") == "0") {
  }
  EXPECT_EQ(RunAll(Restore()).error().code(), ErrorCode::kConflict);
  const Status status = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlTest, WhateverAUserMadeIsNotReplacedUnlessToldTo) {
  MustProtect();
  for (const char* made :
       {"create type mood as enum ('a', 'b')", "create domain pos as int check (value > 0)",
        "create type pair as (a int, b int)", "create schema precious",
        "create foreign data wrapper wrapper", "create publication everything",
        "create collation mine (locale = 'C')", "create cast (text as bytea) without function",
        "create text search configuration words (copy = simple)",
        "create operator === (procedure = int4eq, leftarg = int4, rightarg = int4)"}) {
    Sql("postgres", "create database other");
    Sql("other", made);
    const Status refused = RunAll(Restore(), With("database", "other"));
    Sql("postgres", "drop database other with (force)");
    ASSERT_FALSE(refused) << made;
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict) << made;
  }
}

// What a DROP DATABASE of the old one would fail for, or destroy without a word.
TEST_F(PostgresqlTest, ADatabaseThatIsHeldIsRefusedBeforeAnythingIsWritten) {
  MustProtect();
  struct Case {
    const char* hold;
    const char* named;
    const char* hint;
    const char* end;
  };
  for (const Case& held :
       {Case{"select pg_create_logical_replication_slot('reader', 'pgoutput')",
             "replication slot reader", "pg_drop_replication_slot()",
             "select pg_drop_replication_slot('reader')"},
        Case{"create subscription \"Else\" connection 'dbname=nowhere' publication p with (connect "
             "= "
             "false)",
             "subscription \"Else\"", "DROP SUBSCRIPTION",
             "alter subscription \"Else\" disable; alter subscription \"Else\" set (slot_name = "
             "none); drop subscription \"Else\""},
        Case{"begin; insert into orders values (0, 'later'); prepare transaction 'half'",
             "prepared transaction 'half'", "ROLLBACK PREPARED", "rollback prepared 'half'"},
        Case{"alter database shop is_template true", "it is a template", "IS_TEMPLATE false",
             "alter database shop is_template false"}}) {
    Sql("shop", held.hold);
    MemoryCheckpoint checkpoint = Restore();
    const Status refused = Run(checkpoint, ActivityKind::kPre, Overwrite());
    Sql("shop", held.end);
    ASSERT_FALSE(refused) << held.named;
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
    EXPECT_THAT(refused.error().message(),
                testing::AllOf(HasSubstr("'shop' cannot be replaced"), HasSubstr(held.named)));
    EXPECT_THAT(refused.error().hint(), HasSubstr(held.hint));
    EXPECT_EQ(Leftovers(), "");
  }
  Sql("postgres", "create role maker login createdb");
  database_.extra.Set("user", "maker");
  const Status denied = RunAll(Restore(), Overwrite());
  Sql("postgres", "drop role maker");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(denied.error().message(), HasSubstr("belongs to role 'postgres'"));
}

TEST_F(PostgresqlTest, TheDatabaseThatWasReplacedIsSaidWhenItIsDropped) {
  MustProtect();
  ASSERT_TRUE(RunAll(Restore(), Overwrite()));
  EXPECT_THAT(context_.log().text(), testing::ContainsRegex("info: dropped database 'holdfast_tmp_"
                                                            "[0-9a-f]*_old', which was 'shop'"));
}

// The maintenance database of every other restore.
class PostgresqlOfPostgresTest : public PostgresqlTest {
 protected:
  PostgresqlOfPostgresTest() {
    database_ = ResourceOf("postgres");
    Sql("postgres", "drop table if exists orders");
    Sql("postgres",
        "create table orders(id integer primary key, what text);"
        "insert into orders select i, 'kept' from generate_series(1, 7) i");
    sum_ = Sql("postgres", kSum);
  }
  ~PostgresqlOfPostgresTest() override { Sql("postgres", "drop table if exists orders"); }
};

TEST_F(PostgresqlOfPostgresTest, IsReplacedLikeAnyOther) {
  MustProtect();
  Sql("postgres", "delete from orders");
  EXPECT_EQ(RunAll(Restore()).error().code(), ErrorCode::kConflict);
  const Status status = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("postgres", kSum), sum_);
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlOfPostgresTest, ComesBackAfterItWasDroppedAndIsNotMissedBefore) {
  MustProtect();
  database_ = ResourceOf("shop");
  const std::string shop_sum = Sql("shop", kSum);
  MemoryCheckpoint protect(*bank_, "c2");
  ASSERT_TRUE(RunAllActivities(*plugin_, protect, context_.context(), database_, Holder()));
  Sql("template1", "drop database shop");
  Sql("template1", "drop database postgres");
  MemoryCheckpoint shop(*bank_, Operation::kRestore, "c2", "r2");
  const Status others = RunAllActivities(*plugin_, shop, context_.context(), database_);
  EXPECT_TRUE(others) << others.error().Render();
  EXPECT_EQ(Sql("shop", kSum), shop_sum);
  database_ = ResourceOf("postgres");
  const Status status = RunAll(Restore());
  if (!status) Sql("template1", "create database postgres");
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("postgres", kSum), sum_);
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlOfPostgresTest, WaitsForARestoreThatWorksFromItAndEndsOtherSessions) {
  MustProtect();
  // A session that does `what` and then, if it is let live, makes a role, which is no database's.
  const auto session = [](const std::string& application, const std::string& what) {
    ProcessSpec spec;
    spec.argv = {"psql", "-X",       "-h", server_->host(),
                 "-U",   "postgres", "-d", "postgres",
                 "-c",   what,       "-c", "create role \"" + application + "\""};
    spec.environment["PGAPPNAME"] = application;
    HOLDFAST_CHECK(MakeProcessRunner()->StartDetached(spec, "").has_value());
    while (Sql("shop", "select count(*) from pg_stat_activity where query = '" + what + "'") ==
           "0") {
    }
  };
  session("holdfast maintenance", "select pg_sleep(3)");
  session("an application", "select pg_sleep(600)");
  const Status status = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("shop",
                "select string_agg(rolname, ', ') from pg_roles where rolname in ('holdfast "
                "maintenance', 'an application')"),
            "holdfast maintenance");
  EXPECT_EQ(Sql("postgres", kSum), sum_);
  Sql("postgres", "drop role \"holdfast maintenance\"");
}

TEST_F(PostgresqlTest, ANameIsANameWhateverItHolds) {
  const std::string name = "odd' \"host=x\\ $$; --";
  Sql("postgres", "create database \"odd' \"\"host=x\\ $$; --\" template shop");
  database_ = ResourceOf(name);
  for (const Value& how : {With("snapshot", "dump"), Holder()}) {
    MemoryCheckpoint checkpoint(*bank_, how.StringOr("snapshot", ""));
    const Status status =
        RunAllActivities(*plugin_, checkpoint, context_.context(), database_, how);
    ASSERT_TRUE(status) << status.error().Render();
    MemoryCheckpoint restore(*bank_, Operation::kRestore, how.StringOr("snapshot", ""),
                             "restore-" + how.StringOr("snapshot", ""));
    const Status restored =
        RunAllActivities(*plugin_, restore, context_.context(), database_, Overwrite());
    ASSERT_TRUE(restored) << restored.error().Render();
  }
  EXPECT_EQ(Leftovers(), "");
  Sql("postgres", "drop database \"odd' \"\"host=x\\ $$; --\"");
}

TEST_F(PostgresqlTest, OwnersComeBackAndAMissingRoleSaysWhatToDo) {
  Sql("shop",
      "create role clerk; alter table orders owner to clerk; alter database shop owner to clerk");
  MustProtect();
  ASSERT_TRUE(RunAll(Restore(), Overwrite()));
  EXPECT_EQ(Sql("shop", "select tableowner from pg_tables where tablename = 'orders'"), "clerk");
  EXPECT_EQ(Sql("shop", "select pg_get_userbyid(datdba) from pg_database where datname = 'shop'"),
            "clerk");
  Sql("postgres", "drop database shop; ");
  Sql("postgres", "drop role clerk");
  const Status status = RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r2"));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().hint(), HasSubstr("owners"));
  EXPECT_EQ(Leftovers(), "");
  ASSERT_TRUE(
      RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r3"), With("owners", false)));
  EXPECT_EQ(Sql("shop", kSum), sum_);
}

}  // namespace
}  // namespace holdfast::plugins::postgresql
