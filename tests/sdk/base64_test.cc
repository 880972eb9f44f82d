#include "plugins/sdk/base64.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Base64, IsThatOfRfc4648) {
  // Section 10.
  EXPECT_EQ(ToBase64(""), "");
  EXPECT_EQ(ToBase64("f"), "Zg==");
  EXPECT_EQ(ToBase64("fo"), "Zm8=");
  EXPECT_EQ(ToBase64("foo"), "Zm9v");
  EXPECT_EQ(ToBase64("foob"), "Zm9vYg==");
  EXPECT_EQ(ToBase64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(ToBase64("foobar"), "Zm9vYmFy");
}

TEST(Base64, GivesBackEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(*FromBase64(ToBase64(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* const text :
       {"Z", "Zg=", "Zg==Zg==", "Z===", "Zg= ", " Zg==", "Zm9v\n", "Zm-v", "=", "===="}) {
    EXPECT_FALSE(FromBase64(text)) << text;
  }
  EXPECT_TRUE(FromBase64(""));
}

}  // namespace
}  // namespace holdfast
