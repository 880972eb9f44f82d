// The plugin of docs/how-to/write-a-plugin.md does what the document says, also when it is killed;
// and the document shows this very code.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/provider.h"
#include "tests/plugins/activity_harness.h"
#include "tests/plugins/sample_plugin/file_protection.h"
#include "tests/plugins/sample_plugin/register.h"

namespace holdfast::plugins::sample {
namespace {

using namespace testing_plugins;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class SamplePlugin : public testing::Test {
 protected:
  SamplePlugin() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    fs::create_directory(folder_ / "data");
    path_ = folder_ / "data/letter";
    Write(path_, std::string(3U << 20U, 'x') + "end");
    chmod(path_.c_str(), 0640);
    file_.key = {"Sample::File", path_};
    file_.name = "letter";
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string Read(const std::string& path) {
    auto text = ReadFile(path);
    return text ? *text : "(" + text.error().message() + ")";
  }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), file_, parameters);
  }
  Status RunAll(MemoryCheckpoint&& checkpoint, const Value& parameters = {}) {
    return RunAllActivities(*plugin_, checkpoint, context_.context(), file_, parameters);
  }
  void MustProtect() {
    const Status status = RunAll(MemoryCheckpoint(*bank_, "c1"));
    ASSERT_TRUE(status.has_value()) << status.error().Render();
  }
  MemoryCheckpoint Later(Operation operation) {
    return MemoryCheckpoint(*bank_, operation, "c1", "r1");
  }
  // What is in the data folder beside the file: nothing, unless something half-made was left.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / "data")) {
      if (entry.path() != path_) out.push_back(entry.path().filename());
    }
    return out;
  }

  TempFolder folder_;
  TestContext context_;
  std::unique_ptr<Bank> bank_;
  std::unique_ptr<ProtectionPlugin> plugin_ = MakePlugin<FileProtection>();
  Resource file_;
  std::string path_;
};

TEST_F(SamplePlugin, RegistersAndIsFoundByAProvider) {
  PluginRegistry registry;
  Register(registry);
  ASSERT_TRUE(registry.status().has_value()) << registry.status().error().Render();
  ASSERT_NE(registry.FindProtection("sample-file"), nullptr);
  const ProtectableEntry* const lister = registry.FindProtectable("Sample::File");
  ASSERT_NE(lister, nullptr);
  auto checked =
      CheckAgainstSchema(lister->descriptor.settings,
                         Value().Set("files", Value::List{Value(path_)}), "a.conf", "settings");
  auto made = lister->make(*checked);
  ASSERT_TRUE(made.has_value());
  const auto files = (*made)->List(context_.context());
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(files->front().key, file_.key);
  fs::remove(path_);
  EXPECT_FALSE((*made)->List(context_.context()).has_value());
}

TEST_F(SamplePlugin, ProtectsWhatTheFileHeldInPre) {
  const std::string before = Read(path_);
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre).has_value());
  Write(path_, "written while it is copied");
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kParallel).has_value());
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost).has_value());
  EXPECT_THAT(Leftovers(), ElementsAre());
  EXPECT_TRUE(RunAll(Later(Operation::kVerify)).has_value());
  ASSERT_TRUE(RunAll(Later(Operation::kRestore), Value().Set("overwrite", true)).has_value());
  EXPECT_EQ(Read(path_), before);
  struct stat state {};
  ASSERT_EQ(stat(path_.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 07777, 0640U);
}

TEST_F(SamplePlugin, RefusesToReplaceWhatIsThere) {
  MustProtect();
  const Status refused = RunAll(Later(Operation::kRestore));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().hint(), HasSubstr("overwrite: true"));
}

TEST_F(SamplePlugin, RestoresToSomewhereElseAndSaysWhere) {
  MustProtect();
  const std::string other = folder_ / "other";
  ASSERT_TRUE(RunAll(Later(Operation::kRestore), Value().Set("path", other)).has_value());
  EXPECT_EQ(Read(other), Read(path_));
  EXPECT_EQ(Later(Operation::kRestore).NewResource(file_.key).value(),
            (ResourceKey{"Sample::File", other}));
}

TEST_F(SamplePlugin, DeletesItsData) {
  MustProtect();
  ASSERT_TRUE(RunAll(Later(Operation::kDelete)).has_value());
  EXPECT_EQ(MemoryCheckpoint(*bank_, "c1").StoredObjects(file_), 0U);
}

TEST_F(SamplePlugin, WaitsForTheLockByYielding) {
  Write(path_ + ".lock", "");
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const auto checked =
      CheckAgainstSchema(plugin_->descriptor().operation(Operation::kProtect).parameters,
                         Value().Set("wait_for_lock", true), "plan.yaml", "parameters");
  const Parameters parameters({{file_.key, *checked}});
  Activity activity = plugin_->Start(Operation::kProtect, ActivityKind::kPre, checkpoint,
                                     context_.context(), std::span(&file_, 1), parameters);
  EXPECT_FALSE(activity.Resume());
  EXPECT_EQ(activity.progress().what, "waiting for the lock");
  fs::remove(path_ + ".lock");
  ASSERT_TRUE(activity.Resume());
  EXPECT_TRUE(activity.TakeOutcome().has_value());
}

TEST_F(SamplePlugin, WithoutStagingThereAreNoPreAndPost) {
  using enum ActivityKind;
  const Value parameters = Value().Set("stage", false);
  const auto choose = [&](Operation operation, ActivityKind kind) {
    return plugin_->Choose(operation, kind, file_, parameters).value();
  };
  EXPECT_EQ(choose(Operation::kProtect, kPre), StepChoice::None());
  EXPECT_EQ(choose(Operation::kProtect, kPost), StepChoice::None());
  EXPECT_EQ(choose(Operation::kProtect, kParallel), StepChoice::Own());
  EXPECT_EQ(choose(Operation::kRestore, kPre), StepChoice::Own());
  ASSERT_TRUE(RunAll(MemoryCheckpoint(*bank_, "c1"), parameters).has_value());
  EXPECT_TRUE(RunAll(Later(Operation::kVerify)).has_value());
}

TEST_F(SamplePlugin, ThePreflightSeesAFileThatIsGone) {
  EXPECT_TRUE(plugin_->Check(context_.context(), file_, {}).empty());
  fs::remove(path_);
  const auto problems = plugin_->Check(context_.context(), file_, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].code(), ErrorCode::kNotFound);
}

TEST_F(SamplePlugin, ARelativePathIsAFaultBeforeAndWhenItRuns) {
  const Value relative = Value().Set("path", "letter");
  EXPECT_EQ(FaultsOf(*plugin_, Operation::kRestore, file_, relative),
            "path: path 'letter' is not absolute\n");
  EXPECT_EQ(FaultsOf(*plugin_, Operation::kRestore, file_, Value().Set("path", path_)), "");
  MustProtect();
  const Status refused = RunAll(Later(Operation::kRestore), relative);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(), "path 'letter' is not absolute");
}

TEST_F(SamplePlugin, APreThatFailsLeavesNothing) {
  fs::remove(path_);
  EXPECT_FALSE(RunAll(MemoryCheckpoint(*bank_, "c1")).has_value());
  EXPECT_THAT(Leftovers(), ElementsAre());
}

class SampleKilled : public SamplePlugin, public testing::WithParamInterface<const char*> {};

TEST_P(SampleKilled, AndRunAgainEndsInTheSameState) {
  const bool restores = std::string(GetParam()).find("restore") != std::string::npos;
  const std::string before = Read(path_);
  if (restores) {
    MustProtect();
    Write(path_, "damaged");
  }
  const auto attempt = [&] {
    return restores ? RunAll(Later(Operation::kRestore), Value().Set("overwrite", true))
                    : RunAll(MemoryCheckpoint(*bank_, "c1"));
  };
  ASSERT_TRUE(RunInChild(GetParam(), attempt).killed);
  ASSERT_EQ(RunInChild("", attempt).exit_code, 0);
  EXPECT_THAT(Leftovers(), ElementsAre());
  if (!restores) {
    ASSERT_TRUE(RunAll(Later(Operation::kRestore), Value().Set("overwrite", true)).has_value());
  }
  EXPECT_EQ(Read(path_), before);
}

TEST_P(SampleKilled, AndNotRunAgainItsPostLeavesNothing) {
  const bool restores = std::string(GetParam()).find("restore") != std::string::npos;
  if (restores) MustProtect();
  const auto checkpoint = [&] {
    return restores ? Later(Operation::kRestore) : MemoryCheckpoint(*bank_, "c1");
  };
  ASSERT_TRUE(RunInChild(GetParam(), [&] {
                return RunAll(checkpoint(), restores ? Value().Set("overwrite", true) : Value());
              }).killed);
  MemoryCheckpoint later = checkpoint();  // as `end` does
  ASSERT_TRUE(Run(later, ActivityKind::kPost).has_value());
  EXPECT_THAT(Leftovers(), ElementsAre());
}

INSTANTIATE_TEST_SUITE_P(At, SampleKilled,
                         testing::Values("sample:intended", "sample:staged", "sample:streamed",
                                         "sample:cleaned", "sample:restore-written",
                                         "sample:restore-renamed"),
                         [](const auto& info) {
                           std::string name = info.param + 7;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// --- the document ---------------------------------------------------------------------------------------

// Every ```cpp block of the how-to stands in the sample's files, or below `// ...` lines in parts.
TEST(HowToWriteAPlugin, ShowsTheCodeThatIsCompiledHere) {
  std::string code;
  for (const auto& entry : fs::directory_iterator(HOLDFAST_SAMPLE_FOLDER)) {
    const auto text = ReadFile(entry.path().string());
    ASSERT_TRUE(text.has_value());
    code += *text;
  }
  const auto how_to = ReadFile(HOLDFAST_HOW_TO);
  ASSERT_TRUE(how_to.has_value()) << how_to.error().Render();
  std::istringstream document(*how_to);
  std::string part;
  bool inside = false;
  int parts = 0;
  const auto check = [&] {
    if (part.empty()) return;
    EXPECT_THAT(code, HasSubstr(part));
    ++parts;
    part.clear();
  };
  for (std::string line; std::getline(document, line);) {
    if (line == "```cpp") {
      inside = true;
    } else if (line == "```" && inside) {
      inside = false;
      check();
    } else if (inside && line.find("// ...") != std::string::npos) {
      check();
    } else if (inside) {
      part += line + "\n";
    }
  }
  EXPECT_GT(parts, 5);
}

}  // namespace
}  // namespace holdfast::plugins::sample
