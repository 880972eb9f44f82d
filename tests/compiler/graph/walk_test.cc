#include "compiler/graph/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace holdfast::compiler {
namespace {

using ::testing::ElementsAre;

ResourceGraph Build(const std::vector<std::pair<ResourceKey, std::string>>& resources,
                    const std::vector<std::pair<ResourceKey, ResourceKey>>& edges) {
  ResourceGraphBuilder builder;
  for (const auto& [key, name] : resources) {
    EXPECT_TRUE(builder.AddResource({key, name, {}}).has_value());
  }
  for (const auto& [parent, child] : edges) EXPECT_TRUE(builder.AddEdge(parent, child).has_value());
  auto graph = builder.Build();
  EXPECT_TRUE(graph.has_value());
  return std::move(*graph);
}

const ResourceKey kServer{"OS::Nova::Server", "s1"};
const ResourceKey kVolume{"OS::Cinder::Volume", "v1"};
const ResourceKey kImage{"OS::Glance::Image", "i1"};

TEST(Label, IsTheLastPartOfTheTypeAndTheName) {
  EXPECT_EQ(LabelOf({kServer, "web-1", {}}), "server web-1");
  EXPECT_EQ(LabelOf({{"Local::SQLite::Database", "d"}, "", {}}), "database d");
  EXPECT_EQ(LabelOf({{"Plain", "d"}, "\x1b[2J", {}}), "plain \\x1b[2J");
}

TEST(Walk, VisitsSiblingsByTypeAndIdWhateverTheInput) {
  const auto graph = Build({{kVolume, "v"}, {kServer, "s"}, {kImage, "i"}},
                           {{kServer, kImage}, {kServer, kVolume}});
  const auto walk = WalkGraph(graph);
  ASSERT_TRUE(walk.has_value());
  std::vector<std::string> entered;
  for (const auto& event : walk->events) {
    if (event.enter) entered.push_back(graph.nodes()[event.node].name);
  }
  EXPECT_THAT(entered, ElementsAre("s", "v", "i"));
}

TEST(Walk, NamesTheCycleInUserNames) {
  const auto graph = Build({{kServer, "web-1"}, {kVolume, "data"}, {kImage, "base"}},
                           {{kServer, kVolume}, {kVolume, kServer}, {kImage, kServer}});
  const auto walk = WalkGraph(graph);
  ASSERT_FALSE(walk.has_value());
  EXPECT_EQ(walk.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(
      walk.error().message(),
      "resources depend on each other in a cycle: volume data -> server web-1 -> volume data");
}

TEST(Walk, CutsTheMiddleOutOfALongCycle) {
  std::vector<std::pair<ResourceKey, std::string>> resources;
  std::vector<std::pair<ResourceKey, ResourceKey>> edges;
  const auto key = [](int i) { return ResourceKey{"T::Node", std::to_string(1000 + i % 50)}; };
  for (int i = 0; i < 50; ++i) {
    resources.emplace_back(key(i), "n" + std::to_string(i));
    edges.emplace_back(key(i), key(i + 1));
  }
  EXPECT_EQ(
      WalkGraph(Build(resources, edges)).error().message(),
      "resources depend on each other in a cycle: node n0 -> node n1 -> node n2 -> node n3 -> "
      "node n4 -> node n5 -> node n6 -> node n7 -> node n8 -> node n9 -> node n10 -> node n11 "
      "-> ... (38 more) -> node n0");
}

TEST(Walk, PrintsHostileNamesSafely) {
  const auto graph = Build({{kServer, "a\x1b]0;x\x07\nb"}, {kVolume, "\xe2\x80\xaegpj"}},
                           {{kServer, kVolume}, {kVolume, kServer}});
  EXPECT_EQ(WalkGraph(graph).error().message(),
            "resources depend on each other in a cycle: volume \\xe2\\x80\\xaegpj -> server "
            "a\\x1b]0;x\\x07\\x0ab -> volume \\xe2\\x80\\xaegpj");
}

}  // namespace
}  // namespace holdfast::compiler
