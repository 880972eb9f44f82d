#pragma once

#include <string>

#include "plugins/local/postgresql/postgresql_protection.h"
#include "plugins/local/postgresql/server.h"

// What belongs to a database and is in no dump of it, because the server keeps it: privileges on the
// database itself, settings of ALTER DATABASE ... SET and ALTER ROLE ... IN DATABASE ... SET, its
// connection limit and its comment.
namespace holdfast::plugins::postgresql {

// Asks the database that the connection is to; fills in grants, settings, connection_limit and
// comment of `info`. What is no UTF-8 is left out, with a warning.
Status ReadProperties(Connection& connection, PostgresqlProtection::SavedInfo& info,
                      Context& context);

// Gives them to the database `name`. What cannot be given back (a role is not there, this role may
// not) is a warning each; the old owner's privileges become the new one's. Without `owners` nothing
// that names a role. Again: the same. `shown` is its name in warnings. An error only when the server
// itself is lost.
Status ApplyProperties(Connection& maintenance, const std::string& name,
                       const PostgresqlProtection::SavedInfo& info, bool owners,
                       const std::string& shown, Context& context);

}  // namespace holdfast::plugins::postgresql
