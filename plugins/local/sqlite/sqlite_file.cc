#include "plugins/local/sqlite/sqlite_file.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "plugins/local/sqlite/database_user.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::sqlite {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// What SQLite says, which may be several lines ("*** in database main ***" and what is wrong there).
std::string OnOneLine(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : Split(text, '\n')) {
    if (const std::string_view words = Trim(line); !words.empty())
      lines.push_back(Printable(words));
  }
  return Join(lines, ": ");
}

Error SqliteError(int code, sqlite3* db, const std::string& doing) {
  ErrorCode ours = ErrorCode::kInternal;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      ours = ErrorCode::kLocked;
      break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
      ours = ErrorCode::kDenied;
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      ours = ErrorCode::kCorrupt;
      break;
    default:
      break;
  }
  const char* text = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  return Error(ours, fmt::format("{}: {}", doing, OnOneLine(text)));
}

// A path as a file: URI, so that no byte of it is read as anything else.
std::string Uri(const std::string& path, std::string_view query) {
  std::string out = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out + std::string(query);
}

Result<Database> Open(const std::string& uri, int flags, const std::string& doing) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(uri.c_str(), &raw, flags | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return SqliteError(code, raw, doing);
  sqlite3_extended_result_codes(raw, 1);
  return db;
}

// The first column of each row.
Result<std::vector<std::string>> AskAll(sqlite3* db, const std::string& sql,
                                        const std::string& doing) {
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(db, sql.c_str(), -1, &raw, nullptr);
  const Statement statement(raw);
  if (code != SQLITE_OK) return SqliteError(code, db, doing);
  std::vector<std::string> values;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
    values.emplace_back(text == nullptr ? "" : text);
  }
  if (code != SQLITE_DONE) return SqliteError(code, db, doing);
  return values;
}

// The first column of the first row; empty when there is no row.
Result<std::string> Ask(sqlite3* db, const char* sql, const std::string& doing) {
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  const Statement statement(raw);
  if (code != SQLITE_OK) return SqliteError(code, db, doing);
  code = sqlite3_step(raw);
  if (code == SQLITE_DONE) return std::string();
  if (code != SQLITE_ROW) return SqliteError(code, db, doing);
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
  return std::string(text == nullptr ? "" : text);
}

Status Do(sqlite3* db, const char* sql, const std::string& doing) {
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return SqliteError(code, db, doing);
  return Ok();
}

std::int64_t Number(const std::string& text) {
  return text.empty() ? 0 : std::strtoll(text.c_str(), nullptr, 10);
}

// What ended a copy. A backup tells its code alone: what failed is not known to the connections.
Error CopyError(int code, sqlite3* source, sqlite3* target, const std::string& to,
                const std::string& doing) {
  if ((code & 0xff) == SQLITE_FULL) {
    const std::filesystem::path folder = std::filesystem::path(to).parent_path();
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(folder, error);
    return Error(ErrorCode::kDenied,
                 fmt::format("{}: no space left for the copy in '{}'{}", doing,
                             Printable(folder.string()),
                             error ? "" : ", where " + HumanSize(space.available) + " are free"))
        .Hint("make space there, or name another folder with 'staging'");
  }
  if ((code & 0xff) == SQLITE_IOERR) {
    if (const int number = sqlite3_system_errno(target); number != 0) {
      return SystemError(number, fmt::format("{}: writing '{}'", doing, Printable(to)));
    }
    if (const int number = sqlite3_system_errno(source); number != 0) {
      return SystemError(number, doing);
    }
  }
  return SqliteError(code, nullptr, doing);
}

// Waits for the lock of a writer, as sqlite3_busy_timeout does, and knows when the last try began.
struct LockWait {
  Context& context;
  SteadyTime until;
  WallTime tried;

  static int Again(void* self, int) {
    auto& wait = *static_cast<LockWait*>(self);
    constexpr int kBetweenMs = 10;
    if (wait.context.cancelled() || wait.context.clock().Steady() >= wait.until) return 0;
    sqlite3_sleep(kBetweenMs);
    wait.tried = wait.context.clock().Now();
    return 1;
  }
};

Result<DatabaseFacts> Copy(const std::string& from, const std::string& to,
                           std::chrono::milliseconds busy_timeout, Context& context,
                           const std::function<Status(const DatabaseFacts&)>& before_copy) {
  const std::string doing = fmt::format("copying the database '{}'", Printable(from));
  // Read-write, so that a hot journal of a crashed application is rolled back; SQLite falls back to
  // reading alone where it may not write.
  HOLDFAST_ASSIGN_OR_RETURN(const Database source,
                            Open(Uri(from, ""), SQLITE_OPEN_READWRITE, doing));
  LockWait wait{context, context.clock().Steady() + busy_timeout, context.clock().Now()};
  sqlite3_busy_handler(source.get(), &LockWait::Again, &wait);
  // A backup that is the last to close must not checkpoint the application's WAL.
  sqlite3_db_config(source.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  HOLDFAST_RETURN_IF_ERROR(Do(source.get(), "BEGIN", doing));
  DatabaseFacts facts;
  // The first read takes the lock and fixes the point in time.
  HOLDFAST_RETURN_IF_ERROR(Ask(source.get(), "SELECT count(*) FROM sqlite_schema", doing));
  facts.point_in_time = wait.tried;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string pages, Ask(source.get(), "PRAGMA page_count", doing));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string page_size,
                            Ask(source.get(), "PRAGMA page_size", doing));
  HOLDFAST_ASSIGN_OR_RETURN(facts.journal_mode, Ask(source.get(), "PRAGMA journal_mode", doing));
  facts.page_size = Number(page_size);
  facts.size = static_cast<std::uint64_t>(Number(pages) * facts.page_size);
  facts.sqlite_version = sqlite3_libversion();
  HOLDFAST_RETURN_IF_ERROR(before_copy(facts));
  // An empty file is an empty database; a backup would make a page of it.
  if (facts.size == 0) return facts;

  HOLDFAST_ASSIGN_OR_RETURN(const Database target, Open(Uri(to, ""), SQLITE_OPEN_READWRITE, doing));
  // The copy is made again from the start when it is cut short; the caller syncs it once.
  HOLDFAST_RETURN_IF_ERROR(
      Do(target.get(), "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", doing));
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (backup == nullptr) return SqliteError(sqlite3_errcode(target.get()), target.get(), doing);
  const int at_once = static_cast<int>(
      (4U << 20U) / static_cast<unsigned>(facts.page_size > 0 ? facts.page_size : 4096));
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !context.cancelled()) {
    code = sqlite3_backup_step(backup, at_once);
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup));
    context.Report({(total - left) * static_cast<std::uint64_t>(facts.page_size),
                    total * static_cast<std::uint64_t>(facts.page_size), "copying"});
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_OK) return CancelledError();
  if (code == SQLITE_DONE) code = finished;
  if (code != SQLITE_OK) return CopyError(code, source.get(), target.get(), to, doing);
  return facts;
}

}  // namespace

Result<DatabaseFacts> BackupDatabase(
    const std::string& from, const std::string& to, std::chrono::milliseconds busy_timeout,
    Context& context, const std::function<Status(const DatabaseFacts&)>& before_copy) {
  auto copied = Copy(from, to, busy_timeout, context, before_copy);
  if (copied || copied.error().code() != ErrorCode::kLocked) return copied;
  const auto user = LockHolder(from);
  const std::string holder = user ? user->name : "";
  return Error(std::move(copied).error())
      .Hint((holder.empty() ? "a transaction of the application or of a tool is open; 'fuser " +
                                  Printable(from) + "' names the processes that have the file"
                            : "process " + holder + " has a lock on it") +
            ": end its transaction, or wait longer than busy_timeout (" +
            FormatDuration(busy_timeout) + ")");
}

Result<std::uint64_t> ProbeDatabase(const std::string& path) {
  const std::string doing = fmt::format("reading the database '{}'", Printable(path));
  // immutable: see CheckDatabase. What a WAL holds is not seen that way, but it counts.
  HOLDFAST_ASSIGN_OR_RETURN(const Database db,
                            Open(Uri(path, "?immutable=1"), SQLITE_OPEN_READONLY, doing));
  HOLDFAST_RETURN_IF_ERROR(Ask(db.get(), "SELECT count(*) FROM sqlite_schema", doing));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string pages, Ask(db.get(), "PRAGMA page_count", doing));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string page_size, Ask(db.get(), "PRAGMA page_size", doing));
  std::error_code none;
  const std::uintmax_t wal = std::filesystem::file_size(path + "-wal", none);
  return static_cast<std::uint64_t>(Number(pages) * Number(page_size)) + (none ? 0 : wal);
}

namespace {

// What SQLite says where a statement needs what only an application defines. Of a function there is no
// code of its own.
bool IsUnknownToUs(int code, std::string_view text) {
  return code == SQLITE_ERROR_MISSING_COLLSEQ || text.starts_with("unknown function: ") ||
         text.starts_with("no such function: ");
}

// Notes in `soundness` what the statement, a check of this strength, says.
Status Note(sqlite3* db, const std::string& statement, const std::string& doing, Check check,
            Context& context, Soundness& soundness) {
  const auto finding = Ask(db, statement.c_str(), doing);
  if (finding && *finding == "ok") {
    soundness.passed = check;
    return Ok();
  }
  if (context.cancelled()) return CancelledError();
  const std::string text = OnOneLine(finding ? *finding : std::string(sqlite3_errmsg(db)));
  if (!finding && finding.error().code() != ErrorCode::kCorrupt) {
    if (!IsUnknownToUs(sqlite3_extended_errcode(db), text)) return Error(finding.error());
    soundness.obstacle = text;
    return Ok();
  }
  soundness.damage = text;
  soundness.found_by = check;
  return Ok();
}

// Makes one check of all that it can be made of, and notes in `soundness` what it says.
Status CheckOnce(const std::string& path, Check check, Context& context, Soundness& soundness) {
  const std::string doing = fmt::format("checking the database '{}'", Printable(path));
  // immutable: a database in WAL mode could not be opened read-only without making files beside it.
  HOLDFAST_ASSIGN_OR_RETURN(const Database db,
                            Open(Uri(path, "?immutable=1"), SQLITE_OPEN_READONLY, doing));
  sqlite3_progress_handler(
      db.get(), 100'000,
      [](void* data) { return static_cast<Context*>(data)->cancelled() ? 1 : 0; }, &context);
  const std::string pragma =
      check == Check::kQuick ? "PRAGMA quick_check" : "PRAGMA integrity_check";
  HOLDFAST_RETURN_IF_ERROR(Note(db.get(), pragma + "(1)", doing, check, context, soundness));
  if (soundness.obstacle.empty() || soundness.passed == check) return Ok();
  // One table that cannot be checked hinders the check of all of them at once.
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<std::string> tables,
      AskAll(db.get(),
             "SELECT quote(name) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0", doing));
  Soundness of_tables;
  for (const std::string& table : tables) {
    if (of_tables.damaged()) break;
    HOLDFAST_RETURN_IF_ERROR(
        Note(db.get(), fmt::format("{}({})", pragma, table), doing, check, context, of_tables));
  }
  if (of_tables.damaged()) {
    soundness.damage = of_tables.damage;
    soundness.found_by = check;
  }
  return Ok();
}

}  // namespace

Result<Soundness> CheckDatabase(const std::string& path, Check most, Context& context) {
  Soundness soundness;
  for (const Check check : {Check::kFull, Check::kQuick}) {
    if (check > most || soundness.passed != Check::kNone) continue;
    HOLDFAST_RETURN_IF_ERROR(CheckOnce(path, check, context, soundness));
  }
  return soundness;
}

}  // namespace holdfast::plugins::sqlite
