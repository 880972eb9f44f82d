#pragma once

#include <string>
#include <string_view>

#include "plugins/local/postgresql/server.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::postgresql {

// A program of PostgreSQL's client package.
struct Tool {
  std::string path;
  int major = 0;        // 15
  std::string version;  // "15.20"
};

// Finds `name` ("pg_dump") in `bin_dir`, or, when that is empty, among /usr/lib/postgresql/*/bin the
// newest, or in PATH; asks it for its version. kInvalidInput when it is older than `at_least`
// (a major version).
Result<Tool> FindTool(std::string_view name, const std::string& bin_dir, int at_least,
                      Context& context);

struct DumpRequest {
  std::string database;
  std::string snapshot;  // an exported snapshot; empty: pg_dump's own
  std::chrono::milliseconds lock_timeout{60'000};
};
// pg_dump in custom format, not compressed (the bank compresses), to `sink`.
Status RunDump(const Tool& pg_dump, const ServerAddress& address, const DumpRequest& request,
               ByteSink& sink, Context& context);
struct RestoreRequest {
  std::string database;     // there, and empty
  bool owners = true;       // false: everything is its that restores, and nobody has privileges
  bool tablespaces = true;  // false: everything goes to the tablespace of the database
};
// pg_restore of a dump in custom format. Stops at the first error.
Status RunRestore(const Tool& pg_restore, const ServerAddress& address,
                  const RestoreRequest& request, ByteSource& source, Context& context);
// pg_restore --list: how many entries a dump has. Reads `source` only as far as it needs to.
Result<std::size_t> ListDump(const Tool& pg_restore, ByteSource& source, Context& context);

}  // namespace holdfast::plugins::postgresql
