#pragma once

#include <string>
#include <vector>

#include "plugins/local/postgresql/postgresql_protection.h"
#include "plugins/local/postgresql/server.h"

namespace holdfast::plugins::postgresql {

// What a restored database is to have beside its contents.
struct TargetProperties {
  // The checkpoint's, with the owner that it is to get, a tablespace that the server has ("": the
  // default one), and the grants, settings, comment and connection limit that are to be given.
  PostgresqlProtection::SavedInfo info;
  bool tablespaces = true;  // false: its tables and indexes go where the database is
  // What is not as it was protected, or as it stood ready, one line each.
  std::vector<std::string> warnings;
};

// Of the checkpoint's `info`, what may be given here: without `owners` nothing that names a role. An
// empty database that stands ready at the target, and is not to be overwritten, keeps what its
// administrator has given it: settings, comment, connection limit, privileges, its tablespace where
// that is not the default one, its owner where that is not the role that restores. Changes nothing.
Result<TargetProperties> PropertiesFor(Connection& maintenance, const ServerAddress& address,
                                       const std::string& target,
                                       const PostgresqlProtection::SavedInfo& info,
                                       const PostgresqlProtection::RestoreParameters& parameters,
                                       Context& context);

}  // namespace holdfast::plugins::postgresql
