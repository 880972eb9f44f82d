#pragma once

#include <string>

#include "tests/plugins/activity_harness.h"

namespace holdfast::testing_plugins {

// A real PostgreSQL server of the test's own (tests/setup/pg_server.sh): a Unix socket, no network,
// superuser "postgres", trusted. It ends with this object, and with this process however that ends.
class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  // The folder of its socket.
  std::string host() const { return folder_ / "pg"; }
  void Stop();
  void Start();

  // Runs statements with psql and returns what it prints ("a|b" rows); ends the test on an error.
  std::string Sql(const std::string& database, const std::string& statements) const;

 private:
  TempFolder folder_;
};

}  // namespace holdfast::testing_plugins
