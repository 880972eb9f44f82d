#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compiler/emit/engine_emitter.h"
#include "tests/compiler/emit/argo_simulation.h"
#include "tests/compiler/emit/loose_steps.h"

namespace holdfast::compiler {
namespace {

using local::Phase;
using ::testing::HasSubstr;

Result<std::string> Emit(const EngineWorkflow& workflow, std::uint32_t max_tasks = 1500,
                         WorkflowKind kind = WorkflowKind::kWorkflow) {
  const auto emitter = MakeEngineEmitter("argo");
  HOLDFAST_ASSIGN_OR_RETURN(EmittedWorkflow emitted,
                            (*emitter)->Emit(workflow, {kind, 200, max_tasks, "holdfast test"}));
  return std::move(emitted.text);
}

TEST(EngineEmitters, NamesWhatThereIs) {
  const auto emitter = MakeEngineEmitter("arog");
  ASSERT_FALSE(emitter);
  EXPECT_EQ(emitter.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(emitter.error().Render(),
            "nothing can be compiled for an engine 'arog'\nhelp: did you mean 'argo'?");
}

TEST(ArgoEmitter, TakesWhatOneWorkflowObjectMayHave) {
  EXPECT_TRUE(Emit(WorkflowOf(1200)));
  for (const auto& [steps, why] : {std::pair{1500, "1501 tasks in 2 templates"},
                                   {1450, "1451 tasks in 2 templates and comes "}}) {
    const auto refused = Emit(WorkflowOf(static_cast<std::size_t>(steps)));
    ASSERT_FALSE(refused) << steps;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(refused.error().Render(), HasSubstr(why));
  }
  // Whoever allows more has no cluster in mind.
  EXPECT_TRUE(Emit(WorkflowOf(1500), 1501));
}

TEST(ArgoEmitter, WritesTheShortFormBeyondFourAndSaysSoOnce) {
  EngineWorkflow workflow = WorkflowOf(6);
  for (std::uint32_t i = 0; i < 4; ++i) workflow.groups[0].items[5].finished.push_back(i);
  EXPECT_THAT(*Emit(workflow), ::testing::Not(HasSubstr("Daemoned")));
  workflow.groups[0].items[5].finished.push_back(4);
  const std::string text = *Emit(workflow);
  EXPECT_THAT(text, HasSubstr("&& !s4-aaaaaaaa-pre.Daemoned"));
  EXPECT_THAT(text, HasSubstr("# '!x.Daemoned' in depends means"));
}

TEST(ArgoEmitter, KeepsCommentsOnOneLine) {
  EngineWorkflow workflow = WorkflowOf(1);
  workflow.head = {"plan\nkind: Evil"};
  workflow.steps[0].comment = "pre of x\n      - name: evil\r\xE2\x80\xA8{{workflow.name}}";
  const std::string text = *Emit(workflow);
  const auto read = ReadEmitted(text);
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(MainDag(*read).tasks.size(), 2U);
  EXPECT_THAT(text, HasSubstr("# plan\\x0akind: Evil\n"));
}

TEST(ArgoEmitter, WritesATemplateWithTheSameDag) {
  const std::string workflow = *Emit(WorkflowOf(3));
  const std::string made = *Emit(WorkflowOf(3), 1500, WorkflowKind::kTemplate);
  EXPECT_THAT(made, HasSubstr("kind: WorkflowTemplate\nmetadata:\n  name: plan-protect\n"));
  EXPECT_THAT(workflow, HasSubstr("kind: Workflow\nmetadata:\n  generateName: plan-protect-\n"));
  EXPECT_EQ(workflow.substr(workflow.find("spec:")), made.substr(made.find("spec:")));
}

// A step that waits for more than one expression can hold.
class WideFanIn : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kWide = 5000;

  static local::Workflow Read(const EngineWorkflow& workflow) {
    const auto text = Emit(workflow, 1'000'000);
    EXPECT_TRUE(text) << (text ? "" : text.error().Render());
    auto read = ReadEmitted(*text);
    EXPECT_TRUE(read) << (read ? "" : read.error().Render());
    return std::move(*read);
  }
  static Phase PhaseOfLast(const local::Workflow& read, const std::string& failing) {
    const auto& dag = MainDag(read);
    const Simulation run = Simulate(dag, [&](const local::Task& task) {
      return task.name == failing ? Phase::kFailed : Phase::kSucceeded;
    });
    return run.phases.back();
  }
};

TEST_F(WideFanIn, OfOrderGoesThroughTasksWithoutAPod) {
  EngineWorkflow workflow = WorkflowOf(kWide + 1);
  for (std::uint32_t i = 0; i < kWide; ++i) workflow.groups[0].items[kWide].finished.push_back(i);
  const local::Workflow read = Read(workflow);
  for (const local::Task& task : MainDag(read).tasks)
    EXPECT_FALSE(task.depends.over_limit()) << task.name;
  EXPECT_EQ(WaitsOf(read).at(MainDag(read).tasks.back().name).size(), kWide);
  EXPECT_EQ(PhaseOfLast(read, ""), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[3].name), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, "begin"), Phase::kOmitted);
}

TEST_F(WideFanIn, OfGatesCarriesAFailureOn) {
  EngineWorkflow workflow = WorkflowOf(kWide + 1);
  for (std::uint32_t i = 0; i < kWide; ++i) workflow.groups[0].items[kWide].succeeded.push_back(i);
  const local::Workflow read = Read(workflow);
  for (const local::Task& task : MainDag(read).tasks)
    EXPECT_FALSE(task.depends.over_limit()) << task.name;
  EXPECT_EQ(WaitsOf(read).at(MainDag(read).tasks.back().name).size(), kWide);
  EXPECT_EQ(PhaseOfLast(read, ""), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[0].name), Phase::kOmitted);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[kWide - 1].name), Phase::kOmitted);
}

TEST(ArgoEmitter, CallsAGroupAsATemplateOfTheFile) {
  EngineWorkflow workflow = WorkflowOf(4);
  auto& items = workflow.groups[0].items;
  StepGroup group;
  group.name = "s1-aaaaaaaa-all";
  group.comment = "two {{steps}}";
  group.items = {{GroupItem::Kind::kStep, 1, {}, {}}, {GroupItem::Kind::kStep, 2, {0}, {}}};
  items = {{GroupItem::Kind::kStep, 0, {}, {}},
           {GroupItem::Kind::kGroup, 1, {0}, {}},
           {GroupItem::Kind::kStep, 3, {0}, {1}}};
  workflow.groups.push_back(group);
  const auto text = Emit(workflow);
  const auto read = ReadEmitted(*text);
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_THAT(WaitsOf(*read),
              ::testing::ElementsAre(
                  ::testing::Pair("s0-aaaaaaaa-pre", ::testing::IsEmpty()),
                  ::testing::Pair("s1-aaaaaaaa-pre", ::testing::ElementsAre("s0-aaaaaaaa-pre")),
                  ::testing::Pair("s2-aaaaaaaa-pre",
                                  ::testing::ElementsAre("s0-aaaaaaaa-pre", "s1-aaaaaaaa-pre")),
                  ::testing::Pair("s3-aaaaaaaa-pre",
                                  ::testing::ElementsAre("s0-aaaaaaaa-pre", "s1-aaaaaaaa-pre",
                                                         "s2-aaaaaaaa-pre"))));
  const WorkflowRun run = RunWorkflow(*read, [](const std::string& name) {
    return name == "s1-aaaaaaaa-pre" ? Phase::kFailed : Phase::kSucceeded;
  });
  EXPECT_THAT(run.started, ::testing::ElementsAre("begin", "s0-aaaaaaaa-pre", "s1-aaaaaaaa-pre",
                                                  "s3-aaaaaaaa-pre"));
}

// Argo's status has the ids of all targets of a nested template for each task that depends on it.
TEST(ArgoEmitter, LetsManyWaitForAGroupOfManyThroughOneTask) {
  EngineWorkflow workflow = WorkflowOf(90);
  auto& items = workflow.groups[0].items;
  StepGroup group;
  group.name = "s0-aaaaaaaa-all";
  for (std::uint32_t i = 0; i < 60; ++i) group.items.push_back({GroupItem::Kind::kStep, i, {}, {}});
  items.erase(items.begin(), items.begin() + 60);
  items.insert(items.begin(), {GroupItem::Kind::kGroup, 1, {}, {}});
  for (std::size_t i = 1; i < items.size(); ++i) items[i].finished = {0};
  workflow.groups.push_back(group);
  const auto text = Emit(workflow);
  EXPECT_THAT(*text, HasSubstr("- name: wait-1\n"));
  EXPECT_THAT(*text, HasSubstr("depends: \"begin.Succeeded && wait-1.Skipped\"\n"));
  const auto read = ReadEmitted(*text);
  ASSERT_TRUE(read) << read.error().Render();
  for (const local::Task& task : MainDag(*read).tasks) {
    if (task.name != group.name) continue;
    EXPECT_EQ(task.dependents.size(), 1U);
  }
  EXPECT_EQ(WaitsOf(*read).at("s89-aaaaaaaa-pre").size(), 60U);
  for (const Phase phase : {Phase::kSucceeded, Phase::kFailed, Phase::kError}) {
    const WorkflowRun run = RunWorkflow(*read, [&](const std::string& name) {
      return name == "s7-aaaaaaaa-pre" ? phase : Phase::kSucceeded;
    });
    EXPECT_EQ(run.started.size(), 91U);
  }
}

TEST(ArgoEmitter, SharesOneGateAmongStepsWithTheSameManyGates) {
  EngineWorkflow workflow = WorkflowOf(30);
  for (std::size_t step = 20; step < 30; ++step) {
    for (std::uint32_t gate = 0; gate < 20; ++gate)
      workflow.groups[0].items[step].succeeded.push_back(gate);
  }
  const std::string text = *Emit(workflow);
  const auto read = ReadEmitted(text);
  ASSERT_TRUE(read) << read.error().Render();
  const auto& tasks = MainDag(*read).tasks;
  EXPECT_EQ(std::count_if(tasks.begin(), tasks.end(),
                          [](const local::Task& task) { return task.when.has_value(); }),
            1);
  EXPECT_THAT(text, HasSubstr("depends: gate-1.Skipped\n"));
  const Simulation run = Simulate(MainDag(*read), [&](const local::Task& task) {
    return task.name == workflow.steps[7].name ? Phase::kError : Phase::kSucceeded;
  });
  EXPECT_EQ(run.started.size(), 21U);  // begin and the twenty
}

}  // namespace
}  // namespace holdfast::compiler
