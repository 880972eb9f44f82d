#include "plugins/sdk/provider_settings.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::string DefaultOf(Value value) {
  Field field;
  field.default_value = std::move(value);
  return DefaultText(field);
}

TEST(ProviderSettings, ADefaultReadsAsAFileWouldSayIt) {
  EXPECT_EQ(DefaultOf("merge"), "merge");
  EXPECT_EQ(DefaultOf(true), "true");
  EXPECT_EQ(DefaultOf(7), "7");
  EXPECT_EQ(DefaultOf(0.5), "0.5");
  EXPECT_EQ(DefaultOf(Value::List{Value("a"), Value("b")}), "a, b");
}

TEST(ProviderSettings, AnEmptyDefaultIsNone) {
  EXPECT_EQ(DefaultOf({}), "");
  EXPECT_EQ(DefaultOf(""), "");
  EXPECT_EQ(DefaultOf(Value::List{}), "");
}

}  // namespace
}  // namespace holdfast
