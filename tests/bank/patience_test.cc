#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "plugins/banks/s3/register.h"
#include "plugins/banks/swift/register.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/schema.h"

namespace holdfast::banks {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// Nobody listens at this port.
constexpr const char* kAway = "http://127.0.0.1:1";

class Patience : public ::testing::TestWithParam<const char*> {};

TEST_P(Patience, OfWhoOnlyLooksOnEndsLongBeforeThatOfAStep) {
  ::setenv("HOLDFAST_TEST_PATIENCE", "secret", 1);
  Value settings;
  if (std::string_view(GetParam()) == "swift") {
    settings.Set("auth_url", std::string(kAway) + "/auth/v1.0")
        .Set("user", "test:tester")
        .Set("password_env", "HOLDFAST_TEST_PATIENCE")
        .Set("container", "c");
  } else {
    settings.Set("endpoint", kAway)
        .Set("access_key_env", "HOLDFAST_TEST_PATIENCE")
        .Set("secret_key_env", "HOLDFAST_TEST_PATIENCE")
        .Set("bucket", "bucket");
  }
  PluginRegistry registry;
  swift::Register(registry);
  s3::Register(registry);
  const BankEntry* const entry = registry.FindBank(GetParam());
  const auto checked = CheckAgainstSchema(entry->settings, settings, "test", GetParam());
  ASSERT_TRUE(checked) << checked.error().Render();
  BankParts parts;
  parts.patience = seconds(2);
  const auto began = steady_clock::now();
  const auto opened = entry->open(*checked, BankUse::kRead, parts);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnavailable) << opened.error().Render();
  EXPECT_LT(steady_clock::now() - began, seconds(20));
}

INSTANTIATE_TEST_SUITE_P(Banks, Patience, ::testing::Values("swift", "s3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace holdfast::banks
