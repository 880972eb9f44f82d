#include "plugins/sdk/clock.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Time, IsReadBackAsItWasWritten) {
  for (const std::string text :
       {"1970-01-01T00:00:00.000Z", "2026-11-24T01:48:00.123Z", "2261-12-31T23:59:59.999Z"}) {
    const auto time = ParseTime(text);
    ASSERT_TRUE(time) << time.error().Render();
    EXPECT_EQ(FormatTime(*time), text);
  }
  EXPECT_EQ(*ParseTime("2026-11-24T01:48:00Z"), *ParseTime("2026-11-24T01:48:00.000Z"));
  EXPECT_EQ(*ParseTime("2026-11-24T01:48:01Z") - *ParseTime("2026-11-24T01:48:00.750Z"),
            std::chrono::milliseconds(250));
}

TEST(Time, WhatIsNoneIsRefused) {
  for (const std::string text :
       {"", "2026-11-24", "2026-11-24T01:48:00", "2026-11-24 01:48:00Z", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T01:60:00Z",
        "2026-11-24T01:48:00.5Z", "2026-11-2xT01:48:00Z", "-026-11-24T01:48:00Z"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

// A time that a damaged object says must not overflow what it is computed with.
TEST(Time, OneFarAwayIsRefused) {
  for (const std::string text :
       {"0000-01-01T00:00:00Z", "1013-11-24T02:00:00.000Z", "1969-12-31T23:59:59.999Z",
        "2262-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
