#pragma once

#include <string>

#include "plugins/local/postgresql/postgresql_protection.h"
#include "plugins/local/postgresql/server.h"

// How a restored database takes its place: filled under a temporary name, then renamed, in one
// transaction with the renaming of the one that it replaces.
namespace holdfast::plugins::postgresql {

// The databases of one restore. Their names hang on the record and the resource, not on the epoch: a
// later one finds, and drops, what an earlier one had to leave.
struct SwapNames {
  std::string target;
  std::string fresh;     // "holdfast_tmp_<16 hex>": the new one until it takes its place
  std::string replaced;  // what was at the target, until it is dropped
};
SwapNames NamesOfRestore(const Checkpoint& checkpoint, const Resource& resource,
                         const std::string& target);

Result<bool> DatabaseExists(Connection& maintenance, const std::string& name);

// Of a database, whatever its name; "" when there is none.
Result<std::string> DatabaseIdentity(Connection& maintenance, const ServerAddress& address,
                                     const std::string& name);

// kConflict, with a hint, when the target exists, `overwrite` is false, and something is in it or
// someone is connected to it.
Status RefuseExisting(const ServerAddress& address, Connection& maintenance,
                      const std::string& target, bool overwrite, Context& context);

// kConflict, with a hint, when something holds the target that renaming and dropping it would fail
// for, or that would go with it: replication slots, subscriptions, prepared transactions, that it is
// a template; kDenied when it is another role's. There is none: success.
Status RefuseHeld(Connection& maintenance, const std::string& target);

// Makes the fresh database, empty, with encoding, locale, owner and tablespace of `info`; one that an
// attempt before left is dropped first.
Status CreateFresh(const ServerAddress& address, Connection& maintenance, const SwapNames& names,
                   const PostgresqlProtection::SavedInfo& info, Context& context);

// Renames. Ends the sessions of the target. Again after a crash: what is done is done.
Status SwapIn(Connection& maintenance, const SwapNames& names);

// Drops what is neither the old nor the new target, and says so in the log. Again: success. What the
// server does not drop is a warning that names it and says why, and kLocked: the clean-up stays owed.
Status DropLeftovers(const ServerAddress& address, Connection& maintenance, const SwapNames& names,
                     Context& context);

}  // namespace holdfast::plugins::postgresql
