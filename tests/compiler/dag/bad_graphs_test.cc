// Every folder of bad_graphs/ holds a graph.yaml that must be refused, and expected.err: the exact
// text. HOLDFAST_UPDATE_GOLDEN=1 rewrites the texts; the diff is reviewed as code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(HOLDFAST_BAD_GRAPHS)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The error of reading the graph and building its DAG, every resource with all activities.
std::string ErrorOf(const std::string& text) {
  const auto value = ParseYaml(text, "graph.yaml");
  if (!value.has_value()) return value.error().Render();
  const auto graph = GraphFromValue(*value, "graph.yaml");
  if (!graph.has_value()) return graph.error().Render();
  ActivityTable table;
  table.choices.assign(
      graph->size(), {StepChoice::Own(), StepChoice::Own(), StepChoice::Own(), StepChoice::Own()});
  const auto dag = BuildActivityDag(*graph, table, FuseMode::kNone);
  return dag.has_value() ? "no error" : dag.error().Render();
}

class BadGraph : public ::testing::TestWithParam<std::string> {};

TEST_P(BadGraph, IsRefusedWithItsText) {
  const fs::path folder = fs::path(HOLDFAST_BAD_GRAPHS) / GetParam();
  const std::string actual = ErrorOf(ReadFile(folder / "graph.yaml")) + "\n";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(folder / "expected.err", std::ios::binary) << actual;
  }
  EXPECT_NE(actual, "no error\n");
  EXPECT_EQ(actual, ReadFile(folder / "expected.err"));
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadGraph, ::testing::ValuesIn(Cases()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace holdfast::compiler
