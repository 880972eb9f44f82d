#include "plugins/sdk/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/sdk/file.h"
#include "plugins/sdk/known_plugins.h"
#include "plugins/sdk/provider_report.h"
#include "runtime/modules/module_loader.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// A folder of provider files, removed at the end; the real modules of this build.
class Providers : public ::testing::Test {
 protected:
  Providers() {
    std::string name = (fs::temp_directory_path() / "holdfast-provider-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    runtime::RegisterBuiltIns(registry_);
  }
  ~Providers() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result<std::unique_ptr<Provider>> Open(const std::string& text) {
    auto config = LoadProviderFile(Write("p.conf", text));
    if (!config) return Error(std::move(config).error());
    return Provider::Open(*config, registry_, *modules_);
  }
  static std::string Head(std::string_view plugins, std::string_view name = "p",
                          std::string_view id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845") {
    return "[provider]\nname = " + std::string(name) + "\nid = " + std::string(id) +
           "\nbank = filesystem\n" + std::string(plugins);
  }
  std::string Bank() const { return "[filesystem]\npath = " + (folder_ / "bank").string() + "\n"; }

  fs::path folder_;
  PluginRegistry registry_;
  std::unique_ptr<PluginSource> modules_ = runtime::MakeModuleLoader();
};

// As the specification has it.
std::string SpecificationExample() { return *ReadFile(HOLDFAST_SPECIFICATION_EXAMPLE); }

TEST_F(Providers, TheSpecificationsExampleLoadsAsItStands) {
  const auto provider = Open(SpecificationExample());
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_EQ((*provider)->config().name, "Foo");
  EXPECT_EQ((*provider)->config().description, "Example Protection Provider");
  EXPECT_TRUE((*provider)->config().enabled);
  EXPECT_THAT((*provider)->config().plugins, SizeIs(4));
  std::string warnings;
  for (const std::string& warning : (*provider)->warnings()) warnings += warning + "\n";
  ASSERT_NE((*provider)->bank_entry(), nullptr);
  EXPECT_EQ((*provider)->bank_entry()->name, "swift");
  EXPECT_THAT(warnings,
              HasSubstr(":9: plugin 'karbor.protections.karbor-project-protection-plugin'"));
  EXPECT_THAT(warnings, HasSubstr(":13: 'bank_swift_key' is a secret in clear"));
  EXPECT_THAT(warnings, HasSubstr("bank_swift_key_file"));
  EXPECT_THAT(warnings, Not(HasSubstr("password")));
}

TEST_F(Providers, ABankThatIsNotBuiltInFailsOnlyWhenItIsOpened) {
  class Nothing final : public PluginSource {
    Status Require(std::string_view name, PluginRegistry&) override {
      return NotFound(std::string(name));
    }
    std::vector<std::string> Names() const override { return {}; }
  } nothing;
  const auto config = LoadProviderFile(Write("p.conf", SpecificationExample()));
  ASSERT_TRUE(config) << config.error().Render();
  const auto provider = Provider::Open(*config, registry_, nothing);
  ASSERT_TRUE(provider) << provider.error().Render();
  std::string warnings;
  for (const std::string& warning : (*provider)->warnings()) warnings += warning + "\n";
  EXPECT_THAT(
      warnings,
      HasSubstr(
          ":5: bank 'karbor.protections.karbor-swift-bank-plugin' is known, but not built in"));
  const auto bank = (*provider)->bank();
  ASSERT_FALSE(bank);
  EXPECT_EQ(bank.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(bank.error().Render(), HasSubstr("p.conf:5:8: bank"));
}

TEST_F(Providers, KarborsNamesAreKnownWithAndWithoutTheirNamespace) {
  for (const std::string_view name :
       {"karbor-swift-bank-plugin", "karbor-fs-bank-plugin", "karbor-s3-bank-plugin",
        "karbor-volume-protection-plugin", "karbor-volume-snapshot-plugin",
        "karbor-volume-glance-plugin", "karbor-volume-freezer-plugin",
        "karbor-image-protection-plugin", "karbor-server-protection-plugin",
        "karbor-project-protection-plugin", "karbor-share-protection-plugin",
        "karbor-network-protection-plugin", "karbor-database-protection-plugin",
        "karbor-pod-protection-plugin", "karbor-noop-protection-plugin"}) {
    EXPECT_NE(FindKnownPlugin(name), nullptr) << name;
    EXPECT_EQ(FindKnownPlugin("karbor.protections." + std::string(name)), FindKnownPlugin(name))
        << name;
  }
  EXPECT_EQ(FindKnownPlugin("karbor-frobnicator-plugin"), nullptr);
}

TEST_F(Providers, AnAliasOpensOurOwnBankAndPlugin) {
  const auto provider = Open(
      "[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\n"
      "bank = karbor.protections.karbor-fs-bank-plugin\nplugin = "
      "karbor.protections.karbor-noop-protection-plugin\n"
      "[file_system_bank_plugin]\nfile_system_bank_path = " +
      (folder_ / "bank").string() + "\n[noop]\ntypes = OS::Nova::Server\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_THAT((*provider)->warnings(), SizeIs(0));
  EXPECT_TRUE((*provider)->bank());
  EXPECT_TRUE((*provider)->ProtectionFor("OS::Nova::Server"));
}

TEST_F(Providers, ABankThatIsOnlyReadIsNotMade) {
  const auto provider =
      Open(Head("plugin = noop\n") + "[filesystem]\npath = " + (folder_ / "none").string() +
           "\n[noop]\ntypes = A::One\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  const auto read = (*provider)->bank(BankUse::kRead);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
  EXPECT_TRUE((*provider)->bank());
  EXPECT_TRUE((*provider)->bank(BankUse::kRead));
}

TEST_F(Providers, WhatSettingsNameIsLookedAtAndToldOnceAtItsPlace) {
  const auto provider = Open(Head("plugin = local-directory\nplugin = local-application\n") +
                             Bank() + "[local]\ninventory = /nowhere/inventory.yaml\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  const std::vector<Error> faults = (*provider)->CheckWhatSettingsName();
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults.front().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(faults.front().Render(), HasSubstr("inventory = /nowhere/inventory.yaml\n"));
  EXPECT_THAT(faults.front().message(), HasSubstr("/nowhere/inventory.yaml"));
}

TEST_F(Providers, AFaultOfASettingHasItsLineWhateverPluginFindsIt) {
  const auto provider = Open(Head("plugin = local-postgresql\n") + Bank() +
                             "[local]\nuser = holdfast\ninventory = inventory.yaml\n");
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().Render(),
              HasSubstr("p.conf:10:13: inventory 'inventory.yaml' is not absolute"));
}

TEST_F(Providers, TheTypesOfNoopAreThoseOfItsSettings) {
  const auto provider =
      Open(Head("plugin = noop\n") + Bank() + "[noop]\ntypes = A::One, A::Two\nactivities = all\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  ASSERT_TRUE((*provider)->ProtectionFor("A::Two"));
  const auto other = (*provider)->ProtectionFor("A::Three");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(other.error().hint(), HasSubstr("A::One, A::Two"));
  // Without a graph nobody knows its resources.
  EXPECT_FALSE((*provider)->ProtectableFor("A::One"));
}

TEST_F(Providers, APluginMayBringProtectablesOfItsOwn) {
  const std::string graph = Write("graph.yaml", "format: 1\nresources: []\n");
  const auto provider = Open(Head("plugin = noop\n") + Bank() +
                             "[noop]\ntypes = A::One, A::Two\ngraph = " + graph + "\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_THAT((*provider)->protectables(), SizeIs(2));
  ASSERT_TRUE((*provider)->ProtectableFor("A::One"));
}

TEST_F(Providers, SeveralPluginsMayShareASection) {
  const auto provider = Open(Head("plugin = local-application\nplugin = local-directory\n") +
                             Bank() + "[local]\ninventory = /etc/inventory.yaml\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_THAT((*provider)->protectables(), SizeIs(2));
  EXPECT_TRUE((*provider)->ProtectableFor("Local::Directory"));
}

TEST_F(Providers, ASecretByReferenceIsNoWarning) {
  const auto provider = Open(Head("plugin = local-postgresql\n") + Bank() +
                             "[local_postgresql]\npassword_file = /nowhere\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_THAT((*provider)->warnings(), SizeIs(0));
}

TEST_F(Providers, ASecretInClearIsAWarningWithoutTheSecret) {
  const auto provider = Open(Head("plugin = local-postgresql\n") + Bank() +
                             "[local_postgresql]\npassword = hunter2\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  ASSERT_THAT((*provider)->warnings(), SizeIs(1));
  EXPECT_THAT((*provider)->warnings().front(),
              ::testing::AllOf(HasSubstr("password_file"), Not(HasSubstr("hunter2"))));
}

TEST_F(Providers, SettingsOfTheDataAreCheckedAndKept) {
  const auto provider = Open(Head("plugin = noop\n") + Bank() +
                             "segment_size = 1 MiB\nparallel = 2\n[noop]\ntypes = A::One\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_EQ((*provider)->bank_settings().IntOr("segment_size", 0), 1 << 20);
  EXPECT_EQ((*provider)->bank_settings().IntOr("parallel", 0), 2);
}

TEST_F(Providers, TenantsOfOneBankSeeNothingOfEachOther) {
  std::vector<std::unique_ptr<Provider>> providers;
  const auto section = [&](const std::string& line) {
    auto provider = Open(Head(line + "plugin = noop\n") + Bank() + "[noop]\ntypes = A::One\n");
    EXPECT_TRUE(provider) << provider.error().Render();
    providers.push_back(std::move(*provider));
    return *providers.back()->tenant_section(SectionAccess::kWrite, BankUse::kWrite);
  };
  EXPECT_EQ(section("").prefix(), "t/local");
  const BankSection red = section("tenant = red/one\n");
  const BankSection blue = section("tenant = blue\n");
  ASSERT_TRUE(red.PutBytes("checkpoints/a", "of red"));
  EXPECT_THAT(*blue.ListAll(""), ::testing::IsEmpty());
  EXPECT_FALSE(blue.GetBytes("checkpoints/a", 100));
}

TEST_F(Providers, ATenantHasAName) {
  const auto provider =
      Open(Head("tenant =\nplugin = noop\n") + Bank() + "[noop]\ntypes = A::One\n");
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().Render(),
              HasSubstr("'tenant' is a name of 1 to 64 printable bytes"));
}

TEST_F(Providers, ALineThatIsWrongIsShownWithACaretAndAHint) {
  const auto provider = Open(Head("plugin = local-diretory\n") + Bank());
  ASSERT_FALSE(provider);
  EXPECT_EQ(
      provider.error().Render(),
      (folder_ / "p.conf").string() +
          ":5:10: no plugin called 'local-diretory'\n"
          "5 | plugin = local-diretory\n"
          "  |          ^^^^^^^^^^^^^^\n"
          "help: did you mean 'local-directory'? 'holdfast plugins list' shows those built in");
}

TEST_F(Providers, ABrokenFileStopsOnlyWhatUsesIt) {
  const std::string good = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  const std::string bad = "3e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  Write("a.conf", Head("plugin = noop\n", "good", good));
  Write("b.conf", Head("plugin = noop\ncolour = green\n", "bad", bad));
  Write("notes.txt", "anything");
  Write("c.conf.bak", "anything");
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder) << folder.error().Render();
  EXPECT_THAT(folder->providers, SizeIs(1));
  EXPECT_THAT(folder->ignored, SizeIs(2));
  EXPECT_TRUE(folder->Find("good"));
  EXPECT_TRUE(folder->Find(good));
  for (const std::string& name : {std::string("bad"), bad}) {
    const auto broken = folder->Find(name);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(broken.error().Render(), HasSubstr("b.conf:6:1: [provider] has no key 'colour'"));
  }
  const auto unknown = folder->Find("goood");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().hint(), HasSubstr("did you mean 'good'?"));
}

TEST_F(Providers, ADuplicateIdMakesBothFilesBroken) {
  Write("a.conf", Head("plugin = noop\n", "one", "2E0C8826-81d6-44f5-bbe5-8f46a98c5845"));
  Write("b.conf", Head("plugin = noop\n", "two"));
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder);
  EXPECT_THAT(folder->providers, SizeIs(0));
  ASSERT_THAT(folder->broken, SizeIs(2));
  EXPECT_THAT(folder->broken[0].error.Render(), HasSubstr("a.conf:3:6: the id"));
  EXPECT_EQ(folder->Find("one").error().code(), ErrorCode::kInvalidInput);
}

TEST_F(Providers, ADisabledProviderIsRefusedByNameAndId) {
  Write("a.conf", Head("enabled = no\nplugin = noop\n", "off"));
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->Find("off").error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(folder->Find("2e0c8826-81d6-44f5-bbe5-8f46a98c5845").error().code(),
            ErrorCode::kInvalidInput);
}

TEST_F(Providers, TwoOfOneNameAreToldApartById) {
  Write("a.conf", Head("plugin = noop\n", "same", "1e0c8826-81d6-44f5-bbe5-8f46a98c5845"));
  Write("b.conf", Head("plugin = noop\n", "same", "2e0c8826-81d6-44f5-bbe5-8f46a98c5845"));
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->Find("same").error().code(), ErrorCode::kInvalidInput);
  EXPECT_TRUE(folder->Find("2e0c8826-81d6-44f5-bbe5-8f46a98c5845"));
}

TEST_F(Providers, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(LoadProviderFolder((folder_ / "none").string()).error().code(), ErrorCode::kNotFound);
}

TEST_F(Providers, TheReportHoldsTheSchemasOfItsParts) {
  const auto provider = Open(Head("plugin = noop\n") + Bank() + "[noop]\ntypes = A::One\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  const Value report = DescribeProvider(**provider);
  EXPECT_EQ(report.StringOr("name", ""), "p");
  EXPECT_EQ(report.Find("bank")->StringOr("name", ""), "filesystem");
  const Value& plugin = report.Find("plugins")->AsList().front();
  EXPECT_EQ(plugin.StringOr("name", ""), "noop");
  EXPECT_EQ(plugin.Find("types")->AsList().front().AsString(), "A::One");
  ASSERT_NE(plugin.Find("operations")->Find("protect")->Find("parameters"), nullptr);
  EXPECT_EQ(plugin.Find("operations")->Find("protect")->Find("activities")->AsList().size(), 3U);
}

class Samples : public ::testing::TestWithParam<const char*> {};

TEST_P(Samples, AreLoadableAsTheyAre) {
  PluginRegistry registry;
  runtime::RegisterBuiltIns(registry);
  const auto modules = runtime::MakeModuleLoader();
  const auto config = LoadProviderFile(std::string(HOLDFAST_SAMPLES) + "/" + GetParam());
  ASSERT_TRUE(config) << config.error().Render();
  const auto provider = Provider::Open(*config, registry, *modules);
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_THAT((*provider)->warnings(), SizeIs(0));
}

INSTANTIATE_TEST_SUITE_P(Files, Samples,
                         ::testing::Values("local.conf", "noop.conf", "s3.conf",
                                           "swift-keystone.conf", "swift-v1.conf"),
                         [](const auto& sample) {
                           std::string name = fs::path(sample.param).stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace holdfast
