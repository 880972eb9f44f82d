#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

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

// An administrator has made the database before, empty: with an owner, privileges, settings.
class PostgresqlReadyTest : public PostgresqlPropertiesTest {
 protected:
  PostgresqlReadyTest() {
    Sql("postgres", "create role keeper; create role visitor");
    Sql("postgres", "create database other owner keeper");
    Sql("postgres",
        "revoke all on database other from public; grant connect on database other to visitor;"
        "alter database other set work_mem = '9MB'; alter database other set lock_timeout = '3s';"
        "alter database other connection limit 3; comment on database other is 'made by hand'");
    ready_ = PropertiesOf("other");
  }
  ~PostgresqlReadyTest() override {
    Sql("postgres", "drop database if exists other with (force)");
    Sql("postgres", "drop role keeper; drop role visitor");
  }
  static std::string OwnerOf(const std::string& database) {
    return Sql("postgres",
               fmt::format("select pg_get_userbyid(datdba) from pg_database where datname = '{}'",
                           database));
  }
  std::string ready_;
};

TEST_F(PostgresqlReadyTest, KeepsAllThatItWasGivenWhereTheCheckpointHasNothing) {
  Sql("postgres", "drop database shop");
  Sql("postgres", "create database shop");
  Sql("shop", "create table orders(id integer primary key, what text)");
  MustProtect();
  const Status status = RunAll(Restore(), With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("other", kSum), "0/0");
  EXPECT_EQ(PropertiesOf("other"), ready_);
  EXPECT_EQ(OwnerOf("other"), "keeper");
  EXPECT_THAT(context_.log().text(),
              HasSubstr("warning: database 'other' stood ready and keeps its owner 'keeper'; the "
                        "protected one was of 'postgres'"));
}

TEST_F(PostgresqlReadyTest, KeepsWhatItWasGivenSaysSoAndGetsTheRest) {
  MustProtect();
  const Status status = RunAll(Restore(), With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(Sql("other", kSum), sum_);
  EXPECT_THAT(PropertiesOf("other"),
              testing::AllOf(HasSubstr("3 made by hand {keeper=CTc/keeper,visitor=c/keeper}"),
                             HasSubstr("work_mem=9MB"), HasSubstr("lock_timeout=3s"),
                             HasSubstr("shop.mode="), HasSubstr("odd, name"),
                             HasSubstr("clerk:{statement")));
  EXPECT_EQ(OwnerOf("other"), "keeper");
  EXPECT_THAT(context_.log().text(),
              HasSubstr("warning: database 'other' stood ready and keeps the setting work_mem, its "
                        "comment, its connection limit, its privileges; the checkpoint has "
                        "something else, which 'overwrite: true' takes"));
}

TEST_F(PostgresqlReadyTest, IsReplacedWithAllThatItHasWhenToldTo) {
  MustProtect();
  Value parameters = Overwrite();
  parameters.Set("database", "other");
  const Status status = RunAll(Restore(), parameters);
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(PropertiesOf("other"), before_);
  EXPECT_EQ(OwnerOf("other"), "clerk");
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("warning")));
}

TEST_F(PostgresqlReadyTest, OfTheRoleThatRestoresGoesToTheOwnerOfTheCheckpoint) {
  Sql("postgres", "drop database other");
  Sql("postgres", "create database other");
  MustProtect();
  const Status status = RunAll(Restore(), With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(PropertiesOf("other"), before_);
  EXPECT_EQ(OwnerOf("other"), "clerk");
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("warning")));
}

TEST_F(PostgresqlReadyTest, WithAnotherLocaleSaysThatItGetsTheOneOfTheCheckpoint) {
  Sql("postgres", "drop database other");
  Sql("postgres", "create database other template template0 encoding 'SQL_ASCII'");
  MustProtect();
  const Status status = RunAll(Restore(), With("database", "other"));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_THAT(
      context_.log().text(),
      HasSubstr("warning: database 'other' stood ready with encoding and locale SQL_ASCII C "
                "C, it gets those of the checkpoint: UTF8 C C"));
}

// Tablespaces fast and slow; "shop" stands in the one, a table and an index of it in the other.
class PostgresqlTablespaceTest : public PostgresqlTest {
 protected:
  PostgresqlTablespaceTest() {
    for (const char* const name : {"fast", "slow"}) {
      const std::string folder = fmt::format("{}/{}", server_->host(), name);
      Sql("postgres",
          fmt::format("copy (select 1) to program 'cat >/dev/null; mkdir -p {}'", folder));
      Sql("postgres", fmt::format("create tablespace {} location '{}'", name, folder));
    }
    Sql("postgres", "alter database shop set tablespace fast");
    Sql("shop",
        "create table cold(id integer) tablespace slow; insert into cold select "
        "generate_series(1, 9); create index colder on orders(id) tablespace slow");
  }
  ~PostgresqlTablespaceTest() override {
    for (const char* const name : {"shop", "other"}) {
      Sql("postgres", fmt::format("drop database if exists {} with (force)", name));
    }
    DropTablespaces();
  }
  static void DropTablespaces() {
    Sql("postgres", "drop tablespace if exists fast");
    Sql("postgres", "drop tablespace if exists slow");
  }
  // "<of the database> <of the table> <of the index>"; '-': where the database is.
  static std::string TablespacesOf(const std::string& database) {
    return Sql(
        database,
        "select (select spcname from pg_database d join pg_tablespace t on t.oid = "
        "d.dattablespace where datname = current_database()) || ' ' || string_agg(coalesce("
        "t.spcname, '-'), ' ' order by relname) from pg_class c left join pg_tablespace t on "
        "t.oid = c.reltablespace where relname in ('cold', 'colder')");
  }
};

TEST_F(PostgresqlTablespaceTest, AreUsedAgainAndThatOfADatabaseThatStandsReadyStays) {
  ASSERT_EQ(TablespacesOf("shop"), "fast slow slow");
  MustProtect();
  EXPECT_THAT(context_.log().text(),
              HasSubstr("info: database 'shop' stands in tablespaces other than the default one: "
                        "fast, slow;"));
  Sql("postgres", "drop database shop");
  const Status lost = RunAll(Restore());
  ASSERT_TRUE(lost) << lost.error().Render();
  EXPECT_EQ(TablespacesOf("shop"), "fast slow slow");
  Sql("postgres", "create database other tablespace slow");
  const Status ready =
      RunAll(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r2"), With("database", "other"));
  ASSERT_TRUE(ready) << ready.error().Render();
  EXPECT_EQ(TablespacesOf("other"), "slow - -");
  EXPECT_THAT(context_.log().text(), testing::Not(HasSubstr("warning")));
}

TEST_F(PostgresqlTablespaceTest, ThatAreNotThereAreAWarning) {
  MustProtect();
  Sql("postgres", "drop database shop");
  DropTablespaces();
  const Status status = RunAll(Restore());
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(TablespacesOf("shop"), "pg_default - -");
  EXPECT_EQ(Sql("shop", "select count(*) from cold"), "9");
  EXPECT_EQ(Sql("shop", kSum), sum_);
  EXPECT_THAT(context_.log().text(),
              testing::AllOf(
                  HasSubstr("warning: the server has no tablespace 'fast' that this role may use: "
                            "database 'shop' goes to the default one"),
                  HasSubstr("warning: the server has no tablespace 'slow' that this role may "
                            "use: all tables and indexes of database 'shop' go to the "
                            "tablespace of the database")));
}

TEST_F(PostgresqlTablespaceTest, ThatTheRoleMayNotUseAreAWarning) {
  MustProtect();
  Sql("postgres", "drop database shop");
  Sql("postgres", "create role maker login createdb; grant create on tablespace fast to maker");
  database_.extra.Set("user", "maker");
  const Status status = RunAll(Restore(), With("owners", false));
  const std::string tablespaces = status ? TablespacesOf("shop") : status.error().Render();
  Sql("postgres", "drop database if exists shop");
  Sql("postgres", "revoke create on tablespace fast from maker; drop role maker");
  EXPECT_EQ(tablespaces, "fast - -");
  EXPECT_THAT(context_.log().text(), testing::AllOf(testing::Not(HasSubstr("tablespace 'fast'")),
                                                    HasSubstr("no tablespace 'slow'")));
}

}  // namespace
}  // namespace holdfast::plugins::postgresql
