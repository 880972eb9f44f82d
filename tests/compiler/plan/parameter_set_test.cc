#include "compiler/plan/parameter_set.h"

#include <gtest/gtest.h>

#include "compiler/plan/graph_file.h"
#include "plugins/sdk/json.h"

namespace holdfast::compiler {
namespace {

Field MakeField(std::string name, FieldType type) {
  Field field;
  field.name = std::move(name);
  field.type = type;
  field.description = "for the test";
  return field;
}

class Resolved : public ::testing::Test {
 protected:
  Resolved() {
    Schema& schema = plugin_.operation(Operation::kProtect).parameters;
    schema.fields.push_back(MakeField("mode", FieldType::kString));
    schema.fields.back().default_value = "fast";
    schema.fields.back().aliases = {"old_mode"};
    schema.fields.push_back(MakeField("wait", FieldType::kDuration));
    schema.fields.push_back(MakeField("list", FieldType::kStringList));
    schema.fields.push_back(MakeField("needed", FieldType::kString));
    schema.fields.back().required = true;
    schema.fields.push_back(MakeField("key", FieldType::kSecret));
    ResourceGraphBuilder builder;
    for (const char* id : {"a", "b", "b#c"})
      EXPECT_TRUE(builder.AddResource({{"T::N", id}, id, {}}));
    graph_ = std::move(*builder.Build());
  }

  // The parameters of a, b and b#c as JSON.
  std::vector<std::string> Resolve(const std::string& text) {
    const auto set = ParseParameters(text, "p.yaml");
    EXPECT_TRUE(set) << (set ? "" : set.error().Render());
    const auto values = ResolveParameters(*set, Operation::kProtect, graph_, {{"T::N", &plugin_}});
    EXPECT_TRUE(values) << (values ? "" : values.error().Render());
    std::vector<std::string> out;
    if (values) {
      for (const Value& value : *values) out.push_back(*DumpJson(value));
    }
    return out;
  }

  PluginDescriptor plugin_;
  ResourceGraph graph_;
};

TEST_F(Resolved, OwnOnesGoOverThoseOfTheTypeKeyByKey) {
  EXPECT_EQ(
      Resolve("T::N: {needed: x, wait: 90s, list: [a]}\nT::N#b: {wait: 1h, list: []}\n'T::N#b#c': "
              "{needed: 'y'}\n"),
      (std::vector<std::string>{R"({"list":["a"],"mode":"fast","needed":"x","wait":90000})",
                                R"({"list":[],"mode":"fast","needed":"x","wait":3600000})",
                                R"({"list":["a"],"mode":"fast","needed":"y","wait":90000})"}));
}

TEST_F(Resolved, AnotherNameOfTheSameFieldIsReplaced) {
  EXPECT_EQ(
      Resolve(
          "T::N: {needed: x, old_mode: slow, key_file: /k}\nT::N#b: {mode: best, key_env: K}\n"),
      (std::vector<std::string>{
          R"({"key":{"kind":"file","where":"/k"},"mode":"slow","needed":"x"})",
          R"({"key":{"kind":"env","where":"K"},"mode":"best","needed":"x"})",
          R"({"key":{"kind":"file","where":"/k"},"mode":"slow","needed":"x"})"}));
}

TEST_F(Resolved, ANullKeepsWhatTheTypeHas) {
  EXPECT_EQ(Resolve("T::N: {needed: x, wait: 1s}\nT::N#a: {wait: null}\nT::N#b:\n")[0],
            R"({"mode":"fast","needed":"x","wait":1000})");
}

TEST_F(Resolved, WhatIsRequiredMayComeFromTheResourcesOwn) {
  EXPECT_EQ(
      Resolve(
          "T::N: {wait: 1s}\nT::N#a: {needed: a}\nT::N#b: {needed: b}\n'T::N#b#c': {needed: c}\n")
          [2],
      R"({"mode":"fast","needed":"c","wait":1000})");
}

TEST_F(Resolved, ATypeWithoutPluginIsNamedOnce) {
  ResourceGraphBuilder builder;
  ASSERT_TRUE(builder.AddResource({{"T::Other", "1"}, "1", {}}));
  ASSERT_TRUE(builder.AddResource({{"T::Other", "2"}, "2", {}}));
  const auto values =
      ResolveParameters({}, Operation::kProtect, *builder.Build(), {{"T::N", &plugin_}});
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().Render(),
            "no plugin of the provider protects T::Other (such as T::Other#1)\n"
            "help: add a plugin for it to the provider file, or take it out of the graph");
}

TEST_F(Resolved, ATypeWithoutPluginIsFoundInTheGraphsFile) {
  const std::string_view yaml =
      "format: 1\nresources:\n- {type: 'T::N', id: a}\n- type: T::Other\n  id: b\n- {type: "
      "'T::Other', id: c}\n";
  const std::string_view lines =
      "{\"format\":1,\"resources\":2}\n{\"id\":\"a\",\"type\":\"T::N\"}\n{\"id\":\"b\",\"type\":"
      "\"T::Other\"}\n";
  for (const auto& [text, place] : {std::pair(yaml, "g:4:3: "), std::pair(lines, "g:3:1: ")}) {
    const auto graph = ReadGraph(text, "g");
    ASSERT_TRUE(graph) << graph.error().Render();
    const auto values = ResolveParameters(*ParseParameters("T::N: {needed: x}\n", "p"),
                                          Operation::kProtect, *graph, {{"T::N", &plugin_}});
    ASSERT_FALSE(values);
    EXPECT_EQ(
        values.error().Render(),
        place + std::string(
                    "no plugin of the provider protects T::Other (such as T::Other#b)\n"
                    "help: add a plugin for it to the provider file, or take it out of the graph"));
  }
}

}  // namespace
}  // namespace holdfast::compiler
