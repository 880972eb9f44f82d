// One resource more, one less, or another name: which of a large plan's files change, and by how much.
// A person reviews that difference, and git keeps it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "tests/compiler/any_plugin.h"

namespace holdfast::compiler {
namespace {

constexpr std::string_view kType = "Site::Node";

struct Entry {
  std::string id;
  std::string name;
  std::vector<std::string> parents;
  bool pre_finish = false;
};
using Site = std::vector<Entry>;

// Servers with volumes: 6,000 resources, 18,000 steps.
Site Servers(bool pre_finish) {
  Site site;
  for (int server = 0; server < 400; ++server) {
    const std::string id = fmt::format("server-{:04}", server);
    site.push_back({id, fmt::format("web {}", server), {}, pre_finish});
    for (int volume = 0; volume < 14; ++volume)
      site.push_back({fmt::format("{}-volume-{:02}", id, volume), "data", {id}, false});
  }
  return site;
}

Site Star() {
  Site site{{"top", "top", {}, true}};
  for (int i = 0; i < 5000; ++i)
    site.push_back({fmt::format("child-{:05}", i), fmt::format("child {}", i), {"top"}, false});
  return site;
}

// Servers that share networks: nothing is closed.
Site Shared() {
  Site site;
  for (int server = 0; server < 1500; ++server)
    site.push_back({fmt::format("server-{:04}", server), "web", {}, false});
  for (int network = 0; network < 40; ++network) {
    Entry entry{fmt::format("network-{:02}", network), "net", {}, false};
    for (int server = network; server < 1500; server += 13)
      entry.parents.push_back(fmt::format("server-{:04}", server));
    site.push_back(std::move(entry));
  }
  for (int server = 0; server < 1500; ++server) {
    const std::string id = fmt::format("server-{:04}", server);
    site.push_back({id + "-disk", "disk", {id}, false});
  }
  return site;
}

using Files = std::map<std::string, std::string>;
struct Compiled {
  Files children;  // by name, without the index
  std::string root;
  std::string index;
  std::set<std::string> shards;  // texts
};

Compiled CompileSite(const Site& site) {
  static const PluginDescriptor plugin = AnyPlugin(kType);
  ResourceGraphBuilder builder;
  std::set<std::string> pre_finish;
  for (const Entry& entry : site) {
    EXPECT_TRUE(builder.AddResource({{std::string(kType), entry.id}, entry.name, {}}));
    for (const std::string& parent : entry.parents)
      EXPECT_TRUE(builder.AddEdge({std::string(kType), parent}, {std::string(kType), entry.id}));
    if (entry.pre_finish) pre_finish.insert(entry.id);
  }
  CompileInput input;
  input.graph = builder.Build().value();
  for (const auto& node : input.graph.nodes()) {
    const bool has = pre_finish.contains(node.key.id);
    input.table.choices.push_back({StepChoice::Own(), has ? StepChoice::Own() : StepChoice::None(),
                                   StepChoice::Own(), StepChoice::Own()});
  }
  input.plan = Value().Set("name", "site");
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = "any";
  input.plugins[std::string(kType)] = &plugin;
  input.parameters.resize(input.graph.size());
  input.options.emit.tool_version = "test";
  auto compiled = Compile(input);
  EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().Render());
  Compiled out;
  if (!compiled) return out;
  out.root = std::move(compiled->text);
  for (EmittedFile& child : compiled->children)
    (child.name == "kustomization.yaml" ? out.index : out.children[child.name]) =
        std::move(child.text);
  for (auto& [name, text] : compiled->bundle.files) {
    if (name != "bundle.json") out.shards.insert(std::move(text));
  }
  return out;
}

std::multiset<std::string_view> LinesOf(std::string_view text) {
  std::multiset<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.insert(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Lines that only one of them has.
std::size_t DifferingLines(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  const auto of_a = LinesOf(a);
  const auto of_b = LinesOf(b);
  std::vector<std::string_view> lines;
  std::set_symmetric_difference(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                                std::back_inserter(lines));
  return lines.size();
}

struct Difference {
  std::size_t children = 0;  // child files changed, new or gone
  std::size_t shards = 0;    // new ones
  std::size_t root_lines = 0;
  std::size_t lines = 0;  // in all files that engines and people read
};

Difference Compare(const Compiled& before, const Compiled& after) {
  Difference out;
  std::set<std::string> names;
  for (const auto* files : {&before.children, &after.children}) {
    for (const auto& [name, text] : *files) names.insert(name);
  }
  const auto text_of = [](const Files& files, const std::string& name) -> std::string_view {
    const auto at = files.find(name);
    return at == files.end() ? std::string_view() : at->second;
  };
  for (const std::string& name : names) {
    const std::size_t lines =
        DifferingLines(text_of(before.children, name), text_of(after.children, name));
    out.lines += lines;
    out.children += lines == 0 ? 0 : 1;
  }
  out.root_lines = DifferingLines(before.root, after.root);
  out.lines += out.root_lines + DifferingLines(before.index, after.index);
  for (const std::string& shard : after.shards) out.shards += before.shards.contains(shard) ? 0 : 1;
  return out;
}

// HOLDFAST_LARGE_GRAPHS: there is time.
int Changes() { return std::getenv("HOLDFAST_LARGE_GRAPHS") == nullptr ? 2 : 12; }

// A change of one resource that has nothing below it.
void Change(Site& site, const std::string& what, std::size_t at) {
  Entry& entry = site[at];
  if (what == "renamed") entry.name = "another name";
  if (what == "added") {
    site.push_back({entry.id + "-new", "new", entry.parents, false});
  }
  if (what == "removed") site.erase(site.begin() + static_cast<std::ptrdiff_t>(at));
}

struct Shape {
  std::string name;
  Site (*make)();
};
class Stability : public ::testing::TestWithParam<Shape> {};

TEST_P(Stability, AChangedResourceChangesOnlyTheFilesThatItIsIn) {
  const Site site = GetParam().make();
  std::set<std::string> parents;
  for (const Entry& entry : site) parents.insert(entry.parents.begin(), entry.parents.end());
  std::vector<std::size_t> leaves;
  for (std::size_t i = 0; i < site.size(); ++i) {
    if (!parents.contains(site[i].id)) leaves.push_back(i);
  }
  const Compiled before = CompileSite(site);
  ASSERT_GE(before.children.size(), 20U);
  ASSERT_GE(before.shards.size(), 15U);
  std::mt19937 random(1);
  for (const char* const what : {"added", "removed", "renamed"}) {
    for (int i = 0; i < Changes(); ++i) {
      const std::size_t at = leaves[random() % leaves.size()];
      SCOPED_TRACE(fmt::format("{}: {}", what, site[at].id));
      Site changed = site;
      Change(changed, what, at);
      const Difference difference = Compare(before, CompileSite(changed));
      // Preparations and the rest may stand in two files.
      EXPECT_GE(difference.children, 1U);
      EXPECT_LE(difference.children, 2U);
      // Its steps', those of other names; what is above it knows it, too.
      EXPECT_GE(difference.shards, 1U);
      EXPECT_LE(difference.shards, 3 + site[at].parents.size());
      EXPECT_LE(difference.root_lines, 30U);
      // Its own tasks are 20 or so; the lists of targets of the templates that they are in are wrapped anew.
      EXPECT_LE(difference.lines, 250U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Stability,
                         ::testing::Values(Shape{"Servers", [] { return Servers(false); }},
                                           Shape{"ServersWithPreFinish",
                                                 [] { return Servers(true); }},
                                           Shape{"Star", Star}, Shape{"Shared", Shared}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::compiler
