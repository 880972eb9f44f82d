#include "tests/plugins/postgresql/postgres_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::testing_plugins {
namespace {

ProcessOutcome Run(const std::vector<std::string>& argv) {
  ProcessSpec spec;
  spec.argv = argv;
  spec.deadline = std::chrono::minutes(2);
  spec.environment["LC_ALL"] = "C";
  const auto outcome = MakeProcessRunner()->Run(spec);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().Render();
  return outcome.value_or(ProcessOutcome{1, 0, false, false, "", ""});
}

}  // namespace

PostgresServer::PostgresServer() {
  ::chmod(folder_.path().c_str(), 0755);  // the server runs as another user
  Start();
}

PostgresServer::~PostgresServer() { Stop(); }

void PostgresServer::Start() {
  const ProcessOutcome outcome = Run({HOLDFAST_SOURCE_DIR "/tests/setup/pg_server.sh", "start",
                                      host(), std::to_string(::getpid())});
  EXPECT_TRUE(outcome.ok()) << outcome.error;
}

void PostgresServer::Stop() {
  Run({HOLDFAST_SOURCE_DIR "/tests/setup/pg_server.sh", "stop", host()});
}

std::string PostgresServer::Sql(const std::string& database, const std::string& statements) const {
  const ProcessOutcome outcome = Run({"psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                                      host(), "-U", "postgres", "-d", database, "-c", statements});
  EXPECT_TRUE(outcome.ok()) << statements << ": " << outcome.error;
  return std::string(Trim(outcome.output));
}

}  // namespace holdfast::testing_plugins
