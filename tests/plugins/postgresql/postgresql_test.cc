#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/postgresql/postgresql_protectable.h"
#include "plugins/local/postgresql/postgresql_protection.h"
#include "plugins/local/postgresql/server.h"
#include "plugins/local/staging/staging.h"
#include "tests/plugins/activity_harness.h"
#include "tests/plugins/postgresql/postgres_server.h"

namespace holdfast::plugins::postgresql {
namespace {

using namespace testing_plugins;
using testing::HasSubstr;

const char kSum[] = "select count(*) || '/' || coalesce(sum(id * length(what)), 0) from orders";

class PostgresqlTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<PostgresServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  PostgresqlTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    std::filesystem::create_directory(staging());
    Value settings(Value::Map{});
    settings.Set("staging", staging());
    plugin_ = MakePlugin<PostgresqlProtection>(settings);
    database_ = ResourceOf("shop");
    for (const char* name : {"shop", "other"}) {
      Sql("postgres", fmt::format("drop database if exists {} with (force)", name));
    }
    Sql("postgres", "create database shop");
    Sql("shop",
        "create table orders(id integer primary key, what text);"
        "insert into orders select i, md5(i::text) from generate_series(1, 2000) i;"
        "create index on orders(what); create view big as select * from orders where id > 1000;"
        "select lo_from_bytea(0, 'large object')");
    sum_ = Sql("shop", kSum);
  }
  std::string staging() const { return folder_ / "staging"; }
  static std::string Sql(const std::string& database, const std::string& sql) {
    return server_->Sql(database, sql);
  }
  static Resource ResourceOf(const std::string& database) {
    Resource resource;
    // A holder is known by record and resource, on the whole machine: a test that runs beside this one
    // must not take ours for its own.
    resource.key = {"Local::PostgreSQL::Database",
                    fmt::format("db-{}-{}", database, test_process_)};
    resource.name = database;
    resource.extra = Value(Value::Map{});
    resource.extra.Set("host", server_->host())
        .Set("port", 5432)
        .Set("user", "postgres")
        .Set("database", database);
    return resource;
  }
  MemoryCheckpoint Protect() { return MemoryCheckpoint(*bank_, "c1"); }
  MemoryCheckpoint Restore() { return MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"); }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), database_, parameters);
  }
  Status RunAll(MemoryCheckpoint&& checkpoint, const Value& parameters = {}) {
    return RunAllActivities(*plugin_, checkpoint, context_.context(), database_, parameters);
  }
  void MustProtect(const Value& parameters = {}) {
    const Status status = RunAll(Protect(), parameters);
    ASSERT_TRUE(status) << status.error().Render();
  }
  static Value With(const std::string& key, Value value) {
    Value parameters(Value::Map{});
    parameters.Set(key, std::move(value));
    return parameters;
  }
  static Value Overwrite() { return With("overwrite", true); }
  static Value Holder() { return With("snapshot", "holder"); }
  // Sessions of holders, databases of half-made restores, staged files: what must not be left.
  std::string Leftovers() {
    // A backend takes a moment to go after it was told to.
    std::string left;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    do {
      left = Sql(
          "postgres",
          "select coalesce(string_agg(what, ' '), '') from (select application_name as what from "
          "pg_stat_activity where application_name ~ '^holdfast-' union select datname from "
          "pg_database where datname ~ '^holdfast') t");
    } while (!left.empty() && std::chrono::steady_clock::now() < until);
    for (const auto& entry : std::filesystem::directory_iterator(staging())) {
      left += " " + entry.path().filename().string();
    }
    return left;
  }

  static std::unique_ptr<PostgresServer> server_;
  static const pid_t test_process_;  // not that of RunInChild
  TempFolder folder_;
  std::unique_ptr<Bank> bank_;
  Resource database_;
  std::string sum_;
  TestContext context_;
  std::unique_ptr<ProtectionPlugin> plugin_;
};
std::unique_ptr<PostgresServer> PostgresqlTest::server_;
const pid_t PostgresqlTest::test_process_ = ::getpid();

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

// All that the server keeps of a database beside what is in it.
const char kProperties[] =
    "select datconnlimit || ' ' || coalesce(shobj_description(oid, 'pg_database'), '-') || ' ' || "
    "coalesce(datacl::text, '-') || ' ' || coalesce((select string_agg(setrole::regrole || ':' || "
    "setconfig::text, ' ' order by setrole) from pg_db_role_setting where setdatabase = d.oid), "
    "'-') from pg_database d where datname = ";

class PostgresqlPropertiesTest : public PostgresqlTest {
 protected:
  PostgresqlPropertiesTest() {
    Sql("postgres", "create role clerk login; create role \"odd \"\"role\"");
    Sql("postgres",
        "alter database shop owner to clerk; revoke all on database shop from public;"
        "grant connect on database shop to \"odd \"\"role\" with grant option;"
        "alter database shop set search_path = \"$user\", public, \"odd, name\";"
        "alter database shop set work_mem = '7MB'; alter database shop set shop.mode = 'a''b\\c';"
        "alter role clerk in database shop set statement_timeout = '1ms';"
        "alter database shop connection limit 17; comment on database shop is 'it''s; ours'");
    before_ = PropertiesOf("shop");
  }
  ~PostgresqlPropertiesTest() override {
    for (const char* const name : {"shop", "other"}) {
      Sql("postgres", fmt::format("drop database if exists {} with (force)", name));
    }
    Sql("postgres", "drop role if exists clerk; drop role if exists \"odd \"\"role\"");
  }
  static std::string PropertiesOf(const std::string& database) {
    return Sql("postgres", fmt::format("{}'{}'", kProperties, database));
  }
  std::string before_;
};

TEST_F(PostgresqlPropertiesTest, ComeBackToANewAndToAReplacedDatabase) {
  ASSERT_THAT(before_, testing::AllOf(HasSubstr("17 it's; ours"), HasSubstr("=c*/clerk"),
                                      HasSubstr("shop.mode"), HasSubstr("clerk:{statement")));
  MustProtect();
  // In place, over one that has others.
  Sql("postgres",
      "grant all on database shop to public; alter database shop reset work_mem; alter database "
      "shop set search_path = public; alter database shop connection limit 3");
  const Status over = RunAll(Restore(), Overwrite());
  ASSERT_TRUE(over) << over.error().Render();
  EXPECT_EQ(PropertiesOf("shop"), before_);
  Sql("postgres", "drop database shop");
  const Status lost = RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r2"));
  ASSERT_TRUE(lost) << lost.error().Render();
  EXPECT_EQ(PropertiesOf("shop"), before_);
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("warning")));
  const Status other =
      RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r3"), With("database", "other"));
  ASSERT_TRUE(other) << other.error().Render();
  EXPECT_EQ(PropertiesOf("other"), before_);
}

TEST_F(PostgresqlPropertiesTest, ARoleThatIsNotThereIsAWarningAndTheRestComesBack) {
  MustProtect();
  Sql("postgres", "drop database shop");
  Sql("postgres", "drop role \"odd \"\"role\"");
  const Status status = RunAll(Restore());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_THAT(context_.log().text(),
              HasSubstr("warning: database 'shop' does not get the privilege CONNECT of role 'odd "
                        "\"role' back: PostgreSQL: role "));
  EXPECT_THAT(PropertiesOf("shop"),
              testing::AllOf(HasSubstr("17 it's; ours {clerk=CTc/clerk}"), HasSubstr("work_mem")));
}

TEST_F(PostgresqlPropertiesTest, WithoutOwnersNothingNamesARole) {
  MustProtect();
  Sql("postgres", "drop database shop");
  const Status status = RunAll(Restore(), With("owners", false));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("warning")));
  EXPECT_THAT(PropertiesOf("shop"),
              testing::AllOf(HasSubstr("17 it's; ours - "), HasSubstr("work_mem"),
                             testing::Not(HasSubstr("clerk"))));
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
  EXPECT_EQ(Leftovers(), "");
  Sql("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop'");
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

// --- killed at every failpoint --------------------------------------------------------------------

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

// --- discovery ------------------------------------------------------------------------------------

TEST_F(PostgresqlTest, AServerEntryGivesTheDatabasesThatItHasNow) {
  Sql("postgres", "create database other");
  Sql("postgres", "drop database if exists left_out");
  Sql("postgres", "create database left_out");
  std::ofstream(folder_ / "inventory.yaml") << fmt::format(
      "applications:\n"
      "  - id: shop\n"
      "    postgresql: [{{id: one, host: {0}, user: postgres, database: shop}}]\n"
      "postgresql:\n"
      "  - {{id: server, host: {0}, user: postgres, discover: true, exclude: [left_out]}}\n",
      server_->host());
  Value settings(Value::Map{});
  settings.Set("inventory", folder_ / "inventory.yaml");
  const auto list = PostgresqlProtectable().make(settings);
  ASSERT_TRUE(list);
  const auto nodes = (*list)->List(context_.context());
  ASSERT_TRUE(nodes) << nodes.error().Render();
  std::vector<std::string> ids;
  for (const auto& node : *nodes) ids.push_back(node.key.id);
  EXPECT_THAT(
      ids, testing::UnorderedElementsAre("one", "server/other", "server/postgres", "server/shop"));
  const auto below =
      (*list)->Dependents(context_.context(), {{"Local::Application", "shop"}, "shop", {}});
  ASSERT_TRUE(below);
  ASSERT_EQ(below->size(), 1U);
  EXPECT_EQ(below->front().resource.key.id, "one");
}

TEST_F(PostgresqlTest, AServerThatDoesNotAnswerIsAnErrorNotASmallerGraph) {
  std::ofstream(folder_ / "inventory.yaml") << "postgresql: [{id: server, host: " << folder_.path()
                                            << ", user: postgres, discover: true}]\n";
  Value settings(Value::Map{});
  settings.Set("inventory", folder_ / "inventory.yaml");
  const auto list = PostgresqlProtectable().make(settings);
  const auto nodes = (*list)->List(context_.context());
  ASSERT_FALSE(nodes);
  EXPECT_THAT(nodes.error().message(), HasSubstr("server 'server'"));
}

// Needs no server: nothing is asked.
TEST(PostgresqlParameters, EveryFaultInThemIsSaid) {
  const auto plugin = MakePlugin<PostgresqlProtection>();
  Resource database;
  database.key = {"Local::PostgreSQL::Database", "shop"};
  database.name = "shop";
  database.extra = Value().Set("database", "shop").Set("host", "nowhere.invalid");
  const auto faults = [&](Operation operation, const Value& parameters = {}) {
    return FaultsOf(*plugin, operation, database, parameters);
  };
  for (const Operation operation : kAllOperations) EXPECT_EQ(faults(operation), "");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("staging", "dumps")),
            "staging: staging 'dumps' is not absolute\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("database", std::string(63, 'x'))), "");
  EXPECT_THAT(faults(Operation::kRestore, Value().Set("database", std::string(64, 'x'))),
              HasSubstr("is longer than the 63 bytes that PostgreSQL keeps"));
  database.extra = Value();
  EXPECT_EQ(faults(Operation::kProtect),
            "resource: PostgreSQL database 'shop' has no 'database'\n");
}

TEST_F(PostgresqlTest, AnActivityRefusesTheSameParameters) {
  const Status staged = RunAll(Protect(), With("staging", "dumps"));
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(staged.error().message(), HasSubstr("staging 'dumps' is not absolute"));
  MustProtect();
  const Status restored = RunAll(Restore(), With("database", std::string(64, 'x')));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(restored.error().message(), HasSubstr("is longer than the 63 bytes"));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(PostgresqlTest, ThePreflightSaysEverythingThatStandsInTheWay) {
  const auto preflight = [&](const Value& parameters = {}) {
    return Preflight(*plugin_, context_.context(), database_, parameters);
  };
  EXPECT_EQ(preflight(), "");
  EXPECT_EQ(preflight(Holder()), "");
  EXPECT_EQ(Leftovers(), "") << "the preflight left something";
  EXPECT_THAT(preflight(With("staging", folder_ / "nowhere")),
              HasSubstr("not-found: the staging folder"));
  EXPECT_THAT(preflight(With("staging", "/proc")), HasSubstr("denied: "));

  // A role that may log in, but not read everything.
  Sql("postgres", "drop role if exists reader");
  Sql("postgres", "create role reader login");
  Sql("shop", "create table secrets(what text)");
  database_.extra.Set("user", "reader");
  EXPECT_THAT(
      preflight(),
      HasSubstr("denied: the role may not read 2 of the tables and sequences of database 'shop': "
                "public.orders, public.secrets"));
  Sql("postgres", "grant pg_read_all_data to reader");
  EXPECT_EQ(preflight(), "");
  database_.extra.Set("user", "postgres");
  Sql("postgres", "drop role reader");

  // Tools that are older than the server, and a database that is not there: both are said.
  const std::string bin = folder_ / "bin";
  std::filesystem::create_directory(bin);
  for (const char* name : {"pg_dump", "pg_restore"}) {
    const std::string path = bin + "/" + name;
    std::ofstream(path) << "#!/bin/sh\necho '" << name << " (PostgreSQL) 9.6.1'\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  Value settings(Value::Map{});
  settings.Set("staging", staging()).Set("bin_dir", bin);
  plugin_ = MakePlugin<PostgresqlProtection>(settings);
  EXPECT_THAT(preflight(), testing::AllOf(HasSubstr("pg_dump is version 9.6.1"),
                                          HasSubstr("pg_restore is version 9.6.1")));
  settings.Set("bin_dir", folder_ / "no-bin");
  plugin_ = MakePlugin<PostgresqlProtection>(settings);
  database_.extra.Set("database", "no such database");
  EXPECT_THAT(preflight(),
              testing::AllOf(HasSubstr("not-found: "), HasSubstr("no such database"),
                             HasSubstr("no-bin/pg_dump"), HasSubstr("no-bin/pg_restore")));
}

}  // namespace
}  // namespace holdfast::plugins::postgresql
