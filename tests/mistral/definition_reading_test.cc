#include "runtime/mistral/definition_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace holdfast::mistral {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Result<MistralDocument> Read(std::string text) {
  return ReadMistralFile(local::ParseFile({"w.yaml", std::move(text)}));
}

Value Scalar(const std::string& plain) {
  auto read = Read("x: " + plain + "\n");
  if (!read) {
    ADD_FAILURE() << read.error().Render();
    return {};
  }
  EXPECT_THAT(read->refused, IsEmpty());
  return *read->value.Find("x");
}

TEST(Scalars, AreThoseOfYaml11) {
  EXPECT_EQ(Scalar("yes"), Value(true));
  EXPECT_EQ(Scalar("Off"), Value(false));
  EXPECT_EQ(Scalar("'no'"), Value("no"));
  EXPECT_EQ(Scalar("y"), Value("y"));
  EXPECT_EQ(Scalar("010"), Value(8));
  EXPECT_EQ(Scalar("+03000000"), Value(786432));
  EXPECT_EQ(Scalar("-010"), Value(-8));
  EXPECT_EQ(Scalar("08"), Value("08"));
  EXPECT_EQ(Scalar("0o17"), Value("0o17"));
  EXPECT_EQ(Scalar("0b1_1"), Value(3));
  EXPECT_EQ(Scalar("-0x1F"), Value(-31));
  EXPECT_EQ(Scalar("1_000"), Value(1000));
  EXPECT_EQ(Scalar("1:30"), Value(90));
  EXPECT_EQ(Scalar("1:30.5"), Value(90.5));
  EXPECT_EQ(Scalar("1:75"), Value("1:75"));
  EXPECT_EQ(Scalar("1e3"), Value("1e3"));
  EXPECT_EQ(Scalar("1.5e+1"), Value(15.0));
  EXPECT_EQ(Scalar("1_0.5"), Value(10.5));
  EXPECT_EQ(Scalar(".5"), Value(0.5));
  EXPECT_EQ(Scalar("-.5"), Value("-.5"));
  EXPECT_EQ(Scalar("1_000_000_000_000_000_000_000"), Value(1e21));
  EXPECT_EQ(Scalar("! 010"), Value(8));
  EXPECT_EQ(Scalar("2024-1-1"), Value("2024-1-1"));
}

TEST(Scalars, ThatMistralRefusesAreSaid) {
  for (const char* const plain :
       {"2024-01-01", "2024-1-1 1:02:03", "2024-01-01T10:00:00.5 +1:30", "=", "<<", "0b_"}) {
    const auto read = Read(std::string("x: ") + plain + "\n");
    ASSERT_TRUE(read) << read.error().Render();
    ASSERT_THAT(read->refused, SizeIs(1)) << plain;
    EXPECT_EQ(read->refused[0].where()->column, 4U);
    EXPECT_EQ(*read->value.Find("x"), Value(plain));
  }
}

TEST(Merge, PutsAMapBehindWhatIsThere) {
  const auto read = Read("x: {<<: {a: 1, b: 2}, b: 3}\ny: {<<: [{a: 1}, {a: 2, b: 2}]}\n");
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(*read->value.Find("x"), Value(Value::Map{{"a", 1}, {"b", 3}}));
  EXPECT_EQ(*read->value.Find("y"), Value(Value::Map{{"a", 1}, {"b", 2}}));
  EXPECT_THAT(Read("x: {\"<<\": {a: 1}}\n")->value.Find("x")->Find("<<"), testing::NotNull());
  const auto bad = Read("x:\n  <<: [{a: 1}, b]\n");
  ASSERT_TRUE(bad);
  ASSERT_THAT(bad->refused, SizeIs(1));
  EXPECT_EQ(bad->refused[0].where()->line, 2U);
}

TEST(Keys, AreNoTextsWhereTheyReadLikeOthers) {
  const auto parsed = local::ParseFile({"w.yaml", "1: a\n'2': b\nyes: c\n=: d\ne: f\n"});
  const auto read = ReadMistralFile(parsed);
  ASSERT_TRUE(read);
  for (const auto& [key, value] : read->value.AsMap())
    EXPECT_EQ(IsTextKey(parsed.source, key, value), key != "1" && key != "yes") << key;
}

// Where Mistral's reader of YAML stops, and ours does not.
class Refused : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(Refused, IsSaidAtItsPlace) {
  const auto& [text, place] = GetParam();
  const auto read = Read(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(std::to_string(read.error().where()->line) + ":" +
                std::to_string(read.error().where()->column),
            place)
      << read.error().Render();
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Refused,
    testing::Values(std::pair{"a:\tb\n", "1:3"}, std::pair{"a: b\tc\n", "1:5"},
                    std::pair{"a: b\n\t\nc: d\n", "2:1"}, std::pair{"a: [b,\tc]\n", "1:7"},
                    std::pair{"a: 'b'\t# c\n", "1:7"}, std::pair{"a: |\t\n  b\n", "1:5"},
                    std::pair{"a: b\n---\n", "2:1"}, std::pair{"---\n---\na: b\n", "2:1"},
                    std::pair{"...\na: b\n", "1:1"}));

TEST(Grammar, TakesTabsWhereTheyAreText) {
  for (const char* const text :
       {"a: \"b\tc\"\n", "a: 'b\t\n\tc'\n", "a: |\n  b\tc\n\n  \td\ne: f\n", "a: b #\tc\n",
        "a: >2-\n  \tb\nc: d\n", "--- # \t\na: b\n...\n"}) {
    const auto read = Read(text);
    EXPECT_TRUE(read) << text << read.error().Render();
  }
}

TEST(Grammar, TakesWhatIsYaml) {
  for (const char* const text : {"a:\n- b\n- - c\n  - d: e\n    f: g\n-\n", "? a\n: b\n",
                                 "{a: b, c, e: {}}\n", "a: [b: c, d]\n", "a: b\n  c\nd: !!str e\n",
                                 "'a': \"b\\\n  c\\x41\"\n", "%YAML 1.1\n---\na: b\n"}) {
    const auto read = Read(text);
    EXPECT_TRUE(read) << text << read.error().Render();
  }
}

}  // namespace
}  // namespace holdfast::mistral
