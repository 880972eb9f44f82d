#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "plugins/sdk/result.h"

// Who else uses a database file. Nothing here takes a lock, waits, or changes a file; whether the
// file is a sound database does not matter. To be called while this process has no connection to
// the file: closing any descriptor of a file drops all the locks on it that a process has.
namespace holdfast::plugins::sqlite {

struct DatabaseUser {
  pid_t process = 0;  // 0: it cannot be told, such as of one in another pod
  std::string name;   // "4711 (python3)"; "" when it cannot be told
};

// Another process that has a lock of SQLite's on the file: one in a transaction, and in WAL mode each
// that has read the database and not closed it yet. None when the file cannot be opened.
std::optional<DatabaseUser> LockHolder(const std::string& path);

// Another process that has such a lock, or the file open for writing as far as /proc shows it to this
// user: an application that is at rest between two transactions is seen by that alone. None when
// there is no file.
Result<std::optional<DatabaseUser>> UserOfDatabase(const std::string& path);

}  // namespace holdfast::plugins::sqlite
