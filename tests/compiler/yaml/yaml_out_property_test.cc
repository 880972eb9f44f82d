// What the writer wrote, the reader reads back equal: for any texts, keys and nesting.

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

void Append(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    out += static_cast<char>(0x80U | ((c >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

rc::Gen<std::uint32_t> CodePoint() {
  return rc::gen::weightedOneOf<std::uint32_t>({
      {6, rc::gen::inRange<std::uint32_t>(0x20, 0x7F)},
      {3, rc::gen::inRange<std::uint32_t>(0, 0x20)},
      {3,
       rc::gen::elementOf(std::vector<std::uint32_t>{'#', ':', '-', '\'', '"', '\\', '{', '}', '%',
                                                     '&', '*', '!', '|', '>', ' ', '\n', ','})},
      {3, rc::gen::inRange<std::uint32_t>(0x7F, 0xD800)},
      {2, rc::gen::elementOf(std::vector<std::uint32_t>{0x85, 0x2028, 0x2029, 0xFEFF, 0x202E,
                                                        0xFFFE, 0xFFFF, 0x10FFFF, 0x1F600})},
      {2, rc::gen::inRange<std::uint32_t>(0xE000, 0x110000)},
  });
}

rc::Gen<std::string> AnyText() {
  return rc::gen::map(rc::gen::container<std::vector<std::uint32_t>>(CodePoint()),
                      [](const std::vector<std::uint32_t>& points) {
                        std::string out;
                        for (const std::uint32_t c : points) Append(out, c);
                        return out;
                      });
}

Value MakeValue(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return {};
    case 1:
      return Value(*rc::gen::arbitrary<bool>());
    case 2:
      return Value(*rc::gen::arbitrary<std::int64_t>());
    case 3:
      return Value(static_cast<double>(*rc::gen::arbitrary<std::int32_t>()) / 64.0);
    case 6: {
      Value::List list;
      const int size = *rc::gen::inRange(0, 4);
      for (int i = 0; i < size; ++i) list.push_back(MakeValue(depth - 1));
      return list;
    }
    case 7: {
      Value::Map map;
      const int size = *rc::gen::inRange(0, 4);
      for (int i = 0; i < size; ++i) map.emplace(*AnyText(), MakeValue(depth - 1));
      return map;
    }
    default:
      return Value(*AnyText());
  }
}

RC_GTEST_PROP(YamlOutProperty, WhatIsWrittenIsReadBackEqual, ()) {
  const Value value = MakeValue(4);
  const bool flow = *rc::gen::arbitrary<bool>();
  YamlOut out;
  out.Comment(*AnyText());
  out.BeginMap();
  out.Key("before");
  out.Write(value, flow);
  out.Comment(*AnyText());
  out.Key(*rc::gen::suchThat(AnyText(),
                             [](const std::string& key) { return key != "before" && key != "x"; }));
  out.Write(value);
  out.CommentAtEnd(*AnyText());
  out.Key("x");
  out.Integer(1);
  out.EndMap();
  const auto text = out.Take();
  RC_ASSERT(text.has_value());
  const auto read = ParseYaml(*text, "f.yaml");
  if (!read) RC_FAIL(read.error().Render() + "\n" + *text);
  RC_ASSERT(*read->Find("before") == value);
  RC_ASSERT(read->AsMap().size() == 3U);
  for (const auto& [key, member] : read->AsMap()) {
    if (key != "x") RC_ASSERT(member == value);
  }
}

RC_GTEST_PROP(YamlOutProperty, AnyTextIsReadBackEqual, ()) {
  const std::string value = *AnyText();
  YamlOut out;
  out.Text(value);
  const auto text = out.Take();
  RC_ASSERT(text.has_value());
  const auto read = ParseYaml(*text, "f.yaml");
  if (!read) RC_FAIL(read.error().Render() + "\n" + *text);
  RC_ASSERT(read->is_string());
  RC_ASSERT(read->AsString() == value);
}

}  // namespace
}  // namespace holdfast::compiler
