#include "plugins/local/inventory/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/local/inventory/inventory_protectable.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::inventory {
namespace {

using namespace testing_plugins;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kShop = R"(
applications:
  - id: shop
    name: The Shop
    quiesce: {command: [touch, /run/frozen], timeout: 5s}
    resume: [rm, /run/frozen]
    directories:
      - {path: /srv/shop/files/, exclude: ["*.tmp"]}
      - {id: media, name: Media, path: /srv/media, one_file_system: true}
    sqlite: [{path: /srv/shop/shop.db}]
    postgresql: [{database: shop, user: backup, password_file: /etc/secret}]
directories:
  - {id: media, name: Media, path: /srv/media, one_file_system: true}
  - {path: /etc}
postgresql:
  - {host: db, port: 5433, discover: true, exclude: [scratch]}
)";

std::string ErrorOf(std::string_view text) {
  const auto inventory = ParseInventory(text, "inventory.yaml");
  return inventory ? "no error" : inventory.error().Render();
}

TEST(Inventory, ResourcesHaveStableIdsAndTheirFacts) {
  const auto inventory = ParseInventory(kShop, "inventory.yaml");
  ASSERT_TRUE(inventory.has_value()) << inventory.error().Render();
  ASSERT_EQ(inventory->applications.size(), 1U);
  const Application& shop = inventory->applications[0];
  EXPECT_EQ(shop.Node().key.str(), "Local::Application#shop");
  EXPECT_EQ(shop.name, "The Shop");
  ASSERT_TRUE(shop.quiesce && shop.resume);
  EXPECT_EQ(shop.quiesce->timeout, std::chrono::seconds(5));
  EXPECT_THAT(shop.resume->argv, ElementsAre("rm", "/run/frozen"));
  EXPECT_EQ(CommandFromValue(*shop.Node().extra.Find("quiesce")).value(), *shop.quiesce);
  ASSERT_EQ(inventory->directories.size(), 3U);
  EXPECT_EQ(inventory->directories[0].id, "/etc");
  EXPECT_THAT(inventory->directories[0].applications, IsEmpty());
  EXPECT_EQ(inventory->directories[1].id, "/srv/shop/files")
      << "the id does not depend on how it is written";
  EXPECT_EQ(inventory->directories[1].name, "files");
  EXPECT_THAT(inventory->directories[2].applications, ElementsAre("shop"))
      << "at top level too, and once";
  EXPECT_TRUE(inventory->directories[2].Node().extra.BoolOr("one_file_system", false));
  EXPECT_EQ(inventory->sqlite[0].Node().key.id, "/srv/shop/shop.db");
  ASSERT_EQ(inventory->postgresql.size(), 2U);
  EXPECT_EQ(inventory->postgresql[0].Node().key.id, "/var/run/postgresql:5432/shop");
  EXPECT_EQ(inventory->postgresql[1].NodeOf("a").key.id, "db:5433/a");
  EXPECT_EQ(inventory->postgresql[1].NodeOf("a").extra.StringOr("database", ""), "a");
}

TEST(Inventory, AnEmptyFileIsAnEmptyInventory) {
  EXPECT_TRUE(ParseInventory("", "inventory.yaml").has_value());
  EXPECT_TRUE(ParseInventory("# nothing yet\n", "inventory.yaml").has_value());
}

TEST(Inventory, MistakesAreSaidWithTheirPlace) {
  EXPECT_THAT(ErrorOf("directories:\n  - {pth: /etc}\n"), HasSubstr("inventory.yaml:2:"));
  EXPECT_THAT(ErrorOf("directories:\n  - {pth: /etc}\n"), HasSubstr("path"));
  EXPECT_THAT(ErrorOf("directorys: []\n"), HasSubstr("did you mean 'directories'"));
  EXPECT_THAT(ErrorOf("directories:\n  - {path: etc}\n"),
              HasSubstr("inventory.yaml:2:12: the path 'etc' is not absolute"));
  EXPECT_THAT(ErrorOf("directories:\n  - {path: /a/../b}\n"), HasSubstr("holds '..'"));
  EXPECT_THAT(ErrorOf("applications:\n  - {id: a, quiesce: systemctl stop a}\n"),
              HasSubstr("without a shell"));
  EXPECT_THAT(ErrorOf("applications:\n  - {id: a, quiesce: []}\n"),
              HasSubstr("quiesce: the command is empty"));
  EXPECT_THAT(ErrorOf("applications:\n  - {id: a, quiesce: [x]}\n"),
              HasSubstr("has quiesce and no resume"));
  EXPECT_THAT(ErrorOf("applications:\n  - {}\n"), HasSubstr("needs an id or a name"));
  // A variable that was not set.
  EXPECT_THAT(ErrorOf("applications:\n  - {id: a, resume: [x], quiesce: }\n"),
              HasSubstr("inventory.yaml:2:26: 'quiesce' in the application is empty"));
  EXPECT_THAT(ErrorOf("postgresql:\n  - {database: a, host: ''}\n"),
              HasSubstr("'host' in the postgresql database is empty"));
  EXPECT_THAT(ErrorOf("postgresql:\n  - {port: 1}\n"), HasSubstr("discover: true"));
  EXPECT_THAT(ErrorOf("postgresql:\n  - {database: a, port: 70000}\n"),
              HasSubstr("inventory.yaml:2:"));
  EXPECT_THAT(ErrorOf("sqlite: {path: /a}\n"), HasSubstr("expected a list"));
  EXPECT_THAT(ErrorOf("directories:\n  - {path: /a}\n  - {path: /a/}\n"),
              HasSubstr("stands twice, first in line 2"));
}

TEST(Inventory, AnEntryBelowTwoApplicationsMustSayTheSame) {
  EXPECT_THAT(ErrorOf("applications:\n"
                      "  - {id: a, directories: [{id: d, path: /d}]}\n"
                      "  - {id: b, directories: [{id: d, path: /d, exclude: [x]}]}\n"),
              HasSubstr("must say the same each time"));
  const auto inventory = ParseInventory(
      "applications:\n"
      "  - {id: b, directories: [{id: d, path: /d}]}\n"
      "  - {id: a, directories: [{id: d, path: /d}]}\n",
      "inventory.yaml");
  ASSERT_TRUE(inventory.has_value());
  ASSERT_EQ(inventory->directories.size(), 1U);
  EXPECT_THAT(inventory->directories[0].applications, ElementsAre("a", "b"));
}

TEST(Inventory, AllMistakesAreSaidAtOnce) {
  const auto inventory = ParseInventory(
      "directories:\n  - {path: a}\n  - {path: b}\nsqlite:\n  - {path: c}\n", "inventory.yaml");
  ASSERT_FALSE(inventory.has_value());
  EXPECT_EQ(inventory.error().causes().size(), 2U);
}

std::vector<std::string> Ids(const std::vector<ResourceGraph::Node>& nodes) {
  std::vector<std::string> ids;
  for (const auto& node : nodes) ids.push_back(node.key.id);
  return ids;
}

class InventoryProtectables : public testing::Test {
 protected:
  void Write(std::string_view text) { std::ofstream(folder_ / "inventory.yaml") << text; }
  std::unique_ptr<ProtectablePlugin> Make(const ProtectableEntry& entry) {
    Value settings(Value::Map{});
    settings.Set("inventory", folder_ / "inventory.yaml");
    return std::move(*entry.make(settings));
  }
  TempFolder folder_;
  TestContext context_;
};

TEST_F(InventoryProtectables, ListShowAndFindDependents) {
  Write(kShop);
  const auto directories = Make(DirectoryProtectable());
  const auto applications = Make(ApplicationProtectable());
  const auto sqlite = Make(SqliteProtectable());
  EXPECT_THAT(Ids(directories->List(context_.context()).value()),
              ElementsAre("/etc", "/srv/shop/files", "media"));
  const auto shop = applications->Show(context_.context(), "shop");
  ASSERT_TRUE(shop.has_value());
  const auto below = directories->Dependents(context_.context(), *shop);
  ASSERT_TRUE(below.has_value());
  ASSERT_EQ(below->size(), 2U);
  EXPECT_EQ((*below)[1].resource.key.str(), "Local::Directory#media");
  EXPECT_EQ(sqlite->Dependents(context_.context(), *shop)->size(), 1U);
  EXPECT_THAT(directories->Dependents(context_.context(), (*below)[0].resource).value(), IsEmpty());
  const auto missing = applications->Show(context_.context(), "shp");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().hint(), HasSubstr("did you mean 'shop'"));
}

TEST_F(InventoryProtectables, WhatLiesInADirectoryStandsBelowTheInnermostOne) {
  namespace fs = std::filesystem;
  fs::create_directories(folder_ / "app/inner");
  fs::create_directories(folder_ / "other");
  fs::create_directory_symlink(folder_ / "app", folder_ / "link");
  std::ofstream(folder_ / "other/real.db");
  fs::create_symlink(folder_ / "other/real.db", folder_ / "app/alias.db");
  const std::string at = folder_.path();
  Write("directories: [{id: app, path: " + at + "/app}, {id: inner, path: " + at +
        "/app/inner}, {id: like, path: " + at + "/app-2}]\n" + "sqlite:\n  - {id: a, path: " + at +
        "/app/a.db}\n  - {id: b, path: " + at + "/app/inner/b.db}\n  - {id: c, path: " + at +
        "/link/x/c.db}\n  - {id: d, path: " + at + "/app-2.db}\n  - {id: e, path: " + at +
        "/app/alias.db}\n");
  const auto directories = Make(DirectoryProtectable());
  const auto sqlite = Make(SqliteProtectable());
  const auto below = [&](ProtectablePlugin& of, std::string_view id) {
    std::vector<std::string> found;
    const auto parent = directories->Show(context_.context(), id);
    const auto dependents = of.Dependents(context_.context(), *parent);
    for (const Dependent& dependent : *dependents) {
      std::string line = dependent.resource.key.id;
      for (const Value& path : dependent.facts.Find("owns")->AsList())
        line += " " + path.AsString();
      found.push_back(line);
    }
    return found;
  };
  EXPECT_THAT(below(*sqlite, "app"), ElementsAre("a a.db a.db-wal a.db-shm a.db-journal",
                                                 "c x/c.db x/c.db-wal x/c.db-shm x/c.db-journal"))
      << "links are followed, into it and out of it";
  EXPECT_EQ(sqlite->Show(context_.context(), "e")->extra.StringOr("real_path", ""),
            std::filesystem::canonical(folder_ / "other/real.db").string());
  EXPECT_EQ(sqlite->Show(context_.context(), "b")->extra.Find("real_path"), nullptr);
  EXPECT_THAT(below(*sqlite, "inner"), ElementsAre("b b.db b.db-wal b.db-shm b.db-journal"));
  EXPECT_THAT(below(*directories, "app"), ElementsAre("inner inner"));
  EXPECT_THAT(below(*directories, "inner"), IsEmpty());
  EXPECT_THAT(below(*sqlite, "like"), IsEmpty()) << "a name that begins alike is no folder above";
}

TEST_F(InventoryProtectables, AChangedFileIsReadAgain) {
  Write("directories: [{path: /a}]\n");
  const auto directories = Make(DirectoryProtectable());
  EXPECT_THAT(Ids(directories->List(context_.context()).value()), ElementsAre("/a"));
  Write("directories: [{path: /a}, {path: /b}]\n");
  EXPECT_THAT(Ids(directories->List(context_.context()).value()), ElementsAre("/a", "/b"));
  Write("directories: [{path: b}]\n");
  EXPECT_FALSE(directories->List(context_.context()).has_value())
      << "never a smaller answer instead of an error";
}

TEST(Inventory, WhatBelongsToAnApplicationLivesOnItsVolumeUnlessItSays) {
  const auto inventory = ParseInventory(R"(
applications:
- id: shop
  volume: {claim: shop, path: /srv}
  directories: [{path: /srv/files}, {path: /mnt/media, volume: {hostPath: /media, path: /mnt}}]
  sqlite: [{path: /srv/shop.db}]
- {id: mail, directories: [{path: /var/mail}]}
directories: [{path: /etc}]
)",
                                        "inventory.yaml");
  ASSERT_TRUE(inventory) << inventory.error().Render();
  const Volume shop{Volume::Kind::kClaim, "shop", "/srv"};
  EXPECT_EQ(inventory->applications[1].volume, shop);
  EXPECT_EQ(VolumeOf(inventory->sqlite[0].Node().extra, "").value(), shop);
  std::map<std::string, std::optional<Volume>> directories;
  for (const Directory& entry : inventory->directories)
    directories[entry.path] = *VolumeOf(entry.Node().extra, "");
  EXPECT_EQ(directories["/srv/files"], shop);
  EXPECT_EQ(directories["/mnt/media"], (Volume{Volume::Kind::kHostPath, "/media", "/mnt"}));
  EXPECT_EQ(directories["/var/mail"], std::nullopt);
  EXPECT_EQ(directories["/etc"], std::nullopt);

  EXPECT_THAT(ErrorOf("directories: [{path: /a, volume: {claim: c, path: /b}}]"),
              HasSubstr("inventory.yaml:1:34: '/a' does not lie on its volume"));
  EXPECT_THAT(ErrorOf("directories:\n- path: /a\n  volume: {claim: C, path: /a}\n"),
              HasSubstr("inventory.yaml:3:19: no PersistentVolumeClaim can be called 'C'"));
}

TEST_F(InventoryProtectables, AMissingInventoryIsAnError) {
  const auto directories = Make(DirectoryProtectable());
  const auto missing = directories->List(context_.context());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  const auto none = std::move(*DirectoryProtectable().make(Value(Value::Map{})));
  const auto unnamed = none->List(context_.context());
  ASSERT_FALSE(unnamed.has_value());
  EXPECT_THAT(unnamed.error().hint(), HasSubstr("[local]"));
}

TEST_F(InventoryProtectables, ACheckFindsAnInventoryThatIsNotThereOrBroken) {
  const auto directories = Make(DirectoryProtectable());
  const Status missing = directories->Check();
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  Write("directories: [{path: /a}]\n");
  EXPECT_TRUE(directories->Check().has_value());
  Write("directories: [{pth: /a}]\n");
  const Status broken = directories->Check();
  ASSERT_FALSE(broken.has_value());
  ASSERT_TRUE(broken.error().where().has_value());
  EXPECT_EQ(broken.error().where()->line, 1U);
  // Whoever names none writes graphs by hand.
  const auto none = std::move(*DirectoryProtectable().make(Value(Value::Map{})));
  EXPECT_TRUE(none->Check().has_value());
}

TEST_F(InventoryProtectables, ARelativeInventoryIsRefused) {
  const Value settings = Value().Set("inventory", "inventory.yaml");
  const auto refused = DirectoryProtectable().make(settings);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().message(), HasSubstr("is not absolute"));
}

}  // namespace
}  // namespace holdfast::plugins::inventory
