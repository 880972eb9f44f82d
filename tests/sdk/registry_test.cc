#include "plugins/sdk/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/json.h"

// An activity with a wrong signature does not compile: the test Sdk.WrongSignatureDoesNotCompile
// (CMakeLists.txt) sees the compiler's message; here are the concepts on which it rests.

namespace holdfast {
namespace {

using ::testing::HasSubstr;

struct Base {
  static constexpr std::string_view kName = "sample";
  static constexpr std::string_view kDescription = "a sample";
  static constexpr std::array<std::string_view, 1> kTypes{"Sample::Thing"};
};

struct Whole : Base {
  struct Settings {
    std::string path;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("path", &Settings::path, "where").Required();
    }
  };
  struct RestoreParameters {
    bool overwrite = false;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("overwrite", &RestoreParameters::overwrite, "replace what is there");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 2;
    std::string id;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("id", &SavedInfo::id, "of what was saved");
    }
  };
  static constexpr bool kQuiesces = true;
  static constexpr bool kPostActsOnFailure = false;
  static constexpr std::array<std::string_view, 1> kAliases{"old-sample"};

  explicit Whole(Settings given) : settings(std::move(given)) {}
  Activity activity_protect_pre(Checkpoint&, Context&, std::span<const Resource>,
                                const Parameters&) {
    co_return Ok();
  }
  Activity activity_protect_parallel(Checkpoint&, Context&, const Resource&, const Parameters&) {
    co_return Ok();
  }
  Activity activity_restore_post(Checkpoint&, Context&, const Resource&, const Parameters&) {
    co_return Ok();
  }
  Activity activity_delete_parallel(Checkpoint&, Context&, const Resource&, const Parameters&) {
    co_return Ok();
  }
  Settings settings;
};

struct LacksRestore : Base {
  static constexpr std::string_view kName = "lacks-restore";
  Activity activity_protect_parallel(Checkpoint&, Context&, const Resource&, const Parameters&) {
    co_return Ok();
  }
  Activity activity_delete_parallel(Checkpoint&, Context&, const Resource&, const Parameters&) {
    co_return Ok();
  }
};

struct EmptyOnPurpose : LacksRestore {
  static constexpr std::string_view kName = "empty-on-purpose";
  static constexpr std::array kEmptyOnPurpose{Operation::kRestore};
};

struct WrongSignatures {
  Activity activity_protect_pre(Checkpoint&, const Resource&);
  Status activity_protect_parallel(Checkpoint&, Context&, const Resource&, const Parameters&);
  Activity activity_protect_post(Checkpoint&, Context&, std::span<const Resource>,
                                 const Parameters&);
};

TEST(Descriptor, ComesFromTheClass) {
  const PluginDescriptor d = plugin_internal::MakeDescriptor<Whole>();
  EXPECT_EQ(d.name, "sample");
  EXPECT_EQ(d.settings_section, "sample");
  EXPECT_EQ(d.types, std::vector<std::string>{"Sample::Thing"});
  const OperationDescriptor& protect = d.operation(Operation::kProtect);
  EXPECT_TRUE(protect.Defines(ActivityKind::kPre));
  EXPECT_TRUE(protect.Defines(ActivityKind::kParallel));
  EXPECT_FALSE(protect.Defines(ActivityKind::kPreFinish));
  EXPECT_FALSE(protect.Defines(ActivityKind::kPost));
  EXPECT_TRUE(d.operation(Operation::kRestore).Defines(ActivityKind::kPost));
  EXPECT_FALSE(d.operation(Operation::kVerify).DefinesAny());
  EXPECT_TRUE(d.quiesces);
  EXPECT_FALSE(d.post_acts_on_failure);
  EXPECT_EQ(d.saved_info.version, 2);
  EXPECT_EQ(d.operation(Operation::kRestore).parameters.fields.front().name, "overwrite");
  std::vector<std::string> settings;
  for (const Field& field : d.settings.fields) settings.push_back(field.name);
  EXPECT_THAT(settings, ::testing::ElementsAre("path", "poll_interval", "poll_interval_max",
                                               "activity_timeout"));
}

TEST(Descriptor, SurvivesAsData) {
  const PluginDescriptor d = plugin_internal::MakeDescriptor<Whole>();
  const auto back = DescriptorFromValue(DescriptorToValue(d), "plugin");
  ASSERT_TRUE(back) << back.error().Render();
  EXPECT_EQ(DescriptorToValue(*back), DescriptorToValue(d));
}

TEST(Descriptor, BrokenDataIsRefusedWithItsPlace) {
  for (const std::string_view text :
       {"[]", "{}", R"({"name": "x", "operations": {"protct": {}}})",
        R"({"name": "x", "operations": {"protect": {"activities": ["per"]}}})",
        R"({"name": "x", "types": "T"})", R"({"name": "x", "settings": {"fields": 1}})"}) {
    const auto descriptor = DescriptorFromValue(*ParseJson(text, "plugin"), "plugin");
    ASSERT_FALSE(descriptor) << text;
    EXPECT_EQ(descriptor.error().code(), ErrorCode::kInvalidInput) << text;
    EXPECT_THAT(descriptor.error().Render(), HasSubstr("plugin:1:")) << text;
  }
}

TEST(Descriptor, ActivitySignaturesAreChecked) {
  EXPECT_TRUE(plugin_internal::Named_protect_pre<WrongSignatures>);
  EXPECT_FALSE(plugin_internal::One_protect_pre<WrongSignatures>);
  EXPECT_FALSE(plugin_internal::Many_protect_pre<WrongSignatures>);
  EXPECT_FALSE(plugin_internal::One_protect_parallel<WrongSignatures>);
  EXPECT_TRUE(plugin_internal::Many_protect_post<WrongSignatures>);
}

TEST(Registry, FindsByNameAndAlias) {
  PluginRegistry registry;
  registry.AddProtection<Whole>();
  ASSERT_TRUE(registry.status());
  EXPECT_NE(registry.FindProtection("sample"), nullptr);
  EXPECT_EQ(registry.FindProtection("old-sample"), registry.FindProtection("sample"));
  EXPECT_EQ(registry.FindProtection("other"), nullptr);
}

TEST(Registry, APluginThatLacksRestoreIsRefused) {
  PluginRegistry registry;
  registry.AddProtection<LacksRestore>();
  ASSERT_FALSE(registry.status());
  EXPECT_THAT(registry.status().error().message(),
              HasSubstr("lacks-restore defines no activity of restore"));
  EXPECT_EQ(registry.FindProtection("lacks-restore"), nullptr);
}

TEST(Registry, APluginWhoseOperationIsEmptyOnPurposeIsAccepted) {
  PluginRegistry registry;
  registry.AddProtection<EmptyOnPurpose>();
  EXPECT_TRUE(registry.status());
  EXPECT_NE(registry.FindProtection("empty-on-purpose"), nullptr);
}

TEST(Registry, ANameGivenTwiceIsRefused) {
  PluginRegistry registry;
  registry.AddProtection<Whole>();
  registry.AddProtection<Whole>();
  ASSERT_FALSE(registry.status());
  EXPECT_EQ(registry.status().error().code(), ErrorCode::kConflict);
  EXPECT_EQ(registry.protections().size(), 1U);
}

TEST(Registry, AnAliasThatIsAnotherPluginsNameIsRefused) {
  PluginRegistry registry;
  registry.AddProtection<Whole>();
  PluginDescriptor other = plugin_internal::MakeDescriptor<EmptyOnPurpose>();
  other.aliases = {"sample"};
  registry.AddProtection({other, nullptr});
  ASSERT_FALSE(registry.status());
  EXPECT_THAT(registry.status().error().message(), HasSubstr("'sample'"));
}

TEST(Registry, TwoProtectablesOfOneTypeAreRefused) {
  PluginRegistry registry;
  registry.AddProtectable({{"Sample::Thing", "things", {}, "sample", {}}, nullptr});
  registry.AddProtectable({{"Sample::Thing", "things again", {}, "sample", {}}, nullptr});
  ASSERT_FALSE(registry.status());
  EXPECT_EQ(registry.protectables().size(), 1U);
}

TEST(Registry, TwoBanksOfOneNameAreRefused) {
  PluginRegistry registry;
  BankEntry bank;
  bank.name = "store";
  registry.AddBank(bank);
  registry.AddBank(bank);
  ASSERT_FALSE(registry.status());
}

TEST(Registry, AResolverMakesTheNamesOfItsPrefixKnown) {
  PluginRegistry registry;
  registry.AddResolver("exec:", [](std::string_view name, PluginRegistry& r) -> Status {
    PluginDescriptor d = plugin_internal::MakeDescriptor<Whole>();
    d.name = std::string(name);
    d.aliases.clear();
    r.AddProtection({std::move(d), nullptr});
    return r.status();
  });
  ASSERT_TRUE(registry.Resolve("exec:/opt/plugin"));
  EXPECT_NE(registry.FindProtection("exec:/opt/plugin"), nullptr);
  const Status unknown = registry.Resolve("http://x");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast
