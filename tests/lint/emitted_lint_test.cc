// What we write ourselves has no trap: every golden file, and the templates that come with us.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "plugins/sdk/file.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TEST_GOLDEN)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Said(const Findings& findings) {
  std::string said;
  for (const Finding& finding : findings)
    said += finding.trap + ": " + finding.error.Render() + "\n";
  return said;
}

class EmittedLint : public testing::TestWithParam<std::string> {};

TEST_P(EmittedLint, HasNoTrap) {
  const auto text =
      ReadFile(std::string(HOLDFAST_TEST_GOLDEN) + "/" + GetParam() + "/expected.argo.yaml");
  ASSERT_TRUE(text.has_value());
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEST_TEMPLATES);
  ASSERT_TRUE(templates.has_value());
  std::vector<local::SourceFile> files{{"expected.argo.yaml", *text}};
  if (const auto schedule = ReadFile(std::string(HOLDFAST_TEST_GOLDEN) + "/" + GetParam() +
                                     "/expected.argo.schedule.yaml")) {
    files.push_back({"expected.argo.schedule.yaml", *schedule});
  }
  const std::string children =
      std::string(HOLDFAST_TEST_GOLDEN) + "/" + GetParam() + "/expected.argo.children";
  if (std::filesystem::is_directory(children)) {
    const auto started = local::ReadTemplateFolder(children);
    ASSERT_TRUE(started.has_value());
    files.insert(files.end(), started->begin(), started->end());
  }
  EXPECT_EQ(Said(LintArgo(files, *templates)), "");
}

INSTANTIATE_TEST_SUITE_P(Golden, EmittedLint, testing::ValuesIn(CaseNames()),
                         [](const auto& info) { return info.param; });

// Servers that share networks are not closed: what is cut there is waited for by many.
TEST(EmittedLint, ALargeGraphThatIsNoTreeHasNoTrap) {
  using namespace compiler;
  ResourceGraphBuilder builder;
  const auto add = [&builder](const std::string& type, const std::string& id) {
    ASSERT_TRUE(builder.AddResource({{type, id}, id, {}}));
  };
  for (int i = 0; i < 5; ++i) add("T::Network", "n" + std::to_string(i));
  for (int i = 0; i < 600; ++i) {
    const std::string server = "s" + std::to_string(i);
    add("T::Server", server);
    for (const int network : {i % 5, (i + 1) % 5}) {
      ASSERT_TRUE(
          builder.AddEdge({"T::Server", server}, {"T::Network", "n" + std::to_string(network)}));
    }
    for (const char* const volume : {"-a", "-b"}) {
      add("T::Volume", server + volume);
      ASSERT_TRUE(builder.AddEdge({"T::Server", server}, {"T::Volume", server + volume}));
    }
  }
  PluginDescriptor plugin;
  plugin.name = "any";
  for (auto& operation : plugin.operations) operation.activities.fill(true);
  CompileInput input;
  input.graph = builder.Build().value();
  for (const auto& node : input.graph.nodes()) {
    const bool server = node.key.type == "T::Server";
    input.table.choices.push_back({StepChoice::Own(),
                                   server ? StepChoice::Own() : StepChoice::None(),
                                   StepChoice::Own(), StepChoice::Own()});
    input.plugins[node.key.type] = &plugin;
  }
  input.parameters.resize(input.graph.size());
  input.plan = Value().Set("name", "large");
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = "any";
  const auto compiled = Compile(input);
  ASSERT_TRUE(compiled.has_value()) << compiled.error().Render();
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEST_TEMPLATES);
  std::vector<local::SourceFile> files{{"large.yaml", compiled->text}};
  for (const EmittedFile& child : compiled->children) files.push_back({child.name, child.text});
  EXPECT_GT(files.size(), 3U) << "one object for all of it is too much";
  EXPECT_EQ(Said(LintArgo(files, *templates)), "");
}

// A CronWorkflow that calls no template of ours, as docs/how-to/review-in-git.md has it.
TEST(EmittedLint, TheDriftOfTheHowToHasNoTrap) {
  const auto page = ReadFile(HOLDFAST_TEST_HOW_TO "/review-in-git.md");
  ASSERT_TRUE(page.has_value());
  const std::string start = "cat > drift.yaml <<'END'\n";
  const std::size_t begin = page->find(start);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t from = begin + start.size();
  const std::string text = page->substr(from, page->find("\nEND\n", from) + 1 - from);
  EXPECT_EQ(Said(LintArgo({{"drift.yaml", text}}, {})), "");
}

TEST(EmittedLint, TheTemplatesHaveNoTrap) {
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEST_TEMPLATES);
  ASSERT_TRUE(templates.has_value());
  ASSERT_FALSE(templates->empty());
  EXPECT_EQ(Said(LintArgo(*templates, {})), "");
}

}  // namespace
}  // namespace holdfast::lint
