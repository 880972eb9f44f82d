// Every NAME.yaml of tests/bad_input/{plans,graphs,parameters} must be refused with the exact text of
// NAME.err. HOLDFAST_UPDATE_GOLDEN=1 rewrites the texts; the diff is reviewed as code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/plan/graph_file.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/exit_code.h"

namespace holdfast::compiler {
namespace {

namespace fs = std::filesystem;

std::string ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const char* folder : {"plans", "graphs", "parameters"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(HOLDFAST_BAD_INPUT) / folder)) {
      if (entry.path().extension() == ".yaml")
        names.push_back(std::string(folder) + "/" + entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Field MakeField(std::string name, FieldType type, std::string description) {
  Field field;
  field.name = std::move(name);
  field.type = type;
  field.description = std::move(description);
  return field;
}

// A plugin with one parameter of each sort, for two directories and nothing else.
Status CheckParameters(const std::string& text) {
  PluginDescriptor plugin;
  plugin.name = "local-directory";
  Schema& schema = plugin.operation(Operation::kRestore).parameters;
  schema.fields.push_back(MakeField("target", FieldType::kString, "where the directory is put"));
  schema.fields.back().required = true;
  schema.fields.push_back(
      MakeField("existing", FieldType::kString, "what happens to files that are there"));
  schema.fields.back().one_of = {"keep", "replace"};
  schema.fields.push_back(MakeField("overwrite", FieldType::kBoolean, "over what is there"));
  schema.fields.push_back(MakeField("timeout", FieldType::kDuration, "how long it may take"));
  schema.fields.back().maximum = 3'600'000;
  schema.fields.push_back(MakeField("password", FieldType::kSecret, "the key of the archive"));
  PluginDescriptor database;
  database.name = "local-sqlite";
  ResourceGraphBuilder builder;
  for (const char* id : {"orders", "pictures"}) {
    HOLDFAST_RETURN_IF_ERROR(builder.AddResource({{"Local::Directory", id}, id, {}}));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, builder.Build());
  HOLDFAST_ASSIGN_OR_RETURN(const ParameterSet parameters, ParseParameters(text, "restore.yaml"));
  const PluginsByType plugins{{"Local::Directory", &plugin},
                              {"Local::SQLite::Database", &database}};
  HOLDFAST_ASSIGN_OR_RETURN(const auto resolved,
                            ResolveParameters(parameters, Operation::kRestore, graph, plugins));
  return Ok();
}

Status Check(const std::string& folder, const std::string& text) {
  if (folder == "plans") {
    HOLDFAST_ASSIGN_OR_RETURN(const Plan plan, ParsePlan(text, "plan.yaml"));
  } else if (folder == "graphs") {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, ReadGraph(text, "graph.yaml"));
  } else {
    return CheckParameters(text);
  }
  return Ok();
}

class BadInput : public ::testing::TestWithParam<std::string> {};

TEST_P(BadInput, IsRefusedWithItsText) {
  const fs::path base = fs::path(HOLDFAST_BAD_INPUT) / GetParam();
  const std::string folder = base.parent_path().filename().string();
  const Status status = Check(folder, ReadWhole(base.string() + ".yaml"));
  ASSERT_FALSE(status) << "was not refused";
  EXPECT_EQ(ExitCodeOf(status.error().code()), ExitCode::kInvalidInput);
  const std::string actual = status.error().Render() + "\n";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(base.string() + ".err", std::ios::binary) << actual;
  }
  EXPECT_EQ(actual, ReadWhole(base.string() + ".err"));
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadInput, ::testing::ValuesIn(Cases()), [](const auto& param) {
  std::string name = param.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

}  // namespace
}  // namespace holdfast::compiler
