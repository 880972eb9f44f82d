// docs/reference/providers.md says what the code does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/bank_settings.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/known_plugins.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

class ProviderReference : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto text = ReadFile(HOLDFAST_PROVIDER_REFERENCE);
    ASSERT_TRUE(text) << text.error().Render();
    text_ = *text;
  }
  void ExpectDefaults(const Schema& schema) {
    for (const Field& field : schema.fields) {
      const Value& value = field.default_value;
      const std::string shown =
          value.is_string() ? value.AsString() : std::to_string(value.AsInt());
      EXPECT_THAT(text_, HasSubstr("\n| `" + field.name + "` | `" + shown + "` |"));
    }
  }
  std::string text_;
};

TEST_F(ProviderReference, HasTheDefaultsThatEveryBankAndPluginHas) {
  ExpectDefaults(SchemaOf<DataSettings>());
  ExpectDefaults(SchemaOf<PollSettings>());
}

TEST_F(ProviderReference, HasEveryNameAndSectionOfKarbor) {
  for (const KnownPlugin& known : KnownPlugins()) {
    for (const std::string_view alias : known.aliases) {
      std::string row = "\n| `" + std::string(alias) + "` | `" + std::string(known.name) + "` | ";
      for (const std::string_view section : known.sections) {
        row += (row.ends_with("| ") ? "`[" : ", `[") + std::string(section) + "]`";
      }
      EXPECT_THAT(text_, HasSubstr(row + " |"));
    }
  }
}

}  // namespace
}  // namespace holdfast
