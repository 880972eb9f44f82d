#include "runtime/mistral/step_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "runtime/local/workflow_file.h"

namespace holdfast::mistral {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Golden(const std::string& name) {
  return std::string(HOLDFAST_TEST_GOLDEN) + "/" + name + "/expected";
}

std::vector<Definition> Definitions(const std::string& golden) {
  std::vector<local::SourceFile> files{*local::ReadSourceFile(Golden(golden) + ".mistral.yaml")};
  std::error_code error;
  const std::string folder = Golden(golden) + ".mistral.children";
  if (std::filesystem::is_directory(folder, error)) {
    auto children = *local::ReadTemplateFolder(folder);
    for (local::SourceFile& child : children) files.push_back(std::move(child));
  }
  return *ReadDefinitions(files);
}

LoadedBundle BundleOf(const std::string& golden) {
  return *LoadBundle(*ReadBundleFolder(Golden(golden) + ".bundle"));
}

std::vector<local::ListedStep> List(const std::string& golden) {
  const LoadedBundle bundle = BundleOf(golden);
  auto steps =
      ListSteps(Definitions(golden), bundle,
                {{{"bundle", "B"}, {"provider", "P"}, {"record", "old"}, {"fail-fast", "true"}},
                 "r1",
                 "/opt/holdfast-step"});
  if (!steps) ADD_FAILURE() << steps.error().Render();
  return steps ? *steps : std::vector<local::ListedStep>();
}

class OfGolden : public testing::TestWithParam<std::string> {};

// Whatever a step comes after by its bundle, directly or not, it comes after in the list.
TEST_P(OfGolden, StepsAreThoseOfTheBundleInItsOrder) {
  const LoadedBundle bundle = BundleOf(GetParam());
  const auto steps = List(GetParam());
  std::multiset<std::string> listed;
  std::multiset<std::string> meant;
  for (const local::ListedStep& step : steps) {
    if (bundle.FindStep(step.task) != nullptr) listed.insert(step.task);
  }
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleStep& step : shard.steps) meant.insert(step.name);
  }
  EXPECT_EQ(listed, meant);
  for (const local::ListedStep& step : steps) {
    const BundleStep* const of_bundle = bundle.FindStep(step.task);
    if (of_bundle == nullptr) continue;
    std::set<std::string> before;
    for (const std::size_t place : local::StepsBefore(steps, step.name))
      before.insert(steps[place].task);
    EXPECT_TRUE(before.contains("begin")) << step.name;
    for (const std::string& other : of_bundle->order)
      EXPECT_TRUE(before.contains(other)) << step.name << " does not come after " << other;
  }
  EXPECT_EQ(steps.front().task, "begin");
  EXPECT_EQ(steps.back().task, "end");
  EXPECT_TRUE(steps.back().exit_handler);
}

// A gate is named by its path, so that what is below a sub-workflow is found.
TEST_P(OfGolden, GatesAreSteps) {
  const auto steps = List(GetParam());
  std::set<std::string> paths;
  for (const local::ListedStep& step : steps) paths.insert(step.name);
  for (const local::ListedStep& step : steps) {
    for (const std::string& gate : step.gates)
      EXPECT_TRUE(paths.contains(gate)) << step.name << ": " << gate;
  }
}

INSTANTIATE_TEST_SUITE_P(, OfGolden,
                         testing::Values("diamond", "server_example", "child_workflows",
                                         "cut_templates", "leaf_fusion", "hostile_names",
                                         "restore_of_checkpoint", "delete_of_checkpoint"));

TEST(MistralSteps, HaveTheCommandOfTheSitesAction) {
  const auto steps = List("diamond");
  const auto begin = local::FindStep(steps, "begin");
  ASSERT_TRUE(begin);
  EXPECT_THAT(begin->command, ElementsAre("/opt/holdfast-step"));
  EXPECT_THAT(begin->args, ElementsAre("begin", "--run=r1", "--record=old", "--bundle=B",
                                       "--provider=P", "--fail-fast=true", "--partial="));
  const auto pre = local::FindStep(steps, "b-fe7b75c0-pre");
  ASSERT_TRUE(pre);
  EXPECT_THAT(pre->args, ElementsAre("run", "--run=r1", "--record=old", "--bundle=B",
                                     "--provider=P", "--step=b-fe7b75c0-pre"));
  EXPECT_THAT(pre->order, ElementsAre("a-bc37fcd6-pre"));
  EXPECT_THAT(pre->gates, ElementsAre("a-bc37fcd6-pre"));
  const auto end = local::FindStep(steps, "end");
  ASSERT_TRUE(end);
  EXPECT_THAT(end->args,
              ElementsAre("end", "--run=r1", "--record=old", "--bundle=B", "--provider=P"));
  EXPECT_THAT(end->gates, IsEmpty());
}

TEST(MistralSteps, OfASubWorkflowStandBelowTheTaskThatStartsIt) {
  const auto steps = List("child_workflows");
  const auto gate = local::FindStep(steps, "shop-7d3bee45-all.gate");
  ASSERT_TRUE(gate);
  EXPECT_THAT(gate->args.back(), HasSubstr("--step="));
  EXPECT_THAT(gate->order, ElementsAre("begin"));
}

TEST(MistralSteps, OfAWorkflowThatStartsItselfAreRefused) {
  auto definitions = Definitions("child_workflows");
  for (Definition& definition : definitions) {
    for (Task& task : definition.tasks) {
      if (!task.workflow.empty()) task.workflow = definition.name;
    }
  }
  const auto steps = ListSteps(definitions, BundleOf("child_workflows"), {});
  ASSERT_FALSE(steps);
  EXPECT_THAT(steps.error().Render(), HasSubstr("what it is a part of"));
  EXPECT_THAT(steps.error().Render(), HasSubstr("expected.mistral.yaml:"));
}

}  // namespace
}  // namespace holdfast::mistral
