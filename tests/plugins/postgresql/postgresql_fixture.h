#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/postgresql/postgresql_protection.h"
#include "tests/plugins/activity_harness.h"
#include "tests/plugins/postgresql/postgres_server.h"

namespace holdfast::plugins::postgresql {

using namespace testing_plugins;

// What the table of a test's database holds, as one text.
inline constexpr char kSum[] =
    "select count(*) || '/' || coalesce(sum(id * length(what)), 0) from orders";

// A server for all tests of a suite, a bank and a database "shop" for each of them.
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

  static inline std::unique_ptr<PostgresServer> server_;
  static inline const pid_t test_process_ = ::getpid();  // not that of RunInChild
  TempFolder folder_;
  std::unique_ptr<Bank> bank_;
  Resource database_;
  std::string sum_;
  TestContext context_;
  std::unique_ptr<ProtectionPlugin> plugin_;
};

}  // namespace holdfast::plugins::postgresql
