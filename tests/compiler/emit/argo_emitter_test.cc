#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compiler/emit/engine_emitter.h"
#include "tests/compiler/emit/argo_simulation.h"

namespace holdfast::compiler {
namespace {

using local::Phase;
using ::testing::HasSubstr;

EngineWorkflow WorkflowOf(std::size_t steps) {
  EngineWorkflow workflow;
  workflow.name = "plan-protect";
  workflow.bundle = std::string(64, 'a');
  workflow.provider = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  for (std::size_t i = 0; i < steps; ++i) {
    workflow.steps.push_back({"s" + std::to_string(i) + "-aaaaaaaa-pre", "step", {}});
  }
  return workflow;
}

Result<std::string> Emit(const EngineWorkflow& workflow, std::uint32_t max_tasks = 200,
                         WorkflowKind kind = WorkflowKind::kWorkflow) {
  const auto emitter = MakeEngineEmitter("argo");
  return (*emitter)->Emit(workflow, {kind, max_tasks, "holdfast test"});
}

TEST(EngineEmitters, NamesWhatThereIs) {
  const auto emitter = MakeEngineEmitter("arog");
  ASSERT_FALSE(emitter);
  EXPECT_EQ(emitter.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(emitter.error().Render(),
            "nothing can be compiled for an engine 'arog'\nhelp: did you mean 'argo'?");
}

TEST(ArgoEmitter, TakesOneHundredAndNinetyNineStepsBesideBegin) {
  EXPECT_TRUE(Emit(WorkflowOf(199)));
  const auto refused = Emit(WorkflowOf(200));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().Render(),
              HasSubstr("201 tasks in one template; Argo's own definitions refuse more than 200"));
  EXPECT_THAT(refused.error().Render(), HasSubstr("--max-tasks-per-template 201"));
  EXPECT_TRUE(Emit(WorkflowOf(200), 201));
}

TEST(ArgoEmitter, NamesLeafFusionOnlyWhereItWouldHelp) {
  EngineWorkflow workflow = WorkflowOf(200);
  EXPECT_EQ(Emit(workflow).error().hint(),
            "--fuse leaf makes fewer of them; for the local engine --max-tasks-per-template 201 "
            "allows that many");
  workflow.leaves_are_fused = true;
  EXPECT_EQ(Emit(workflow).error().hint(),
            "for the local engine --max-tasks-per-template 201 allows that many");
}

TEST(ArgoEmitter, WritesTheShortFormBeyondFourAndSaysSoOnce) {
  EngineWorkflow workflow = WorkflowOf(6);
  for (std::uint32_t i = 0; i < 4; ++i) workflow.steps[5].conditions.finished.push_back({i});
  EXPECT_THAT(*Emit(workflow), ::testing::Not(HasSubstr("Daemoned")));
  workflow.steps[5].conditions.finished.push_back({4});
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
  const std::string made = *Emit(WorkflowOf(3), 200, WorkflowKind::kTemplate);
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
  for (std::uint32_t i = 0; i < kWide; ++i)
    workflow.steps[kWide].conditions.finished.push_back({i});
  const local::Workflow read = Read(workflow);
  for (const local::Task& task : MainDag(read).tasks)
    EXPECT_FALSE(task.depends.over_limit()) << task.name;
  EXPECT_EQ(WaitsFor(MainDag(read), MainDag(read).tasks.size() - 1).size(), kWide);
  EXPECT_EQ(PhaseOfLast(read, ""), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[3].name), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, "begin"), Phase::kOmitted);
}

TEST_F(WideFanIn, OfGatesCarriesAFailureOn) {
  EngineWorkflow workflow = WorkflowOf(kWide + 1);
  for (std::uint32_t i = 0; i < kWide; ++i)
    workflow.steps[kWide].conditions.succeeded.push_back({i});
  const local::Workflow read = Read(workflow);
  for (const local::Task& task : MainDag(read).tasks)
    EXPECT_FALSE(task.depends.over_limit()) << task.name;
  EXPECT_EQ(WaitsFor(MainDag(read), MainDag(read).tasks.size() - 1).size(), kWide);
  EXPECT_EQ(PhaseOfLast(read, ""), Phase::kSucceeded);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[0].name), Phase::kOmitted);
  EXPECT_EQ(PhaseOfLast(read, workflow.steps[kWide - 1].name), Phase::kOmitted);
}

TEST(ArgoEmitter, SharesOneGateAmongStepsWithTheSameManyGates) {
  EngineWorkflow workflow = WorkflowOf(30);
  for (std::size_t step = 20; step < 30; ++step) {
    for (std::uint32_t gate = 0; gate < 20; ++gate)
      workflow.steps[step].conditions.succeeded.push_back({gate});
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
