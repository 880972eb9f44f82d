#include "compiler/plan/graph_file.h"

#include <gtest/gtest.h>

#include "plugins/sdk/json.h"

namespace holdfast::compiler {
namespace {

ResourceGraph Sample() {
  ResourceGraphBuilder builder;
  EXPECT_TRUE(builder.AddResource({{"T::App", "shop"}, "The shop", {}}));
  EXPECT_TRUE(builder.AddResource({{"T::Dir", "o\"r\nders: #x"},
                                   "order \xE2\x80\xA8 files 😀",
                                   Value().Set("path", "/a b").Set("n", 12)}));
  EXPECT_TRUE(builder.AddResource({{"T::Dir", "012"}, "012", {}}));
  EXPECT_TRUE(builder.AddEdge({"T::App", "shop"}, {"T::Dir", "012"}));
  EXPECT_TRUE(builder.AddEdge({"T::App", "shop"}, {"T::Dir", "o\"r\nders: #x"},
                              Value().Set("device", "on")));
  auto graph = builder.Build();
  EXPECT_TRUE(graph);
  return std::move(*graph);
}

std::string AsJson(const ResourceGraph& graph) { return *DumpJson(GraphToValue(graph)); }

TEST(GraphFile, IsReadBackEqualInBothForms) {
  const ResourceGraph graph = Sample();
  const auto yaml = WriteGraphYaml(graph, "words\nof the top");
  ASSERT_TRUE(yaml);
  const auto from_yaml = ReadGraph(*yaml, "graph.yaml");
  ASSERT_TRUE(from_yaml) << from_yaml.error().Render();
  EXPECT_EQ(AsJson(*from_yaml), AsJson(graph));
  const auto lines = WriteGraphJsonLines(graph);
  ASSERT_TRUE(lines);
  const auto from_lines = ReadGraph(*lines, "graph.jsonl");
  ASSERT_TRUE(from_lines) << from_lines.error().Render();
  EXPECT_EQ(AsJson(*from_lines), AsJson(graph));
  const auto from_json = ReadGraph(AsJson(graph), "graph.json");
  ASSERT_TRUE(from_json) << from_json.error().Render();
  EXPECT_EQ(AsJson(*from_json), AsJson(graph));
}

TEST(GraphFile, IsForReaders) {
  ResourceGraphBuilder builder;
  ASSERT_TRUE(builder.AddResource({{"T::App", "shop"}, "The shop", {}}));
  ASSERT_TRUE(
      builder.AddResource({{"T::Dir", "orders"}, "order files", Value().Set("path", "/srv")}));
  ASSERT_TRUE(builder.AddEdge({"T::App", "shop"}, {"T::Dir", "orders"}));
  const auto yaml = WriteGraphYaml(*builder.Build(), "Plan shop.");
  ASSERT_TRUE(yaml);
  EXPECT_EQ(*yaml,
            "# Plan shop.\n"
            "# 2 resources, 1 edge, by type and id.\n"
            "format: 1\n"
            "resources:\n"
            "- type: \"T::App\"\n"
            "  id: \"shop\"\n"
            "  name: \"The shop\"\n"
            "  children:\n"
            "  - {type: \"T::Dir\", id: \"orders\"}  # order files\n"
            "- type: \"T::Dir\"\n"
            "  id: \"orders\"\n"
            "  name: \"order files\"\n"
            "  extra:\n"
            "    path: \"/srv\"\n");
}

TEST(GraphFile, KeepsWarningsSortedAndOnceInBothForms) {
  ResourceGraphBuilder builder;
  ASSERT_TRUE(builder.AddResource({{"T::App", "shop"}, "The shop", {}}));
  builder.AddWarning("listing T::Dir: \"no\"\n: #x");
  builder.AddWarning("a");
  builder.AddWarning("a");
  const auto graph = builder.Build();
  ASSERT_TRUE(graph);
  const std::vector<std::string> kept{"a", "listing T::Dir: \"no\"\n: #x"};
  EXPECT_EQ(graph->warnings(), kept);
  const auto yaml = WriteGraphYaml(*graph, "");
  ASSERT_TRUE(yaml);
  const auto from_yaml = ReadGraph(*yaml, "graph.yaml");
  ASSERT_TRUE(from_yaml) << from_yaml.error().Render();
  EXPECT_EQ(from_yaml->warnings(), kept);
  const auto lines = WriteGraphJsonLines(*graph);
  ASSERT_TRUE(lines);
  const auto from_lines = ReadGraph(*lines, "graph.jsonl");
  ASSERT_TRUE(from_lines) << from_lines.error().Render();
  EXPECT_EQ(from_lines->warnings(), kept);
}

TEST(GraphFile, OfNothingIsReadBack) {
  const ResourceGraph none;
  const auto yaml = WriteGraphYaml(none, "");
  ASSERT_TRUE(yaml);
  EXPECT_EQ(ReadGraph(*yaml, "f")->size(), 0U);
  const auto lines = WriteGraphJsonLines(none);
  ASSERT_TRUE(lines);
  EXPECT_EQ(ReadGraph(*lines, "f")->size(), 0U);
}

}  // namespace
}  // namespace holdfast::compiler
