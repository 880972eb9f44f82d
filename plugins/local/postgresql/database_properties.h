#pragma once

#include <string>

#include "plugins/local/postgresql/postgresql_protection.h"
#include "plugins/local/postgresql/server.h"

// What belongs to a database and is in no dump of it, because the server keeps it: owner, encoding,
// locale, tablespace, privileges on the database itself, settings of ALTER DATABASE ... SET and ALTER
// ROLE ... IN DATABASE ... SET, its connection limit and its comment.
namespace holdfast::plugins::postgresql {

// All of it, and which tablespaces its tables and indexes use beside its own. What is no UTF-8 is
// left out, with a warning.
Result<PostgresqlProtection::SavedInfo> ReadDatabase(const ServerAddress& address,
                                                     const std::string& database, Context& context);

// Gives grants, settings, comment and connection limit of `info` to the database `name`. What cannot
// be given (a role is not there, this role may not) is a warning each; privileges of info.owner
// become those of its owner. Again: the same. `shown` is its name in warnings. An error only when the
// server itself is lost.
Status ApplyProperties(Connection& maintenance, const std::string& name,
                       const PostgresqlProtection::SavedInfo& info, const std::string& shown,
                       Context& context);

}  // namespace holdfast::plugins::postgresql
