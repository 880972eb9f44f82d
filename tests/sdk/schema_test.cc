#include "plugins/sdk/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/json.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

struct Sample {
  static constexpr int kVersion = 3;
  std::string path;
  bool deep = true;
  int parallel = 4;
  std::int64_t count = 0;
  double ratio = 0.5;
  std::chrono::seconds wait{30};
  ByteSize limit{8U << 20U};
  std::vector<std::string> words;
  std::map<std::string, std::string> labels;
  SecretReference password;
  std::optional<int> level;
  std::string mode = "copy";
  std::string part;
  Value any;

  template <class Fields>
  static void Describe(Fields& fields) {
    fields("path", &Sample::path, "where it is").Required().Alias("old_path");
    fields("deep", &Sample::deep, "all the way down");
    fields("parallel", &Sample::parallel, "how many at once").Range(1, 16);
    fields("count", &Sample::count, "how many");
    fields("ratio", &Sample::ratio, "how much");
    fields("wait", &Sample::wait, "how long").Range(1000, 120'000);
    fields("limit", &Sample::limit, "how big").Range(1 << 20, 64 << 20);
    fields("words", &Sample::words, "some words");
    fields("labels", &Sample::labels, "some labels");
    fields("password", &Sample::password, "a secret").Alias("pass");
    fields("level", &Sample::level, "a level");
    fields("mode", &Sample::mode, "how").OneOf({"copy", "reflink"});
    fields("part", &Sample::part, "only this part; unless given, everything").NotEmpty();
    fields("any", &Sample::any, "anything");
  }
};

Result<Sample> BindYaml(std::string_view yaml) {
  auto value = ParseYaml(yaml, "sample.yaml");
  if (!value) return Error(std::move(value).error());
  return Bind<Sample>(*value, "sample.yaml", "settings");
}

std::string ErrorOf(std::string_view yaml) {
  const auto bound = BindYaml(yaml);
  return bound ? "no error" : bound.error().Render();
}

TEST(Schema, DefaultsAreThoseOfTheStruct) {
  const auto bound = BindYaml("path: /x");
  ASSERT_TRUE(bound) << bound.error().Render();
  EXPECT_EQ(bound->path, "/x");
  EXPECT_TRUE(bound->deep);
  EXPECT_EQ(bound->parallel, 4);
  EXPECT_DOUBLE_EQ(bound->ratio, 0.5);
  EXPECT_EQ(bound->wait, std::chrono::seconds(30));
  EXPECT_EQ(bound->limit.bytes, 8U << 20U);
  EXPECT_FALSE(bound->password.given());
  EXPECT_FALSE(bound->level.has_value());
  EXPECT_EQ(bound->mode, "copy");
}

TEST(Schema, EveryTypeIsRead) {
  const auto bound = BindYaml(
      "{path: p, deep: false, parallel: 16, count: -9007199254740993, ratio: 2, wait: 1.5 min, "
      "limit: 64MiB,\n"
      " words: [a, b], labels: {k: v}, password_env: SECRET, level: 7, mode: reflink, any: {x: "
      "[1]}}");
  ASSERT_TRUE(bound) << bound.error().Render();
  EXPECT_FALSE(bound->deep);
  EXPECT_EQ(bound->count, -9007199254740993);
  EXPECT_DOUBLE_EQ(bound->ratio, 2.0);
  EXPECT_EQ(bound->wait, std::chrono::seconds(90));
  EXPECT_EQ(bound->limit.bytes, 64U << 20U);
  EXPECT_EQ(bound->words, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(bound->labels.at("k"), "v");
  EXPECT_EQ(bound->password.kind, SecretReference::Kind::kEnvironment);
  EXPECT_EQ(bound->password.where, "SECRET");
  EXPECT_EQ(bound->level, 7);
  EXPECT_EQ(bound->any.Find("x")->AsList().front().AsInt(), 1);
}

TEST(Schema, AnAliasIsAnotherNameOfTheField) {
  const auto bound = BindYaml("{old_path: /y, pass_file: /secret}");
  ASSERT_TRUE(bound) << bound.error().Render();
  EXPECT_EQ(bound->path, "/y");
  EXPECT_EQ(bound->password.kind, SecretReference::Kind::kFile);
}

TEST(Schema, AFieldUnderTwoOfItsNamesIsRefused) {
  EXPECT_THAT(ErrorOf("{path: a, old_path: b}"), HasSubstr("the same setting, given twice"));
  EXPECT_THAT(ErrorOf("{path: a, password_file: b, password_env: C}"),
              HasSubstr("both give the same secret"));
}

TEST(Schema, AMissingFieldIsNamed) {
  EXPECT_THAT(ErrorOf("deep: true"), HasSubstr("'path' is missing in the settings"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("'path' is missing in the settings"));
}

// "only: $PATH" with a variable that is not set must not restore everything.
TEST(Schema, ATextThatMustNotBeEmptyIsRefusedWhenItIs) {
  for (const std::string empty : {"part: ''", "part:", "part: null", "part: \"\""}) {
    const std::string error = ErrorOf("path: x\n" + empty);
    EXPECT_THAT(error, HasSubstr("sample.yaml:2:1: 'part' in the settings is empty"));
    EXPECT_THAT(error, HasSubstr("leave it out: only this part; unless given, everything"));
  }
  const auto given = BindYaml("{path: x, part: a}");
  ASSERT_TRUE(given) << given.error().Render();
  EXPECT_EQ(given->part, "a");
  const auto sent = SchemaFromValue(SchemaToValue(SchemaOf<Sample>()), "");
  ASSERT_TRUE(sent);
  EXPECT_FALSE(CheckAgainstSchema(*sent, Value().Set("path", "x").Set("part", ""), "", "settings"));
  EXPECT_EQ(SchemaToJsonSchema(*sent).Find("properties")->Find("part")->IntOr("minLength", 0), 1);
}

// One thing or many: the sentence is right for both.
TEST(Schema, ErrorsReadWellForOneThingAndForMany) {
  for (const std::string what : {"directory", "policy settings"}) {
    const auto missing = Bind<Sample>(Value(Value::Map{}), "", what);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message(), "'path' is missing in the " + what);
    const auto unknown = Bind<Sample>(Value().Set("path", "x").Set("pth", "y"), "", what);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().message(), "there is no 'pth' in the " + what);
    const auto text = Bind<Sample>(Value("x"), "", what);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().message(), "a map is expected for the " + what + ", not a string");
  }
}

TEST(Schema, AnUnknownKeyIsRefusedWithPlaceAndGuess) {
  const std::string error = ErrorOf("path: x\nparalell: 3");
  EXPECT_THAT(error, HasSubstr("sample.yaml:2:1: there is no 'paralell' in the settings"));
  EXPECT_THAT(error, HasSubstr("did you mean 'parallel'?"));
}

TEST(Schema, AllFaultsAreToldAtOnce) {
  const std::string error =
      ErrorOf("parallel: 17\nmode: reflnk\nwords: x\nlimit: 1 KiB\nwait: never\nlevel: 1.5");
  EXPECT_THAT(error, HasSubstr("'path' is missing in the settings"));
  EXPECT_THAT(error, HasSubstr("'parallel' in the settings is at least 1, at most 16, not 17"));
  EXPECT_THAT(error, HasSubstr("did you mean 'reflink'?"));
  EXPECT_THAT(error, HasSubstr("'words' in the settings is a list of texts, not 'x'"));
  EXPECT_THAT(error,
              HasSubstr("'limit' in the settings is at least 1 MiB, at most 64 MiB, not '1 KiB'"));
  EXPECT_THAT(error, HasSubstr("'wait' in the settings is a duration such as"));
  EXPECT_THAT(error, HasSubstr("'level' in the settings is a whole number, not 1.5"));
}

TEST(Schema, ANumberThatDoesNotFitTheMemberIsRefused) {
  EXPECT_THAT(ErrorOf("{path: x, level: 2147483648}"), HasSubstr("at most 2147483647"));
}

TEST(Schema, ASecretIsNeverShown) {
  EXPECT_THAT(ErrorOf("{path: x, password: [hunter2]}"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf("{path: x, password: hunter2, pass: hunter3}"),
              ::testing::AllOf(HasSubstr("twice"), Not(HasSubstr("hunter"))));
}

TEST(Schema, SomethingThatIsNoMapIsRefused) {
  EXPECT_THAT(ErrorOf("[path]"), HasSubstr("a map is expected for the settings, not"));
}

TEST(Schema, SurvivesAsData) {
  const Schema schema = SchemaOf<Sample>();
  EXPECT_EQ(schema.version, 3);
  const Value data = SchemaToValue(schema);
  const auto json = DumpJson(data);
  ASSERT_TRUE(json);
  const auto back = SchemaFromValue(*ParseJson(*json, "x"), "x");
  ASSERT_TRUE(back) << back.error().Render();
  EXPECT_EQ(SchemaToValue(*back), data);
  EXPECT_EQ(back->version, 3);
}

TEST(Schema, BrokenDataIsNoSchema) {
  for (const std::string_view text :
       {"[]", "{}", R"({"fields": [{"type": "string"}]})",
        R"({"fields": [{"name": "a", "type": "strnig"}]})",
        R"({"fields": [{"name": "a", "type": "integer", "default": "x"}]})"}) {
    const auto value = ParseJson(text, "plugin");
    ASSERT_TRUE(value) << text;
    const auto schema = SchemaFromValue(*value, "plugin");
    ASSERT_FALSE(schema) << text;
    EXPECT_EQ(schema.error().code(), ErrorCode::kInvalidInput) << text;
    EXPECT_TRUE(schema.error().where().has_value()) << text;
  }
}

TEST(Schema, AsJsonSchemaItSaysWhatIsAllowed) {
  const Value json = SchemaToJsonSchema(SchemaOf<Sample>());
  EXPECT_EQ(json.Find("additionalProperties")->AsBool(), false);
  EXPECT_EQ(json.Find("required")->AsList().size(), 1U);
  const Value& properties = *json.Find("properties");
  EXPECT_EQ(properties.Find("parallel")->IntOr("maximum", 0), 16);
  EXPECT_EQ(properties.Find("mode")->Find("enum")->AsList().size(), 2U);
  ASSERT_NE(properties.Find("password_file"), nullptr);
  EXPECT_TRUE(properties.Find("password")->BoolOr("deprecated", false));
}

TEST(Schema, AStructSurvivesToValueAndBack) {
  Sample in;
  in.path = "/p";
  in.words = {"x"};
  in.limit = {(1U << 20U) + 1};
  in.wait = std::chrono::seconds(61) - std::chrono::seconds(2);
  in.level = -5;
  const auto out = Bind<Sample>(ToValue(in), "", "saved info");
  ASSERT_TRUE(out) << out.error().Render();
  EXPECT_EQ(out->path, in.path);
  EXPECT_EQ(out->words, in.words);
  EXPECT_EQ(out->limit, in.limit);
  EXPECT_EQ(out->wait, in.wait);
  EXPECT_EQ(out->level, in.level);
}

TEST(Durations, AreReadInAllTheirForms) {
  const std::map<std::string, std::int64_t> wanted{
      {"500ms", 500},      {"90s", 90'000},     {"90", 90'000},          {"10 min", 600'000},
      {"26h", 93'600'000}, {"1.5h", 5'400'000}, {"3 days", 259'200'000}, {"0", 0}};
  for (const auto& [text, ms] : wanted) {
    const auto parsed = ParseDuration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->count(), ms) << text;
  }
}

TEST(Durations, WhatIsNoneIsRefused) {
  for (const std::string_view text :
       {"", "s", "-1s", "1x", "1 2", "1..5s", "9999999999999999999d", "1e3s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(Durations, AreWrittenAsTheyAreRead) {
  for (const std::int64_t ms : {0, 1, 999, 1000, 90'000, 3'600'000, 86'400'000, 86'400'001}) {
    const auto back = ParseDuration(FormatDuration(milliseconds(ms)));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->count(), ms);
  }
}

TEST(Sizes, AreReadInAllTheirForms) {
  const std::map<std::string, std::uint64_t> wanted{
      {"512", 512},      {"8 MiB", 8U << 20U}, {"4GiB", 4ULL << 30U},
      {"1.5 KiB", 1536}, {"1 kB", 1000},       {"9007199254740993", 9007199254740993ULL}};
  for (const auto& [text, bytes] : wanted) {
    const auto parsed = ParseByteSize(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->bytes, bytes) << text;
  }
}

TEST(Sizes, WhatIsNoneIsRefused) {
  for (const std::string_view text : {"", "MiB", "-1", "8 MB/s", "1 2", "99999999999 TiB"}) {
    EXPECT_FALSE(ParseByteSize(text)) << text;
  }
}

TEST(Sizes, AreWrittenAsTheyAreRead) {
  for (const std::uint64_t bytes :
       {0ULL, 1ULL, 1023ULL, 1024ULL, 8ULL << 20U, (8ULL << 20U) + 1, 9007199254740993ULL}) {
    const auto back = ParseByteSize(FormatByteSize({bytes}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->bytes, bytes);
  }
}

TEST(Percentages, AreReadInAllTheirForms) {
  const std::map<std::string, double> wanted{
      {"10%", 10}, {"0.5 %", 0.5}, {"100%", 100}, {" 7 ", 7}};
  for (const auto& [text, percent] : wanted) {
    const auto parsed = ParsePercent(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->value, percent) << text;
  }
  EXPECT_EQ(FormatPercent({0.5}), "0.5%");
}

TEST(Percentages, WhatIsNoneIsRefused) {
  for (const std::string_view text :
       {"", "%", "0%", "-1%", "100.1%", "ten", "1%%", "nan", "10 per cent"}) {
    EXPECT_FALSE(ParsePercent(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
