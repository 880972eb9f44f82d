#include "compiler/yaml/yaml_out.h"

#include <gtest/gtest.h>

#include <string>

#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

std::string Written(YamlOut& out) {
  auto text = out.Take();
  EXPECT_TRUE(text) << (text ? "" : text.error().Render());
  return text ? *text : "";
}

std::string AsText(std::string_view text) {
  YamlOut out;
  out.Text(text);
  return Written(out);
}

TEST(YamlOut, WritesBlockMapsAndLists) {
  YamlOut out;
  out.Comment("head");
  out.BeginMap();
  out.Key("kind");
  out.Word("Workflow");
  out.Key("tasks");
  out.BeginList();
  out.Comment("first");
  out.BeginMap();
  out.Key("name");
  out.Text("a");
  out.Key("ref");
  out.BeginFlowMap();
  out.Key("name");
  out.Word("steps");
  out.Key("list");
  out.BeginFlowList();
  out.Integer(1);
  out.Bool(true);
  out.EndFlowList();
  out.EndFlowMap();
  out.EndMap();
  out.BeginList();
  out.Text("nested");
  out.EndList();
  out.EndList();
  out.Key("none");
  out.BeginMap();
  out.EndMap();
  out.Key("empty");
  out.BeginList();
  out.EndList();
  out.CommentAtEnd("nothing");
  out.EndMap();
  EXPECT_EQ(Written(out),
            "# head\n"
            "kind: Workflow\n"
            "tasks:\n"
            "# first\n"
            "- name: \"a\"\n"
            "  ref: {name: steps, list: [1, true]}\n"
            "- - \"nested\"\n"
            "none: {}\n"
            "empty: []  # nothing\n");
}

TEST(YamlOut, QuotesEveryText) {
  EXPECT_EQ(AsText("012"), "\"012\"\n");
  EXPECT_EQ(AsText("on"), "\"on\"\n");
  EXPECT_EQ(AsText("2024-01-01"), "\"2024-01-01\"\n");
  EXPECT_EQ(AsText(""), "\"\"\n");
}

TEST(YamlOut, EscapesWhatEndsLinesOrIsNotSeen) {
  EXPECT_EQ(AsText("a\"b\\c"), R"("a\"b\\c")"
                               "\n");
  EXPECT_EQ(AsText(std::string_view("\0\a\b\t\n\v\f\r\x1b\x01\x7f", 11)),
            R"("\0\a\b\t\n\v\f\r\e\x01\x7f")"
            "\n");
  EXPECT_EQ(AsText("\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xAE"), R"("\x85\xa0\u2028\u202e")"
                                                                "\n");
  EXPECT_EQ(AsText("\xEF\xBB\xBF\xEF\xBF\xBF\xF3\xA0\x80\x81"), R"("\ufeff\uffff\U000e0001")"
                                                                "\n");
  EXPECT_EQ(AsText("é 😀"), "\"é 😀\"\n");
}

TEST(YamlOut, QuotesKeysThatReadersWouldTakeForSomethingElse) {
  YamlOut out;
  out.BeginMap();
  for (const char* key : {"plain", "Yes", "~", "1", "a b", "null", "a-b", "- a", "{x"}) {
    out.Key(key);
    out.Null();
  }
  out.EndMap();
  EXPECT_EQ(Written(out),
            "plain: null\n\"Yes\": null\n\"~\": null\n\"1\": null\n\"a b\": null\n\"null\": null\n"
            "a-b: null\n\"- a\": null\n\"{x\": null\n");
}

TEST(YamlOut, KeepsCommentsOnOneLine) {
  YamlOut out;
  out.Comment(
      "a\nb: c\r\xE2\x80\xA8"
      "d\x1b[31m");
  out.BeginMap();
  out.Key("k");
  out.Text("v");
  out.EndMap();
  EXPECT_EQ(Written(out), "# a\\x0ab: c\\x0d\\xe2\\x80\\xa8d\\x1b[31m\nk: \"v\"\n");
}

TEST(YamlOut, FoldsLinesThatAreReadAsOne) {
  YamlOut out;
  out.BeginMap();
  out.Key("depends");
  out.Folded({"a.Succeeded", "&& !b.Daemoned", "&& (c.Failed || c.Errored)"});
  out.Key("after");
  out.Integer(1);
  out.EndMap();
  const std::string text = Written(out);
  EXPECT_EQ(
      text,
      "depends: >-\n  a.Succeeded\n  && !b.Daemoned\n  && (c.Failed || c.Errored)\nafter: 1\n");
  const auto value = ParseYaml(text, "f");
  ASSERT_TRUE(value) << value.error().Render();
  EXPECT_EQ(value->StringOr("depends", ""),
            "a.Succeeded && !b.Daemoned && (c.Failed || c.Errored)");
}

TEST(YamlOut, RefusesTextsThatAreNotUtf8) {
  YamlOut out;
  out.Text("a\xFF");
  const auto text = out.Take();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::kInvalidInput);
  out.Text("fine");
  EXPECT_EQ(Written(out), "\"fine\"\n");
}

TEST(YamlOut, WritesKeysOfAnyLength) {
  const std::string key(5000, 'k');
  YamlOut out;
  out.Write(Value().Set(key, Value().Set("inner", 1)).Set("z", Value::List{Value(1)}));
  const std::string text = Written(out);
  const auto value = ParseYaml(text, "f");
  ASSERT_TRUE(value) << value.error().Render();
  EXPECT_EQ(value->Find(key)->IntOr("inner", 0), 1);
}

}  // namespace
}  // namespace holdfast::compiler
