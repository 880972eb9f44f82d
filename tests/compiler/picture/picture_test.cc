#include "compiler/picture/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "tests/compiler/dag/dag_text.h"

namespace holdfast::compiler {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Compares with a file of golden/. HOLDFAST_UPDATE_GOLDEN=1 rewrites it; the diff is reviewed.
void ExpectGolden(const std::string& actual, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(HOLDFAST_PICTURES) / name;
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
  }
  EXPECT_EQ(actual, ReadFile(path)) << name;
}

std::string Draw(std::string_view text, PictureFormat format, FuseMode fuse = FuseMode::kNone) {
  const DagCase c = ReadCase(text);
  const auto dag = BuildActivityDag(c.graph, c.table, fuse);
  EXPECT_TRUE(dag.has_value());
  return dag.has_value() ? DrawActivityDag(c.graph, *dag, format) : "";
}

constexpr std::string_view kServer =
    "server: pre par post > image network volume\n"
    "image: par\n"
    "network: par\n"
    "volume: pre par post\n";
constexpr std::string_view kApplication =
    "app: pre fin post > db dir other\n"
    "db: pre@group par post\n"
    "dir: pre@group par\n"
    "other: par post\n";

TEST(Picture, ResourceGraph) {
  const DagCase c = ReadCase(kServer);
  ExpectGolden(DrawResourceGraph(c.graph, PictureFormat::kDot), "server_resources.dot");
  ExpectGolden(DrawResourceGraph(c.graph, PictureFormat::kMermaid), "server_resources.mmd");
}

TEST(Picture, SpecificationsServerExample) {
  ExpectGolden(Draw(kServer, PictureFormat::kDot), "server_activities.dot");
  ExpectGolden(Draw(kServer, PictureFormat::kMermaid), "server_activities.mmd");
}

TEST(Picture, PreFinishAggregationAndFusion) {
  ExpectGolden(Draw(kApplication, PictureFormat::kDot, FuseMode::kLeaf),
               "application_activities.dot");
  ExpectGolden(Draw(kApplication, PictureFormat::kMermaid, FuseMode::kLeaf),
               "application_activities.mmd");
}

TEST(Picture, OfAnEmptyGraph) {
  EXPECT_EQ(DrawResourceGraph({}, PictureFormat::kMermaid), "flowchart TB\n");
}

ResourceGraph OneResource(const std::string& name) {
  ResourceGraphBuilder builder;
  EXPECT_TRUE(builder.AddResource({{"T::Node", "x"}, name, {}}).has_value());
  auto graph = builder.Build();
  EXPECT_TRUE(graph.has_value());
  return std::move(*graph);
}

std::string LineWith(const std::string& text, std::string_view what) {
  const auto at = text.find(what);
  if (at == std::string::npos) return "";
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST(HostileNames, StayInsideTheirDotString) {
  const auto draw = [](const std::string& name) {
    return LineWith(DrawResourceGraph(OneResource(name), PictureFormat::kDot), "r0");
  };
  EXPECT_EQ(draw("\"]; r0 -> evil; x [label=\""),
            R"(  r0 [label="node \"]; r0 -> evil; x [label=\""];)");
  EXPECT_EQ(draw("\\"), R"(  r0 [label="node \\"];)");
  EXPECT_EQ(draw("\\N &lt;b&gt;"), R"(  r0 [label="node \\N &amp;lt;b&amp;gt;"];)");
  EXPECT_EQ(draw("a\nb"), R"(  r0 [label="node a\\x0ab"];)");
  EXPECT_EQ(draw("<b>html</b>"), R"(  r0 [label="node <b>html</b>"];)");
}

TEST(HostileNames, StayInsideTheirMermaidString) {
  const auto draw = [](const std::string& name) {
    return LineWith(DrawResourceGraph(OneResource(name), PictureFormat::kMermaid), "r0");
  };
  EXPECT_EQ(draw("\"] --> evil"), "  r0[\"node #34;#93; --#62; evil\"]");
  EXPECT_EQ(draw("%%{init: {}}%%"), "  r0[\"node #37;#37;#123;init: #123;#125;#125;#37;#37;\"]");
  EXPECT_EQ(draw("`md` <img src=x> &amp; #35;\\n"),
            "  r0[\"node #96;md#96; #60;img src#61;x#62; #38;amp#59; #35;35#59;#92;n\"]");
}

TEST(HostileNames, AreCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "\xc3\xa4";
  std::string shown;
  for (int i = 0; i < 55; ++i) shown += "\xc3\xa4";
  EXPECT_EQ(LineWith(DrawResourceGraph(OneResource(name), PictureFormat::kDot), "r0"),
            "  r0 [label=\"node " + shown + "...\"];");
}

// Graphviz itself reads what we write, names of every printable kind included.
TEST(HostileNames, AreReadByGraphviz) {
  if (std::system("dot -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "graphviz is not installed";
  const std::string dot = DrawResourceGraph(
      OneResource("\"]; subgraph x { \\N & <b> ' \xe2\x82\xac /* // #"), PictureFormat::kDot);
  std::string folder = std::filesystem::temp_directory_path() / "holdfast-picture-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/graph.dot", std::ios::binary) << dot;
  EXPECT_EQ(std::system(("dot -Tsvg -o '" + folder + "/graph.svg' '" + folder + "/graph.dot' 2>'" +
                         folder + "/errors'")
                            .c_str()),
            0);
  EXPECT_EQ(ReadFile(folder + "/errors"), "");
  const std::string svg = ReadFile(folder + "/graph.svg");
  EXPECT_THAT(
      svg, HasSubstr("node &quot;]; subgraph x { \\N &amp; &lt;b&gt; &#39; \xe2\x82\xac /* // #"));
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::compiler
