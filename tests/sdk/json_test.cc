#include "plugins/sdk/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "plugins/sdk/json_out.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

Value Parse(std::string_view text) {
  auto value = ParseJson(text, "f.json");
  EXPECT_TRUE(value) << (value ? "" : value.error().Render());
  return value ? *value : Value();
}

Error Refusal(std::string_view text) {
  auto value = ParseJson(text, "f.json");
  EXPECT_FALSE(value) << text;
  return value ? Internal("no error") : value.error();
}

TEST(JsonIn, ReadsEveryKind) {
  const Value value = Parse(
      R"({"n": null, "t": true, "f": false, "i": -42, "d": 1.5, "e": 1e3, "s": "a\u00e9\n", "l": [1, "x", []], "m": {}})");
  EXPECT_TRUE(value.Find("n")->is_null());
  EXPECT_TRUE(value.Find("t")->AsBool());
  EXPECT_FALSE(value.Find("f")->AsBool());
  EXPECT_EQ(value.Find("i")->AsInt(), -42);
  EXPECT_EQ(value.Find("d")->AsDouble(), 1.5);
  EXPECT_TRUE(value.Find("e")->is_double());
  EXPECT_EQ(value.Find("s")->AsString(), "a\xC3\xA9\n");
  EXPECT_EQ(value.Find("l")->AsList().size(), 3U);
  EXPECT_TRUE(value.Find("m")->AsMap().empty());
  EXPECT_EQ(Parse(" 7 ").AsInt(), 7);
  EXPECT_EQ(Parse("9223372036854775807").AsInt(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Parse("-9223372036854775808").AsInt(), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonIn, KnowsWhereEachValueAndKeyStands) {
  const Value value = Parse("{\n  \"a\" : [1, -2.5e1,\n\"x\\\"]\" , true],\n  \"b\":null\n}");
  EXPECT_EQ(value.position().line, 1U);
  const Value& a = *value.Find("a");
  EXPECT_EQ(a.key_position().line, 2U);
  EXPECT_EQ(a.key_position().column, 3U);
  EXPECT_EQ(a.position().column, 9U);
  EXPECT_EQ(a.AsList()[0].position().column, 10U);
  EXPECT_EQ(a.AsList()[1].position().column, 13U);
  EXPECT_EQ(a.AsList()[2].position().line, 3U);
  EXPECT_EQ(a.AsList()[2].position().column, 1U);
  EXPECT_EQ(a.AsList()[3].position().column, 10U);
  EXPECT_EQ(value.Find("b")->position().line, 4U);
  EXPECT_EQ(value.Find("b")->position().column, 7U);
}

TEST(JsonIn, RefusesAKeyGivenTwiceAndSaysWhere) {
  const Error error = Refusal("{\"a\": 1,\n \"a\": 2}");
  EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(error.Render(), "f.json:2:2: the key \"a\" is given twice\n2 |  \"a\": 2}\n  |  ^^^");
  std::ignore = Refusal(R"({"a": 1, "\u0061": 2})");
}

TEST(JsonIn, RefusesBrokenTextWithItsPlace) {
  for (const char* text :
       {"", " ", "{", "[1,]", "{\"a\" 1}", "{a: 1}", "[1] x", "01", "'a'", "nul", "\"a", "[1 2]",
        "// c\n1", "{\"a\":1,}", "\"\x01\"", "\"\\x\"", "NaN", "Infinity"}) {
    const Error error = Refusal(text);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput) << text;
    ASSERT_TRUE(error.where()) << text;
    EXPECT_EQ(error.where()->line, 1U) << text;
    EXPECT_GE(error.where()->column, 1U) << text;
  }
  const Error error = Refusal("{\n  \"a\": tru\n}");
  EXPECT_EQ(error.where()->line, 2U);
}

TEST(JsonIn, RefusesInvalidUtf8) { std::ignore = Refusal("\"a\xFF\""); }

TEST(JsonIn, RefusesNumbersThatAreNoFinite64BitOnes) {
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "18446744073709551616",
                           "123456789012345678901234567890", "1e400"}) {
    EXPECT_EQ(Refusal(text).code(), ErrorCode::kInvalidInput) << text;
  }
}

TEST(JsonIn, RefusesDeepNestingWithoutRecursion) {
  EXPECT_TRUE(ParseJson(std::string(100, '[') + std::string(100, ']'), "f"));
  EXPECT_THAT(Refusal(std::string(101, '[') + std::string(101, ']')).message(),
              HasSubstr("deeper"));
  std::ignore = Refusal(std::string(1'000'000, '['));
}

TEST(JsonOut, WritesTheSameBytesForTheSameValue) {
  Value value;
  value.Set("z", 1)
      .Set("a", Value::List{Value(), true, 1.0, -0.5, "x\"\\\n\x01"})
      .Set("m", Value::Map{});
  EXPECT_EQ(*DumpJson(value), R"({"a":[null,true,1.0,-0.5,"x\"\\\n\u0001"],"m":{},"z":1})");
  EXPECT_EQ(*DumpJsonPretty(value),
            "{\n  \"a\": [\n    null,\n    true,\n    1.0,\n    -0.5,\n    "
            "\"x\\\"\\\\\\n\\u0001\"\n  ],\n"
            "  \"m\": {},\n  \"z\": 1\n}\n");
}

TEST(JsonOut, IsReadBackAsTheSameValue) {
  Value value;
  value.Set("i", std::int64_t{-9223372036854775807})
      .Set("d", 0.1)
      .Set("big", 1e300)
      .Set("whole", 3.0);
  value.Set("s", "\x7F \xF0\x9F\x90\x99 /");
  for (const auto& text : {*DumpJson(value), *DumpJsonPretty(value)}) {
    const auto back = ParseJson(text, "f");
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(*back, value);
    EXPECT_TRUE(back->Find("whole")->is_double());
  }
}

TEST(JsonOut, RefusesWhatWouldBeLost) {
  EXPECT_EQ(DumpJson(Value("\xFF")).error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(DumpJson(Value(Value::Map{{"\xC3", Value(1)}})));
  EXPECT_FALSE(DumpJson(Value(std::numeric_limits<double>::infinity())));
  EXPECT_FALSE(DumpJson(Value(std::nan(""))));
  Value deep = 1;
  for (int i = 0; i < 101; ++i) deep = Value(Value::List{deep});
  EXPECT_FALSE(DumpJson(deep));
}

TEST(JsonOutTest, WritesWhatAValueWouldBe) {
  const auto write = [](JsonOut& out) {
    out.BeginMap();
    out.Key("empty");
    out.BeginList();
    out.EndList();
    out.Key("list");
    out.BeginList();
    out.Integer(-42);
    out.Number(2);
    out.Bool(true);
    out.Null();
    out.BeginMap();
    out.EndMap();
    out.Write(Value().Set("b", 1).Set("a", "x"));
    out.EndList();
    out.Member("text", "a\"\\\n\x01\x7f\u00e9");
    out.EndMap();
    return out.Take().value();
  };
  JsonOut compact(JsonOut::Form::kCompact);
  const std::string text = write(compact);
  EXPECT_EQ(
      text,
      R"({"empty":[],"list":[-42,2.0,true,null,{},{"a":"x","b":1}],"text":"a\"\\\n\u0001\u007fé"})");
  EXPECT_EQ(write(compact), text);  // as new afterwards
  JsonOut pretty(JsonOut::Form::kPretty);
  EXPECT_EQ(write(pretty), DumpJsonPretty(Parse(text)).value());
}

TEST(JsonOutTest, SaysWhatCannotBeWritten) {
  JsonOut out(JsonOut::Form::kCompact);
  out.BeginList();
  out.Text("good");
  out.Text("a\xC3(");
  out.Number(std::nan(""));
  out.EndList();
  const auto text = out.Take();
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message(), HasSubstr("is not UTF-8"));
  out.Null();
  EXPECT_EQ(out.Take().value(), "null");
}

TEST(JsonOutDeathTest, AValueWithoutItsKeyIsABug) {
  JsonOut out(JsonOut::Form::kCompact);
  out.BeginMap();
  EXPECT_EXIT(out.Text("x"), ::testing::ExitedWithCode(1), "key_given");
}

TEST(ValueTest, FindsMembersByKindOrFallsBack) {
  const Value value = Parse(R"({"s": "x", "i": 5, "b": true})");
  EXPECT_EQ(value.StringOr("s", "y"), "x");
  EXPECT_EQ(value.StringOr("i", "y"), "y");
  EXPECT_EQ(value.IntOr("i", 1), 5);
  EXPECT_EQ(value.IntOr("none", 1), 1);
  EXPECT_TRUE(value.BoolOr("b", false));
  EXPECT_EQ(value.Find("none"), nullptr);
  EXPECT_EQ(Value(1).Find("none"), nullptr);
  EXPECT_EQ(Value(2).AsDouble(), 2.0);
}

TEST(ValueTest, PositionsAreNoPartOfItsIdentity) {
  Value a = 1;
  Value b = 1;
  b.set_position({3, 4});
  EXPECT_EQ(a, b);
}

TEST(ValueDeathTest, TheWrongKindIsABug) {
  EXPECT_EXIT(Value("x").AsInt(), ::testing::ExitedWithCode(1), "a bug");
}

}  // namespace
}  // namespace holdfast
