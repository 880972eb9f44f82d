// What a provider file must not lead to: a secret in an error, whatever its key is called and
// whatever is wrong; a wait for a pipe; a plugin at fault that ends the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/sdk/provider.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// Settings with a secret whose name does not say so.
struct SampleSettings {
  SecretReference pin;
  std::string host;
  double ratio = 0;
  std::vector<std::string> names;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("pin", &SampleSettings::pin, "the door's number").Required().Alias("door_pin");
    fields("host", &SampleSettings::host, "where it is").OneOf({"here", "there"});
    fields("ratio", &SampleSettings::ratio, "a number");
    fields("names", &SampleSettings::names, "some names");
  }
};

class SampleProtectable final : public ProtectablePlugin {
 public:
  explicit SampleProtectable(std::string type) { descriptor_.type = std::move(type); }
  const ProtectableDescriptor& descriptor() const override { return descriptor_; }
  Result<std::vector<ResourceGraph::Node>> List(Context&) override {
    return std::vector<ResourceGraph::Node>{};
  }
  Result<ResourceGraph::Node> Show(Context&, std::string_view) override {
    return NotFound("nothing");
  }
  Result<std::vector<Dependent>> Dependents(Context&, const ResourceGraph::Node&) override {
    return std::vector<Dependent>{};
  }

 private:
  ProtectableDescriptor descriptor_;
};

PluginDescriptor SampleDescriptor() {
  PluginDescriptor d;
  d.name = "sample";
  d.types = {"Sample::Door"};
  d.settings_section = "sample";
  d.settings = SchemaOf<SampleSettings>();
  for (OperationDescriptor& operation : d.operations) operation.activities.fill(true);
  return d;
}

// A plugin that brings a protectable of a type that it does not protect.
class SamplePlugin final : public ProtectionPlugin {
 public:
  const PluginDescriptor& descriptor() const override { return descriptor_; }
  const PollSettings& poll_settings() const override { return poll_; }
  Result<StepChoice> Choose(Operation, ActivityKind, const Resource&, const Value&) const override {
    return StepChoice::Own();
  }
  Activity Start(Operation, ActivityKind, Checkpoint&, Context&, std::span<const Resource>,
                 const Parameters&) override {
    co_return Ok();
  }
  std::vector<std::unique_ptr<ProtectablePlugin>> TakeProtectables() override {
    std::vector<std::unique_ptr<ProtectablePlugin>> out;
    out.push_back(std::make_unique<SampleProtectable>("Sample::Door"));
    out.push_back(std::make_unique<SampleProtectable>("Sample::Window"));
    return out;
  }

 private:
  PluginDescriptor descriptor_ = SampleDescriptor();
  PollSettings poll_;
};

class NoSource final : public PluginSource {
 public:
  Status Require(std::string_view name, PluginRegistry&) override {
    return NotFound("no " + std::string(name));
  }
  std::vector<std::string> Names() const override { return {"sample"}; }
};

class ProviderFaults : public ::testing::Test {
 protected:
  ProviderFaults() {
    std::string name = (fs::temp_directory_path() / "holdfast-faults-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    BankEntry bank;
    bank.name = "nowhere";
    bank.settings_section = "nowhere";
    registry_.AddBank(std::move(bank));
    registry_.AddProtection({SampleDescriptor(), [this](const Value&) { return make_(); }});
  }
  ~ProviderFaults() override { fs::remove_all(folder_); }

  Result<std::unique_ptr<Provider>> Open(const std::string& sections) {
    const std::string path = (folder_ / "p.conf").string();
    std::ofstream(path, std::ios::binary)
        << "[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\n"
           "bank = nowhere\nplugin = sample\n"
        << sections;
    auto config = ReadProviderFile(path);
    if (!config) return Error(std::move(config).error());
    return Provider::Open(*config, registry_, source_);
  }

  fs::path folder_;
  PluginRegistry registry_;
  NoSource source_;
  std::function<Result<std::unique_ptr<ProtectionPlugin>>()> make_ =
      []() -> Result<std::unique_ptr<ProtectionPlugin>> {
    return std::make_unique<SamplePlugin>();
  };
};

class SecretIsNotShown : public ProviderFaults,
                         public ::testing::WithParamInterface<const char*> {};

TEST_P(SecretIsNotShown, WhateverIsWrong) {
  const auto provider = Open(GetParam());
  ASSERT_FALSE(provider) << "nobody finds fault with it";
  EXPECT_THAT(provider.error().Render(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(provider.error().OneLine(), Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, SecretIsNotShown,
    ::testing::Values("[sample]\npin = hunter2\npin_file = /x\n",       // given twice, in two ways
                      "[sample]\npin = 1\npin = hunter2\n",             // given twice
                      "[sample]\npin = hunter2\ndoor_pin = hunter2\n",  // by name and alias
                      "[sample]\npin = hunter2 ;x\n",                   // the comment sign
                      "[sample]\n pin = hunter2\n",                     // indented
                      "[sample]\npin = x\nhunter2\n",                   // a second line, pasted
                      "[sample]\npin = x\n  hunter2\n",                 // the same, indented
                      "[sample\npin = hunter2 ;x\n",                    // in a section that is none
                      "[sample]\npin ;x = hunter2\n",                   // a key that is none
                      "[sample]\ndoor_pni = hunter2\npin_env = X\n",    // misspelt
                      "[sampel]\npin = hunter2\n",                      // of a section misspelt
                      "pin = hunter2\n[sample]\npin_env = X\n",         // in the wrong section
                      "[sample]\npin = hunter2\x01\n",                  // with a control character
                      "[sample]\npin = hunter2\nhost = nowhere\n"));    // something else is wrong

TEST_F(ProviderFaults, ASecretThatIsEmptyIsOneFault) {
  const auto provider = Open("[sample]\npin =\n");
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().message(), HasSubstr("'pin' in the settings of plugin sample"));
  EXPECT_TRUE(provider.error().causes().empty());
}

TEST_F(ProviderFaults, AMisspeltSecretIsSuggestedByReference) {
  const auto provider = Open("[sample]\ndoor_pim = 1\npin_env = X\n");
  ASSERT_FALSE(provider);
  EXPECT_EQ(provider.error().hint(), "did you mean 'door_pin_file'?");
}

TEST_F(ProviderFaults, NoNumberIsRefused) {
  for (const std::string number : {"nan", "inf", "1e999", "1,5", "0x10"}) {
    const auto provider = Open("[sample]\npin_env = X\nratio = " + number + "\n");
    ASSERT_FALSE(provider) << number;
    EXPECT_THAT(provider.error().Render(), HasSubstr("p.conf:8:9: 'ratio'")) << number;
  }
}

TEST_F(ProviderFaults, ControlCharactersAreRefused) {
  const auto bell = Open("[sample]\npin_env = X\nhost = he\x07re\n");
  ASSERT_FALSE(bell);
  EXPECT_THAT(bell.error().Render(), HasSubstr("p.conf:8:10: the line holds a control character"));
  const auto old_mac = Open("[sample]\rpin_env = X\r");
  ASSERT_FALSE(old_mac);
  EXPECT_THAT(old_mac.error().hint(), HasSubstr("line feed"));
}

TEST_F(ProviderFaults, ACommentBehindASectionIsExplained) {
  const auto provider = Open("[sample] ; the door\npin_env = X\n");
  ASSERT_FALSE(provider);
  EXPECT_EQ(provider.error().hint(), "a comment stands on a line of its own");
}

TEST_F(ProviderFaults, APluginsErrorIsToldAtTheSettingThatItNames) {
  make_ = []() -> Result<std::unique_ptr<ProtectionPlugin>> {
    return InvalidInput("no such door").At({"", 7, 8, "", 1}).Because(NotFound("the reason"));
  };
  const auto provider = Open("[sample]\nhost = here\npin_env = X\n");
  ASSERT_FALSE(provider);
  EXPECT_EQ(provider.error().Render(),
            (folder_ / "p.conf").string() +
                ":7:8: no such door\n7 | host = here\n  |        ^^^^\nbecause: the reason");
}

TEST_F(ProviderFaults, APluginsErrorWithoutAPlaceIsToldWhereThePluginIsNamed) {
  make_ = []() -> Result<std::unique_ptr<ProtectionPlugin>> { return InvalidInput("no"); };
  const auto provider = Open("[sample]\npin_env = X\n");
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().Render(), HasSubstr("p.conf:5:10: no\n5 | plugin = sample\n"));
}

TEST_F(ProviderFaults, APluginsErrorInAnotherFileKeepsItsPlace) {
  make_ = []() -> Result<std::unique_ptr<ProtectionPlugin>> {
    return InvalidInput("no door").At({"doors.yaml", 7, 1, "- window", 1});
  };
  const auto provider = Open("[sample]\npin_env = X\n");
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().Render(), HasSubstr("doors.yaml:7:1: no door\n7 | - window\n"));
}

TEST_F(ProviderFaults, AProtectableOfATypeThatIsNotProtectedIsLeftOut) {
  const auto provider = Open("[sample]\npin_env = X\n");
  ASSERT_TRUE(provider) << provider.error().Render();
  EXPECT_EQ((*provider)->protectables().size(), 1U);
  EXPECT_TRUE((*provider)->ProtectableFor("Sample::Door"));
  EXPECT_FALSE((*provider)->ProtectionFor("Sample::Window"));
}

// Opening a pipe would wait for ever: the test's own time limit would end it.
TEST_F(ProviderFaults, APipeInTheFolderIsBroken) {
  ASSERT_EQ(mkfifo((folder_ / "pipe.conf").c_str(), 0600), 0);
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder) << folder.error().Render();
  ASSERT_EQ(folder->broken.size(), 1U);
  EXPECT_THAT(folder->broken[0].error.Render(), HasSubstr("pipe.conf: it is no regular file"));
}

TEST_F(ProviderFaults, ALinkThatLeadsNowhereIsBroken) {
  fs::create_symlink("nowhere", folder_ / "link.conf");
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->broken.size(), 1U);
}

TEST_F(ProviderFaults, AFolderCalledLikeAProviderIsPassedOverAndNamed) {
  fs::create_directory(folder_ / "folder.conf");
  fs::create_directory(folder_ / "old");
  const auto folder = LoadProviderFolder(folder_.string());
  ASSERT_TRUE(folder);
  EXPECT_TRUE(folder->broken.empty());
  ASSERT_EQ(folder->ignored.size(), 1U);
  EXPECT_EQ(folder->ignored[0].file, (folder_ / "folder.conf").string());
  EXPECT_EQ(folder->ignored[0].why, "it is a folder");
}

}  // namespace
}  // namespace holdfast
