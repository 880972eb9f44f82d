#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/plugins/sqlite/sqlite_fixture.h"

namespace holdfast::plugins::sqlite {
namespace {

using testing::HasSubstr;

TEST_F(SqliteTest, EveryFaultInTheParametersIsSaid) {
  const auto faults = [&](Operation operation, const Value& parameters = {}) {
    return FaultsOf(*plugin_, operation, database_, parameters);
  };
  for (const Operation operation : kAllOperations) EXPECT_EQ(faults(operation), "");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("staging", "copies")),
            "staging: staging 'copies' is not absolute\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "shop.db")),
            "path: path 'shop.db' is not absolute\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "/srv/")),
            "path: path '/srv/' is a folder's, not a file's\n");
  EXPECT_EQ(faults(Operation::kRestore, Value().Set("path", "/srv/../shop.db")),
            "path: path '/srv/../shop.db' holds '..'\n");
  EXPECT_EQ(faults(Operation::kVerify, Value().Set("scratch", "../tmp")),
            "scratch: scratch '../tmp' is not absolute\n");
  database_.extra.Set("path", "data/shop.db");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("staging", "copies")),
            "resource: SQLite database 'shop.db' has no absolute 'path'\n"
            "staging: staging 'copies' is not absolute\n");
}

TEST_F(SqliteTest, AnActivityRefusesTheSameParameters) {
  Fill();
  const auto refusal = [&](MemoryCheckpoint&& checkpoint, const Value& parameters) {
    const Status status =
        RunAllActivities(*plugin_, checkpoint, context_.context(), database_, parameters);
    return status ? ""
                  : std::string(NameOf(status.error().code())) + ": " + status.error().message();
  };
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, "c0"), Value().Set("staging", "copies")),
            "invalid-input: staging 'copies' is not absolute");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, "c1"), {}), "");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"),
                    Value().Set("path", "shop.db")),
            "invalid-input: path 'shop.db' is not absolute");
  EXPECT_EQ(refusal(MemoryCheckpoint(*bank_, Operation::kVerify, "c1", "v1"),
                    Value().Set("integrity_check", true).Set("scratch", "tmp")),
            "invalid-input: scratch 'tmp' is not absolute");
}

TEST_F(SqliteTest, ThePreflightSaysEverythingThatStandsInTheWay) {
  const auto preflight = [&](const Value& parameters = {}) {
    return Preflight(*plugin_, context_.context(), database_, parameters);
  };
  EXPECT_THAT(preflight(), HasSubstr("not-found: database file '" + path_ + "'"));
  std::ofstream(path_) << std::string(4096, 'x');
  EXPECT_THAT(preflight(),
              HasSubstr("corrupt: reading the database '" + path_ + "': file is not a database"));
  std::filesystem::remove(path_);
  Fill("pragma journal_mode=wal;");
  const auto files = Files();
  EXPECT_EQ(preflight(), "");
  EXPECT_EQ(Files(), files) << "the preflight left something";
  Value staging(Value::Map{});
  staging.Set("staging", folder_ / "nowhere");
  EXPECT_THAT(preflight(staging),
              HasSubstr("not-found: the staging folder '" + (folder_ / "nowhere") + "'"));
  staging.Set("staging", path_);
  EXPECT_THAT(preflight(staging),
              HasSubstr("invalid-input: the staging folder '" + path_ + "' is no folder"));
  // A file system without space, and one that nobody may write to: whichever is seen first.
  staging.Set("staging", "/proc");
  EXPECT_THAT(preflight(staging), HasSubstr("denied: "));
  // Both at once.
  std::ofstream(path_) << std::string(4096, 'x');
  const std::string both = preflight(staging);
  EXPECT_THAT(both, HasSubstr("corrupt: "));
  staging.Set("staging", folder_ / "nowhere");
  EXPECT_THAT(preflight(staging),
              testing::AllOf(HasSubstr("corrupt: "), HasSubstr("not-found: the staging folder")));
}

}  // namespace
}  // namespace holdfast::plugins::sqlite
