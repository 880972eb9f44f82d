#include <gtest/gtest.h>
#include <unistd.h>

#include "plugins/conformance/plugin_suite.h"
#include "plugins/local/postgresql/register.h"
#include "tests/plugins/activity_harness.h"
#include "tests/plugins/postgresql/postgres_server.h"

// The checks of the kit that need something to protect; the others run without a server, in
// tests/plugins/conformance.
namespace holdfast::plugins::conformance {
namespace {

struct Case {
  std::string snapshot;
  const PluginCheck* check;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* snapshot : {"dump", "holder"}) {
    for (const PluginCheck& check : PluginChecks()) {
      if (check.needs_sample) cases.push_back({snapshot, &check});
    }
  }
  return cases;
}

PluginSample SampleOf(const testing_plugins::PostgresServer& server, const std::string& snapshot) {
  PluginSample sample;
  sample.files = {{"staging/", ""}};
  sample.settings.Set("host", server.host())
      .Set("user", "postgres")
      .Set("staging", "{folder}/staging");
  // A holder is known by record and resource, on the whole machine.
  sample.resource.key = {"Local::PostgreSQL::Database", "sample-" + std::to_string(::getpid())};
  sample.resource.name = "sample";
  sample.resource.extra.Set("database", "sample");
  sample.parameters[static_cast<std::size_t>(Operation::kProtect)].Set("snapshot", snapshot);
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)]
      .Set("database", "restored")
      .Set("overwrite", true);
  return sample;
}

class PostgresqlPlugin : public ::testing::TestWithParam<Case> {};

TEST_P(PostgresqlPlugin, Keeps) {
  const auto& [snapshot, check] = GetParam();
  const testing_plugins::PostgresServer server;
  server.Sql("postgres", "create database sample");
  server.Sql("sample",
             "create table orders(id integer primary key, what text);"
             "insert into orders select i, md5(i::text) from generate_series(1, 100) i");
  const std::string rows = server.Sql("sample", "select md5(string_agg(what, '')) from orders");
  PluginRegistry registry;
  postgresql::Register(registry);
  const PluginSample sample = SampleOf(server, snapshot);
  PluginUnderTest plugin;
  plugin.entry = registry.FindProtection("local-postgresql");
  ASSERT_NE(plugin.entry, nullptr);
  plugin.sample = &sample;
  const testing_plugins::TempFolder folder;
  const auto processes = MakeProcessRunner();
  PluginCheckOptions options;
  options.folder = folder.path();
  options.processes = processes.get();
  const PluginCheckResult result = RunPluginCheck(plugin, *check, options);
  EXPECT_TRUE(result.outcome.has_value()) << result.outcome.error().Render();
  // What the kit cannot see: the source is as it was, and the server holds nothing of ours.
  EXPECT_EQ(server.Sql("sample", "select md5(string_agg(what, '')) from orders"), rows);
  EXPECT_EQ(server.Sql("postgres",
                       "select string_agg(datname, ' ') from pg_database where datname ~ "
                       "'^holdfast'"),
            "");
}

std::string CaseName(const ::testing::TestParamInfo<Case>& info) {
  return info.param.snapshot + "_" + std::string(info.param.check->name);
}

INSTANTIATE_TEST_SUITE_P(OnAServer, PostgresqlPlugin, ::testing::ValuesIn(Cases()), CaseName);

}  // namespace
}  // namespace holdfast::plugins::conformance
