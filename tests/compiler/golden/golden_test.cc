// Every folder of tests/golden is compiled and compared with what is expected there.
// HOLDFAST_UPDATE_GOLDEN=1 rewrites that; the diff is reviewed as code.

#include <gmock/gmock.h>
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
#include "compiler/emit/engine_emitter.h"
#include "golden_case.h"
#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"
#include "runtime/verify/argo_form.h"
#include "runtime/verify/proof.h"
#include "runtime/verify/schedule_form.h"
#include "tests/compiler/emit/argo_simulation.h"
#include "tests/compiler/emit/read_run.h"

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

  std::string Expected(const std::string& engine, const std::string& what) const {
    return folder() + "/expected." + engine + "." + what;
  }

  std::map<std::string, std::string> Children(const std::string& engine) const {
    std::map<std::string, std::string> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(Expected(engine, "children"), error))
      files[entry.path().filename().string()] = ReadWhole(entry.path().string());
    return files;
  }

  Result<CompiledWorkflow> TryCompile(const std::string& engine, bool reversed = false) const {
    auto read = ReadGoldenCase(folder(), reversed);
    EXPECT_TRUE(read) << (read ? "" : read.error().Render());
    if (!read) return CompiledWorkflow{};
    read->input.options.engine = engine;
    return Compile(read->input);
  }

  CompiledWorkflow CompileCase() const {
    auto compiled = TryCompile("argo");
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().Render());
    return compiled ? std::move(*compiled) : CompiledWorkflow{};
  }

  void Update(const std::string& engine, const Result<CompiledWorkflow>& compiled) const {
    for (const char* const what : {"yaml", "schedule.yaml", "children", "error"})
      fs::remove_all(Expected(engine, what));
    const auto write = [](const std::string& path, const std::string& text) {
      if (!text.empty()) std::ofstream(path, std::ios::binary) << text;
    };
    if (!compiled) return write(Expected(engine, "error"), compiled.error().Render() + "\n");
    write(Expected(engine, "yaml"), compiled->text);
    write(Expected(engine, "schedule.yaml"), compiled->schedule);
    const std::string children = Expected(engine, "children");
    if (!compiled->children.empty()) fs::create_directory(children);
    for (const EmittedFile& child : compiled->children)
      write(children + "/" + child.name, child.text);
    EXPECT_TRUE(WriteBundleFolder(folder() + "/expected.bundle", compiled->bundle));
  }
};

// Of every engine: the files, and one bundle for all of them. What an engine cannot do is refused in so many words.
TEST_P(Golden, IsWhatIsExpected) {
  const auto expected = [&](const std::string& path) {
    return fs::exists(path) ? ReadWhole(path) : std::string();
  };
  for (const std::string& engine : EngineNames()) {
    SCOPED_TRACE(engine);
    const auto compiled = TryCompile(engine);
    if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) Update(engine, compiled);
    EXPECT_EQ(compiled ? "" : compiled.error().Render() + "\n",
              expected(Expected(engine, "error")));
    EXPECT_EQ(compiled ? compiled->text : "", expected(Expected(engine, "yaml")));
    if (!compiled) continue;
    EXPECT_EQ(compiled->schedule, expected(Expected(engine, "schedule.yaml")));
    std::map<std::string, std::string> made;
    for (const EmittedFile& child : compiled->children) made[child.name] = child.text;
    EXPECT_EQ(made, Children(engine));
    const auto bundle = ReadBundleFolder(folder() + "/expected.bundle");
    ASSERT_TRUE(bundle) << bundle.error().Render();
    EXPECT_EQ(compiled->bundle.files, bundle->files);
    EXPECT_EQ(compiled->bundle.sha256, bundle->sha256);
  }
}

TEST_P(Golden, IsTheSameAgainWhateverTheOrderOfItsInput) {
  for (const std::string& engine : EngineNames()) {
    SCOPED_TRACE(engine);
    const auto first = TryCompile(engine);
    for (const bool reversed : {false, true}) {
      const auto second = TryCompile(engine, reversed);
      ASSERT_EQ(first.has_value(), second.has_value());
      if (!first) continue;
      EXPECT_EQ(first->text, second->text);
      EXPECT_EQ(first->bundle.files, second->bundle.files);
    }
  }
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

// One bundle, several engines: read back, each one's files do what it says, and so the same.
TEST_P(Golden, EveryEnginesFilesDoWhatTheBundleSays) {
  for (const std::string& engine : EngineNames()) {
    SCOPED_TRACE(engine);
    const auto compiled = TryCompile(engine);
    if (!compiled) continue;
    const auto run = ReadRun(engine, *compiled);
    ASSERT_TRUE(run) << run.error().Render();
    const LoadedBundle loaded = *LoadBundle(compiled->bundle);
    const Bundle& bundle = loaded.bundle;
    const verify::Proof proof = verify::Prove(loaded, *run);
    EXPECT_THAT(proof.faults, ::testing::IsEmpty());
    EXPECT_EQ(proof.steps, compiled->steps);
    if (run->groups.size() == 1) {
      EXPECT_EQ(proof.added, 0U);
    }
    if (engine == "argo") {
      std::vector<local::ParsedFile> files{local::ParseFile({"emitted.yaml", compiled->text})};
      for (const EmittedFile& child : compiled->children)
        files.push_back(local::ParseFile({child.name, child.text}));
      EXPECT_THAT(verify::FormFaults(files, bundle), ::testing::IsEmpty());
    }
    if (compiled->schedule.empty()) continue;
    EXPECT_THAT(
        verify::ScheduleFaults(
            local::ParseFile({"emitted.schedule.yaml", compiled->schedule}),
            engine == "argo" ? verify::ScheduleEngine::kArgo : verify::ScheduleEngine::kMistral,
            bundle),
        ::testing::IsEmpty());
  }
}

TEST_P(Golden, PassesArgosOwnSchema) {
  const char* schema = std::getenv("HOLDFAST_ARGO_SCHEMA");
  if (schema == nullptr || *schema == '\0')
    GTEST_SKIP() << "HOLDFAST_ARGO_SCHEMA does not name Argo's JSON schema";
  const std::string schedule = Expected("argo", "schedule.yaml");
  std::string command = std::string("python3 '") + HOLDFAST_SCHEMA_CHECK + "' '" + schema + "' '" +
                        Expected("argo", "yaml") + "'" +
                        (fs::exists(schedule) ? " '" + schedule + "'" : "");
  for (const auto& [name, text] : Children("argo")) {
    if (name != "kustomization.yaml")
      command += " '" + Expected("argo", "children") + "/" + name + "'";
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
