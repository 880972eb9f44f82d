#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/sqlite/sqlite_protection.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::sqlite {

using namespace testing_plugins;

// A real database, written with SQLite itself.
class Database {
 public:
  explicit Database(const std::string& path) {
    HOLDFAST_CHECK(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void Do(const std::string& sql) {
    char* message = nullptr;
    ASSERT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << sql << ": " << message;
  }
  std::string Ask(const std::string& sql) {
    std::string out;
    const auto take = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) += values[0] == nullptr ? "NULL" : values[0];
      return 0;
    };
    char* message = nullptr;
    if (sqlite3_exec(db_, sql.c_str(), take, &out, &message) != SQLITE_OK) return message;
    return out;
  }
  // A function and a collation 'theirs', as an application has its own.
  void DefineTheirs() {
    const auto same = [](sqlite3_context* to, int, sqlite3_value** values) {
      sqlite3_result_value(to, values[0]);
    };
    const auto compare = [](void*, int a_size, const void* a, int b_size, const void* b) {
      const std::string_view left(static_cast<const char*>(a), static_cast<std::size_t>(a_size));
      const std::string_view right(static_cast<const char*>(b), static_cast<std::size_t>(b_size));
      return left.compare(right);
    };
    ASSERT_EQ(sqlite3_create_function(db_, "theirs", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                                      same, nullptr, nullptr),
              SQLITE_OK);
    ASSERT_EQ(sqlite3_create_collation(db_, "theirs", SQLITE_UTF8, nullptr, compare), SQLITE_OK);
  }

 private:
  sqlite3* db_ = nullptr;
};

// An application: another process that has the database open, and is at rest.
class Application {
 public:
  // Opens it, with the flags of sqlite3_open_v2, and runs `first`; `last` when it is told to end.
  Application(const std::string& path, const std::string& first, const std::string& last = "",
              int flags = SQLITE_OPEN_READWRITE) {
    std::array<int, 2> ready{};
    std::array<int, 2> go{};
    HOLDFAST_CHECK(::pipe(ready.data()) == 0 && ::pipe(go.data()) == 0);
    process_ = ::fork();
    HOLDFAST_CHECK(process_ >= 0);
    if (process_ == 0) {
      ::close(go[1]);
      sqlite3* db = nullptr;
      bool ok = sqlite3_open_v2(path.c_str(), &db, flags, nullptr) == SQLITE_OK &&
                sqlite3_exec(db, first.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
      char byte = ok ? 'r' : 'f';
      ok = ::write(ready[1], &byte, 1) == 1 && ok;
      ok = ::read(go[0], &byte, 1) == 0 && ok;
      ok = ok && sqlite3_exec(db, last.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
      sqlite3_close(db);
      ::_exit(ok ? 0 : 1);
    }
    ::close(go[0]);
    ::close(ready[1]);
    char byte = 0;
    HOLDFAST_CHECK(::read(ready[0], &byte, 1) == 1 && byte == 'r');
    ::close(ready[0]);
    go_ = go[1];
  }
  ~Application() {
    if (go_ >= 0) End();
  }
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  // False when a statement of it failed.
  bool End() {
    ::close(std::exchange(go_, -1));
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  // As a message names it.
  std::string name() const { return fmt::format("process {} (", process_); }

 private:
  pid_t process_ = 0;
  int go_ = -1;
};

inline std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline constexpr char kSum[] =
    "select count(*) || '/' || coalesce(sum(id * length(what)), 0) from orders";

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    std::filesystem::create_directory(folder_ / "data");
    path_ = folder_ / "data/shop.db";
    database_.key = {"Local::SQLite::Database", path_};
    database_.name = "shop.db";
    database_.extra = Value(Value::Map{});
    database_.extra.Set("path", path_);
  }
  void Fill(const std::string& pragma = "") {
    Database db(path_);
    db.Do(pragma +
          "create table orders(id integer primary key, what text);"
          "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) "
          "insert into orders select i, hex(randomblob(100)) from n");
    sum_ = db.Ask(kSum);
  }
  std::string SumOf(const std::string& path) { return Database(path).Ask(kSum); }
  MemoryCheckpoint Protect() { return MemoryCheckpoint(*bank_, "c1"); }
  MemoryCheckpoint Restore() { return MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"); }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), database_, parameters);
  }
  Status RunAll(MemoryCheckpoint&& checkpoint, const Value& parameters = {}) {
    return RunAllActivities(*plugin_, checkpoint, context_.context(), database_, parameters);
  }
  void MustProtect() {
    const Status status = RunAll(Protect());
    ASSERT_TRUE(status) << status.error().Render();
  }
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "data")) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  // What was logged since the call before.
  std::string Logged() {
    const std::string text = context_.log().text();
    return text.substr(std::exchange(logged_, text.size()));
  }
  static Value Overwrite() {
    Value parameters(Value::Map{});
    parameters.Set("overwrite", true);
    return parameters;
  }

  TempFolder folder_;
  std::unique_ptr<Bank> bank_;
  std::string path_;
  std::string sum_;
  Resource database_;
  TestContext context_;
  std::size_t logged_ = 0;
  std::unique_ptr<ProtectionPlugin> plugin_ = MakePlugin<SqliteProtection>();
};

// A page in the middle of a file, overwritten as a bad disk does it; SQLite copies it as it is.
inline void Damage(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 10);
  file << std::string(512, '\xff');
}

}  // namespace holdfast::plugins::sqlite
