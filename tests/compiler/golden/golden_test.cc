// Every folder of tests/golden is compiled and compared with what is expected there.
// HOLDFAST_UPDATE_GOLDEN=1 rewrites that; the diff is reviewed as code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "compiler/dag/essential_gates.h"
#include "golden_case.h"
#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"
#include "tests/compiler/emit/argo_simulation.h"

namespace holdfast::compiler {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(HOLDFAST_GOLDEN)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  std::string folder() const { return std::string(HOLDFAST_GOLDEN) + "/" + GetParam(); }

  std::map<std::string, std::string> Children() const {
    std::map<std::string, std::string> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder() + "/expected.children", error))
      files[entry.path().filename().string()] = ReadWhole(entry.path().string());
    return files;
  }

  CompiledWorkflow CompileCase(bool reversed = false) const {
    auto read = ReadGoldenCase(folder(), reversed);
    EXPECT_TRUE(read) << (read ? "" : read.error().Render());
    if (!read) return {};
    auto compiled = Compile(read->input);
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().Render());
    return compiled ? std::move(*compiled) : CompiledWorkflow{};
  }
};

TEST_P(Golden, IsWhatIsExpected) {
  const CompiledWorkflow compiled = CompileCase();
  ASSERT_FALSE(compiled.text.empty());
  const std::string workflow = folder() + "/expected.argo.yaml";
  const std::string bundle = folder() + "/expected.bundle";
  const std::string schedule = folder() + "/expected.schedule.yaml";
  const std::string children = folder() + "/expected.children";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(workflow, std::ios::binary) << compiled.text;
    if (!compiled.schedule.empty()) std::ofstream(schedule, std::ios::binary) << compiled.schedule;
    ASSERT_TRUE(WriteBundleFolder(bundle, compiled.bundle));
    fs::remove_all(children);
    if (!compiled.children.empty()) fs::create_directory(children);
    for (const EmittedFile& child : compiled.children)
      std::ofstream(children + "/" + child.name, std::ios::binary) << child.text;
  }
  EXPECT_EQ(compiled.text, ReadWhole(workflow));
  EXPECT_EQ(compiled.schedule, fs::exists(schedule) ? ReadWhole(schedule) : "");
  std::map<std::string, std::string> made;
  for (const EmittedFile& child : compiled.children) made[child.name] = child.text;
  EXPECT_EQ(made, Children());
  const auto expected = ReadBundleFolder(bundle);
  ASSERT_TRUE(expected) << expected.error().Render();
  EXPECT_EQ(compiled.bundle.files, expected->files);
  EXPECT_EQ(compiled.bundle.sha256, expected->sha256);
}

TEST_P(Golden, IsTheSameTwice) {
  const CompiledWorkflow first = CompileCase();
  const CompiledWorkflow second = CompileCase();
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.bundle.files, second.bundle.files);
}

TEST_P(Golden, DoesNotDependOnTheOrderOfItsInput) {
  const CompiledWorkflow forward = CompileCase();
  const CompiledWorkflow backward = CompileCase(true);
  EXPECT_EQ(forward.text, backward.text);
  EXPECT_EQ(forward.bundle.files, backward.bundle.files);
}

// What the file says, read by the local engine, is the DAG that it was made from.
TEST_P(Golden, ReadBackIsTheSameDag) {
  const auto read = ReadGoldenCase(folder(), false);
  ASSERT_TRUE(read);
  const CompiledWorkflow compiled = CompileCase();
  const auto workflow = ReadEmitted(compiled.text, compiled.children);
  ASSERT_TRUE(workflow) << workflow.error().Render();
  const auto loaded = LoadBundle(compiled.bundle);
  ASSERT_TRUE(loaded) << loaded.error().Render();

  const auto waits = WaitsOf(*workflow);
  std::size_t steps = 0;
  for (const local::Template& made : workflow->templates) {
    if (!made.dag || made.name == "end") continue;
    EXPECT_FALSE(made.dag->fail_fast);
    const auto& tasks = made.dag->tasks;
    std::set<std::string> targets;
    for (const std::uint32_t target : made.dag->targets) targets.insert(tasks[target].name);
    for (const local::Task& task : tasks) {
      if (task.when) continue;
      EXPECT_TRUE(targets.contains(task.name)) << task.name;
      if (task.name == "begin") {
        EXPECT_TRUE(task.depends.empty());
        continue;
      }
      const local::Template& called = workflow->templates[task.call.template_index];
      if (called.dag) {
        EXPECT_EQ(called.name, task.name);
        continue;
      }
      EXPECT_EQ(task.call.arguments.size(), made.document.empty() ? 0U : 1U)
          << "a child's have a run";
      ++steps;
      const BundleStep* step = loaded->FindStep(task.name);
      ASSERT_NE(step, nullptr) << task.name;
      // The gates of the file are gates of every activity of the step; and it waits for all that the
      // bundle says it comes after.
      for (const std::uint32_t gate : task.depends.RequiredSuccesses()) {
        if (tasks[gate].name == "begin" || tasks[gate].when) continue;
        for (const BundleActivity& activity : step->activities) {
          const bool has =
              std::any_of(activity.gates.begin(), activity.gates.end(), [&](const BundleGate& g) {
                return g.step == tasks[gate].name || g.step == step->name;
              });
          EXPECT_TRUE(has) << task.name << " has no gate " << tasks[gate].name;
        }
      }
      const std::set<std::string>& before = waits.at(task.name);
      for (const std::string& earlier : step->order)
        EXPECT_TRUE(before.contains(earlier)) << task.name << " after " << earlier;
      for (const BundleActivity& activity : step->activities) {
        for (const BundleGate& gate : activity.gates) {
          EXPECT_TRUE(gate.step == step->name || before.contains(gate.step))
              << task.name << " after its gate " << gate.step;
        }
      }
    }
  }
  EXPECT_EQ(steps, loaded->bundle.steps);
}

TEST_P(Golden, PassesArgosOwnSchema) {
  const char* schema = std::getenv("HOLDFAST_ARGO_SCHEMA");
  if (schema == nullptr || *schema == '\0')
    GTEST_SKIP() << "HOLDFAST_ARGO_SCHEMA does not name Argo's JSON schema";
  const std::string schedule = folder() + "/expected.schedule.yaml";
  std::string command = std::string("python3 '") + HOLDFAST_SCHEMA_CHECK + "' '" + schema + "' '" +
                        folder() + "/expected.argo.yaml'" +
                        (fs::exists(schedule) ? " '" + schedule + "'" : "");
  for (const auto& [name, text] : Children()) {
    if (name != "kustomization.yaml")
      command += " '" + folder() + "/expected.children/" + name + "'";
  }
  command += " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    said.append(buffer, got);
  const int status = pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << said;
  EXPECT_EQ(status, 0) << said;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(Cases()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace holdfast::compiler
