#include "plugins/sdk/yaml/yaml_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace holdfast {
namespace {

using ::testing::HasSubstr;

Value Parse(std::string_view text) {
  auto value = ParseYaml(text, "f.yaml");
  EXPECT_TRUE(value) << text << "\n" << (value ? "" : value.error().Render());
  return value ? *value : Value();
}

Error Refusal(std::string_view text) {
  auto value = ParseYaml(text, "f.yaml");
  EXPECT_FALSE(value) << text;
  return value ? Internal("no error") : value.error();
}

TEST(YamlIn, ResolvesPlainScalarsByTheCoreSchema) {
  const std::vector<std::pair<const char*, Value>> cases{
      {"~", Value()},
      {"null", Value()},
      {"", Value()},
      {"true", true},
      {"False", false},
      {"yes", "yes"},
      {"on", "on"},
      {"y", "y"},
      {"12", 12},
      {"-7", -7},
      {"+7", 7},
      {"012", 12},
      {"0x1F", 31},
      {"0o17", 15},
      {"0b11", "0b11"},
      {"1_000", "1_000"},
      {"1.5", 1.5},
      {"-.5", -0.5},
      {"1.", 1.0},
      {"1e3", 1000.0},
      {"1.5E-2", 0.015},
      {".", "."},
      {"-", Value()},
      {"1.2.3", "1.2.3"},
      {"e3", "e3"},
      {"1e", "1e"},
      {"2024-01-01", "2024-01-01"},
      {"12:30", "12:30"},
      {"0x", "0x"},
      {"-0x1", "-0x1"},
      {"nan", "nan"},
      {"infinity", "infinity"},
      {"a b", "a b"},
      {"\"12\"", "12"},
      {"'true'", "true"},
      {"\"\"", ""},
      {"\"null\"", "null"},
      {"!!str 12", "12"},
      {"9223372036854775807", std::int64_t{9223372036854775807}}};
  for (const auto& [text, expected] : cases) {
    if (std::string_view(text) == "-") continue;  // a list, not a scalar
    const Value value = Parse(std::string("k: ") + text + "\n");
    ASSERT_NE(value.Find("k"), nullptr) << text;
    EXPECT_EQ(*value.Find("k"), expected) << text;
    EXPECT_EQ(value.Find("k")->kind(), expected.kind()) << text;
  }
}

TEST(YamlIn, ReadsBlocksFlowsAndComments) {
  const Value value = Parse(
      "# a comment\n"
      "name: demo   # another\n"
      "list:\n- a\n- {b: 1, c: [x, y]}\n-\n  d: 2\n"
      "text: |\n  one\n    two\n"
      "folded: >-\n  one\n  two\n"
      "empty:\n"
      "\"quoted key\": \"\\x41\\n\"\n");
  EXPECT_EQ(value.StringOr("name", ""), "demo");
  EXPECT_EQ(value.Find("list")->AsList()[1].Find("c")->AsList()[1], Value("y"));
  EXPECT_EQ(value.Find("list")->AsList()[2].IntOr("d", 0), 2);
  EXPECT_EQ(value.StringOr("text", ""), "one\n  two\n");
  EXPECT_EQ(value.StringOr("folded", ""), "one two");
  EXPECT_TRUE(value.Find("empty")->is_null());
  EXPECT_EQ(value.StringOr("quoted key", ""), "A\n");
}

TEST(YamlIn, KnowsWhereEachValueAndKeyStands) {
  const Value value = Parse("a: 1\nb:\n  - x\n  - yy: zz\n");
  EXPECT_EQ(value.Find("a")->position().line, 1U);
  EXPECT_EQ(value.Find("a")->position().column, 4U);
  EXPECT_EQ(value.Find("b")->key_position().line, 2U);
  const Value& list = *value.Find("b");
  EXPECT_EQ(list.AsList()[0].position().line, 3U);
  EXPECT_EQ(list.AsList()[0].position().column, 5U);
  EXPECT_EQ(list.AsList()[1].Find("yy")->key_position().column, 5U);
  EXPECT_EQ(list.AsList()[1].Find("yy")->position().column, 9U);
}

TEST(YamlIn, RefusesAKeyGivenTwice) {
  const Error error = Refusal("name: a\nother: b\nname: c\n");
  EXPECT_EQ(error.Render(),
            "f.yaml:3:1: the key 'name' is given twice\n"
            "3 | name: c\n"
            "  | ^^^^\n"
            "help: the first one is in line 1");
  std::ignore = Refusal("{a: 1, \"a\": 2}");
}

TEST(YamlIn, RefusesAnchorsAndAliases) {
  EXPECT_THAT(Refusal("a: &x 1\n").message(), HasSubstr("anchors"));
  EXPECT_THAT(Refusal("a: &x [1]\n").message(), HasSubstr("anchors"));
  EXPECT_THAT(Refusal("a: &x\nb: 1\n").message(), HasSubstr("anchors"));
  EXPECT_EQ(Refusal("a: *x\n").code(), ErrorCode::kInvalidInput);
}

TEST(YamlIn, RefusesKeysThatAreNoText) {
  EXPECT_THAT(Refusal("? [a]\n: 1\n").message(), HasSubstr("key"));
  EXPECT_THAT(Refusal("{a: 1}: 2\n").message(), HasSubstr("key"));
  EXPECT_THAT(Refusal("~: 1\n").message(), HasSubstr("null"));
}

TEST(YamlIn, RefusesTags) {
  EXPECT_THAT(Refusal("!secret a: x\n").message(), HasSubstr("tag"));
  EXPECT_THAT(Refusal("a: !secret x\n").message(), HasSubstr("tag"));
  EXPECT_THAT(Refusal("a: !!python/object:os.system [x]\n").message(), HasSubstr("tag"));
}

TEST(YamlIn, RefusesNumbersThatAreNoFinite64BitOnes) {
  for (const char* text :
       {"9223372036854775808", "0xFFFFFFFFFFFFFFFFF", "1e999", ".inf", "-.INF", ".nan"}) {
    EXPECT_THAT(Refusal(std::string("a: ") + text).hint(), HasSubstr("quotes")) << text;
  }
}

TEST(YamlIn, RefusesBadSyntaxWithItsPlace) {
  for (const char* text :
       {"a: [1, 2\n", "a: {b: 1\n", "a: \"x\n", "a: \"x", "a: \"x\n  ", "\"\n", "a: \"x\nb: y\n",
        "a: b: c\n", "\ta: 1\n", "a: 'x\n", "- a\nb: 1\n", "%YAML 9.9\n---\na: 1\n", "a: @x\n"}) {
    const Error error = Refusal(text);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput) << text;
    ASSERT_TRUE(error.where()) << text;
    EXPECT_EQ(error.where()->file, "f.yaml") << text;
    EXPECT_GE(error.where()->line, 1U) << text;
  }
}

TEST(YamlIn, RefusesALineThatIsLessIndentedThanTheFirst) {
  const Error error = Refusal("  a: 1\n  b: 2\nc: 3\n");
  ASSERT_TRUE(error.where());
  EXPECT_EQ(error.where()->line, 3U);
  EXPECT_FALSE(ParseYamlStream("  a: 1\nc: 3\n", "f"));
}

TEST(YamlIn, RefusesBytesThatTheParserWouldTakeForTheEnd) {
  const Error error = Refusal(std::string("a: 1\nb: x\x04y\nc: 2\n"));
  EXPECT_EQ(error.where()->line, 2U);
  EXPECT_EQ(error.where()->column, 5U);
  std::ignore = Refusal(std::string("a: \0", 4));
  EXPECT_EQ(Refusal("a: 1\nb: \xFF\n").where()->line, 2U);
  std::ignore = Refusal(
      "\xFF\xFE"
      "a\0");
}

TEST(YamlIn, RefusesWhatEndsALineForSomeReadersAlone) {
  for (const char* const end : {"\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    const auto hidden = ParseYaml("a: 1\n# b" + std::string(end) + "c: 2\n", "f.yaml");
    ASSERT_FALSE(hidden);
    EXPECT_THAT(hidden.error().Render(), HasSubstr("f.yaml:2:4: a character that ends a line"));
  }
  EXPECT_TRUE(ParseYaml("a: \"\\N\\L\\P\\r\"\r\n", "f.yaml"));
}

TEST(YamlIn, ReadsEachEscapeAsUtf8) {
  const auto value = ParseYaml(R"({"\N\_": "\N\_\L\P\x85\u00a0\xe9\N\_"})", "f.yaml");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->StringOr("\xC2\x85\xC2\xA0", ""),
            "\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9\xC2\x85\xC2\xA0\xC3\xA9\xC2\x85\xC2\xA0");
}

TEST(YamlIn, RefusesDeepNesting) {
  EXPECT_TRUE(ParseYaml(std::string(100, '[') + std::string(100, ']'), "f"));
  EXPECT_THAT(Refusal(std::string(101, '[') + std::string(101, ']')).message(),
              HasSubstr("deeper"));
  std::ignore = Refusal(std::string(20'000, '['));
}

TEST(YamlIn, AQuoteThatIsNotClosedIsReportedAtTheEndOfTheFile) {
  const Error error = Refusal("a: 1\nb: \"x\nc: y\n");
  EXPECT_THAT(error.message(), HasSubstr("quote is not closed"));
  EXPECT_EQ(error.where()->line, 3U);
}

// yaml-cpp reads nothing there, again and again.
TEST(YamlIn, ANodeThatBeginsWithACommaIsRefused) {
  EXPECT_EQ(Refusal(",\n").where()->line, 1U);
  EXPECT_EQ(Refusal("# c\n  ,x").where()->column, 3U);
  EXPECT_EQ(Refusal("name: p\n---\n,\n").where()->line, 3U);
  EXPECT_EQ(Refusal("...\n,").where()->line, 2U);
  std::ignore = Refusal(",\"resources\":2}");
  EXPECT_TRUE(ParseYamlStream("---\n---\n---\na: 1\n", "f"));
}

TEST(YamlIn, TheEndOfABlockScalarIsKept) {
  EXPECT_EQ(Parse("a: |\n  x\n").StringOr("a", ""), "x\n");
  EXPECT_EQ(Parse("a: |+\n  x\n\n\n").StringOr("a", ""), "x\n\n\n");
  EXPECT_EQ(Parse("a: |-\n  x\n").StringOr("a", ""), "x");
}

TEST(YamlIn, AnEmptyDocumentIsNull) {
  EXPECT_TRUE(Parse("").is_null());
  EXPECT_TRUE(Parse("# only a comment\n").is_null());
  EXPECT_TRUE(Parse("---\n").is_null());
}

TEST(YamlIn, ReadsOneDocumentOrAStream) {
  EXPECT_EQ(Parse("---\na: 1\n").IntOr("a", 0), 1);
  EXPECT_EQ(Parse("%YAML 1.2\n---\na: 1\n...\n").IntOr("a", 0), 1);
  EXPECT_THAT(Refusal("a: 1\n---\na: 2\n").message(), HasSubstr("second document"));
  const auto stream = ParseYamlStream("a: 1\n---\n---\nb: 2\n---\n- c\n", "f");
  ASSERT_TRUE(stream) << stream.error().Render();
  ASSERT_EQ(stream->size(), 3U);
  EXPECT_EQ((*stream)[1].IntOr("b", 0), 2);
}

TEST(YamlIn, TakesWindowsLineEndsAndAByteOrderMark) {
  EXPECT_EQ(Parse("\xEF\xBB\xBF"
                  "a: 1\r\nb: x\r\n")
                .StringOr("b", ""),
            "x");
}

// Found by workflow_fuzz: each shorter beginning of the line was looked at anew, which took minutes
// for a line of a megabyte.
TEST(YamlIn, AWrongByteInALongLineIsFoundInOnePass) {
  const std::string half(2U << 20U, 'a');
  const auto value = ParseYaml(half + '\xFF' + half, "long.yaml");
  ASSERT_FALSE(value);
  ASSERT_TRUE(value.error().where());
  EXPECT_EQ(value.error().where()->column, half.size() + 1);
}

}  // namespace
}  // namespace holdfast
