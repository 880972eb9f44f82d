#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::sqlite {

// What is known about a database file.
struct DatabaseFacts {
  std::uint64_t size = 0;  // bytes, as SQLite counts them: pages x page size
  std::int64_t page_size = 0;
  std::string journal_mode;  // "wal", "delete"
  std::string sqlite_version;
  WallTime point_in_time;  // of a copy: not later than when its lock was taken, and hardly earlier
};

// Copies the database at `from` into the empty file at `to` with SQLite's online backup: one point
// in time, whatever others write meanwhile. One read transaction is held for the whole copy: in WAL
// mode writers go on, otherwise they wait. `busy_timeout` is how long to wait for a writer's lock:
// kLocked past it, with a hint that names who has it; nothing was copied then. `before_copy` is
// called inside the transaction, when the size is known; its error stops the copy. The copy is not
// synced. The caller removes `to` after a failure.
Result<DatabaseFacts> BackupDatabase(
    const std::string& from, const std::string& to, std::chrono::milliseconds busy_timeout,
    Context& context, const std::function<Status(const DatabaseFacts&)>& before_copy);

// Looks at the database at `path` without a lock and without making a file beside it: may it be
// read, and is it one? How many bytes a copy needs at most, from what is there and in its WAL.
Result<std::uint64_t> ProbeDatabase(const std::string& path);

// SQLite's own checks, each of which finds what a weaker one finds: none; PRAGMA quick_check;
// integrity_check, which compares indexes with their tables, too.
enum class Check { kNone, kQuick, kFull };

// What the checks of a database say of it. Texts are on one line.
struct Soundness {
  Check passed = Check::kNone;    // the strongest check that it passed
  std::string damage;             // what a check found; empty: nothing
  Check found_by = Check::kNone;  // the weakest check that found damage
  // Why a check could not be made, which is no damage: the database uses a collation or a function
  // that its application defines and our SQLite does not know. Empty: all could.
  std::string obstacle;

  bool damaged() const { return !damage.empty(); }
};

// Checks a file that nobody else uses: by `most`, and by weaker checks until one is passed; where one
// cannot be made of the whole, it is made of each table that it can be made of. The file is
// not changed (opened read-only and immutable). A file that is no database is damaged.
Result<Soundness> CheckDatabase(const std::string& path, Check most, Context& context);

}  // namespace holdfast::plugins::sqlite
