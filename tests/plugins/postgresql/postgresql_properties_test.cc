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

}  // namespace
}  // namespace holdfast::plugins::postgresql
