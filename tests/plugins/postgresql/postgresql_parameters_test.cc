#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

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

TEST(PostgresqlPlaces, TheUsualAddressesOfThisMachineAreOne) {
  const auto plugin = MakePlugin<PostgresqlProtection>();
  const auto place = [&](const std::string& host, std::int64_t port) {
    Resource database;
    database.key = {"Local::PostgreSQL::Database", "shop"};
    database.extra = Value().Set("database", "shop").Set("host", host).Set("port", port);
    const auto places = plugin->Places(Operation::kRestore, database, Value(Value::Map{}), Value());
    return places.empty() ? "none" : places.front().name;
  };
  for (const char* const host : {"", "localhost", "127.0.0.1", "::1", "/var/run/postgresql"}) {
    EXPECT_EQ(place(host, 5432), "localhost:5432/shop");
  }
  EXPECT_NE(place("127.0.0.1", 5433), place("127.0.0.1", 5432));
  EXPECT_NE(place("/srv/pg", 5432), place("", 5432));
  EXPECT_NE(place("db", 5432), place("", 5432));
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
