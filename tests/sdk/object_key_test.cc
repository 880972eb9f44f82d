#include "plugins/sdk/object_key.h"

#include <gtest/gtest.h>

#include <set>

namespace holdfast {
namespace {

TEST(ObjectKeyTest, AcceptsKeysUpToTheLimits) {
  for (const std::string& text : {std::string("a"), std::string("t/local/a.b-c_d@2F"),
                                  std::string("..."), std::string(".a/b.."), std::string(200, 'a'),
                                  std::string(200, 'a') + "/" + std::string(200, 'b') + "/" +
                                      std::string(200, 'c') + "/" + std::string(97, 'd')}) {
    EXPECT_TRUE(ObjectKey::Parse(text)) << text;
  }
}

TEST(ObjectKeyTest, RefusesWhatIsNoKey) {
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("."), std::string(".."), std::string("a/../b"), std::string("a/."),
        std::string("a~"), std::string("a b"), std::string("a\0b", 3), std::string("a\\b"),
        std::string("\xC3\xA9"), std::string(201, 'a'),
        std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c') + "/" +
            std::string(98, 'd')}) {
    const auto key = ObjectKey::Parse(text);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code(), ErrorCode::kInvalidInput);
  }
}

TEST(ObjectKeyTest, AChildIsCheckedAsAWhole) {
  const auto key = ObjectKey::Parse(std::string(200, 'a'));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->Child("b/c")->str(), std::string(200, 'a') + "/b/c");
  EXPECT_FALSE(key->Child(""));
  EXPECT_FALSE(key->Child("../b"));
  EXPECT_FALSE(key->Child(std::string(200, 'b') + "/" + std::string(200, 'c') + "/" +
                          std::string(200, 'd')));
}

TEST(KeyPartTest, EscapesWhatNoKeyMayHave) {
  EXPECT_EQ(KeyPart("OS::Nova::Server"), "OS@3A@3ANova@3A@3AServer");
  EXPECT_EQ(KeyPart("a@b"), "a@40b");
  EXPECT_EQ(KeyPart("a/b"), "a@2Fb");
  EXPECT_EQ(KeyPart("."), "@2E");
  EXPECT_EQ(KeyPart(".."), "@2E@2E");
  EXPECT_EQ(KeyPart("..."), "...");
  EXPECT_EQ(KeyPart(""), "@E");
  EXPECT_EQ(KeyPart("\xFF"), "@FF");
  EXPECT_EQ(KeyPart(std::string(200, 'x')), std::string(200, 'x'));
}

TEST(KeyPartTest, HashesWhatIsTooLong) {
  const std::string part = KeyPart(std::string(67, '/'));
  EXPECT_EQ(part.size(), 66U);
  EXPECT_TRUE(part.starts_with("@H"));
  EXPECT_NE(part, KeyPart(std::string(68, '/')));
  const auto text = TextOfKeyPart(part);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::kNotFound);
}

TEST(KeyPartTest, EveryTextHasAPartOfItsOwnThatLeadsBack) {
  std::vector<std::string> texts{"",
                                 ".",
                                 "..",
                                 "@",
                                 "@E",
                                 "@H",
                                 "@40",
                                 "@@",
                                 "a@",
                                 "E",
                                 "H",
                                 "~",
                                 "@E@",
                                 "@EE",
                                 "..@",
                                 std::string("\0", 1),
                                 std::string("\0\0", 2)};
  for (int byte = 0; byte < 256; ++byte) {
    texts.push_back(std::string(1, static_cast<char>(byte)) + "E");
    texts.push_back("E" + std::string(1, static_cast<char>(byte)));
  }
  const std::set<std::string> different(texts.begin(), texts.end());
  std::set<std::string> parts;
  for (const std::string& text : different) {
    const std::string part = KeyPart(text);
    EXPECT_TRUE(ObjectKey::Parse(part)) << part;
    EXPECT_TRUE(parts.insert(part).second) << part;
    const auto back = TextOfKeyPart(part);
    ASSERT_TRUE(back) << part;
    EXPECT_EQ(*back, text);
  }
}

TEST(KeyPartTest, RefusesPartsThatItWouldNotWrite) {
  for (const char* part :
       {"", "@", "@4", "@4g", "@2f", "@41", ".", "..", "a/b", "a b", "@H12", "@2E@2E@2E"}) {
    const auto text = TextOfKeyPart(part);
    ASSERT_FALSE(text) << part;
    EXPECT_EQ(text.error().code(), ErrorCode::kInvalidInput) << part;
  }
}

}  // namespace
}  // namespace holdfast
