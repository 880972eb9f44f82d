#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "plugins/local/postgresql/postgresql_protectable.h"
#include "tests/plugins/postgresql/postgresql_fixture.h"

namespace holdfast::plugins::postgresql {
namespace {

using testing::HasSubstr;

TEST_F(PostgresqlTest, AServerEntryGivesTheDatabasesThatItHasNow) {
  Sql("postgres", "create database other");
  Sql("postgres", "drop database if exists left_out");
  Sql("postgres", "create database left_out");
  std::ofstream(folder_ / "inventory.yaml") << fmt::format(
      "applications:\n"
      "  - id: shop\n"
      "    postgresql: [{{id: one, host: {0}, user: postgres, database: shop}}]\n"
      "postgresql:\n"
      "  - {{id: server, host: {0}, user: postgres, discover: true, exclude: [left_out]}}\n",
      server_->host());
  Value settings(Value::Map{});
  settings.Set("inventory", folder_ / "inventory.yaml");
  const auto list = PostgresqlProtectable().make(settings);
  ASSERT_TRUE(list);
  const auto nodes = (*list)->List(context_.context());
  ASSERT_TRUE(nodes) << nodes.error().Render();
  std::vector<std::string> ids;
  for (const auto& node : *nodes) ids.push_back(node.key.id);
  EXPECT_THAT(
      ids, testing::UnorderedElementsAre("one", "server/other", "server/postgres", "server/shop"));
  const auto below =
      (*list)->Dependents(context_.context(), {{"Local::Application", "shop"}, "shop", {}});
  ASSERT_TRUE(below);
  ASSERT_EQ(below->size(), 1U);
  EXPECT_EQ(below->front().resource.key.id, "one");
}

TEST_F(PostgresqlTest, ADatabaseThatCannotBeTakenIsSaidOnce) {
  Sql("postgres", "create database pattern is_template true");
  Sql("postgres", "create database locked allow_connections false");
  Sql("postgres", "create database known allow_connections false");
  std::ofstream(folder_ / "inventory.yaml")
      << "postgresql: [{id: server, host: " << server_->host()
      << ", user: postgres, discover: true, exclude: [known]}]\n";
  const auto list =
      PostgresqlProtectable().make(Value().Set("inventory", folder_ / "inventory.yaml"));
  ASSERT_TRUE(list);
  ASSERT_TRUE((*list)->List(context_.context()));
  ASSERT_TRUE((*list)->List(context_.context()));
  EXPECT_EQ(
      context_.log().text(),
      "warning: database 'locked' of server 'server' is not protected: it allows no "
      "connections; allow them, or say 'exclude: [locked]' to leave it out in silence\n"
      "warning: database 'pattern' of server 'server' is not protected: it is a template; "
      "give it an entry of its own, or say 'exclude: [pattern]' to leave it out in silence\n");
  Sql("postgres", "alter database pattern is_template false");
  for (const std::string name : {"pattern", "locked", "known"})
    Sql("postgres", "drop database " + name);
}

TEST_F(PostgresqlTest, OneDatabaseByTwoAddressesOfItsServerIsSaidOnce) {
  const PostgresServer another;
  another.Sql("postgres", "create database shop");
  std::filesystem::create_directory_symlink(server_->host(), folder_ / "alias");
  std::ofstream(folder_ / "inventory.yaml") << fmt::format(
      "postgresql:\n"
      "  - {{id: another, host: {0}, user: postgres, database: shop}}\n"
      "  - {{id: one, host: {1}, user: postgres, database: shop}}\n"
      "  - {{id: server, host: {2}, user: postgres, discover: true, exclude: [postgres]}}\n",
      another.host(), server_->host(), folder_ / "alias");
  const auto list =
      PostgresqlProtectable().make(Value().Set("inventory", folder_ / "inventory.yaml"));
  ASSERT_TRUE(list);
  const auto nodes = (*list)->List(context_.context());
  ASSERT_TRUE(nodes) << nodes.error().Render();
  ASSERT_TRUE((*list)->List(context_.context()));
  EXPECT_EQ(context_.log().text(),
            fmt::format(
                "warning: 'one' and 'server/shop' are one: database 'shop' of one server, which is "
                "at {}:5432 and at {}:5432; with both in a plan it is protected twice\n",
                server_->host(), folder_ / "alias"));
}

TEST_F(PostgresqlTest, AServerThatDoesNotAnswerIsAnErrorNotASmallerGraph) {
  std::ofstream(folder_ / "inventory.yaml") << "postgresql: [{id: server, host: " << folder_.path()
                                            << ", user: postgres, discover: true}]\n";
  Value settings(Value::Map{});
  settings.Set("inventory", folder_ / "inventory.yaml");
  const auto list = PostgresqlProtectable().make(settings);
  const auto nodes = (*list)->List(context_.context());
  ASSERT_FALSE(nodes);
  EXPECT_THAT(nodes.error().message(), HasSubstr("server 'server'"));
}

}  // namespace
}  // namespace holdfast::plugins::postgresql
