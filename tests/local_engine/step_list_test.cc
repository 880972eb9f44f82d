#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/local/step_list.h"
#include "tests/local_engine/engine_fixture.h"

namespace holdfast::local {
namespace {

using testing::ElementsAre;

class StepList : public EngineTest {
 protected:
  std::vector<ListedStep> List() {
    Write(
        "      - {name: begin, template: step}\n      - {name: a-pre, template: step, depends: "
        "begin.Succeeded}\n"
        "      - {name: region, template: inner, depends: a-pre.Succeeded}\n"
        "      - name: a-post\n        template: step\n"
        "        depends: a-pre.Succeeded && (region.Succeeded || region.Failed || region.Errored "
        "|| region.Omitted)\n"
        "      - {name: gate, template: step, when: 'false'}\n",
        "  - name: inner\n    dag: {tasks: [{name: b-par, template: step}]}\n"
        "  - name: step\n    container: {command: [holdfast-step], args: [run, "
        "'--run={{workflow.uid}}', '--step={{tasks.name}}']}\n"
        "  - name: end\n    container: {command: [holdfast-step], args: [end, "
        "'{{workflow.status}}', '{{workflow.parameters.record}}']}\n",
        "  onExit: end\n  arguments: {parameters: [{name: record}]}\n");
    ListOptions options;
    options.file = options_.file;
    options.run_id = "r1";
    options.step_binary = "/opt/holdfast-step";
    auto steps = ListSteps(options);
    if (!steps) ADD_FAILURE() << steps.error().Render();
    return steps ? *steps : std::vector<ListedStep>();
  }
};

TEST_F(StepList, IsInTheOrderOfTheFileWithTheExitHandlerLast) {
  std::vector<std::string> names;
  for (const ListedStep& step : List()) names.push_back(step.name);
  EXPECT_THAT(names, ElementsAre("begin", "a-pre", "region.b-par", "a-post", "gate", "onExit"));
}

TEST_F(StepList, GivesTheExactCommand) {
  const auto steps = List();
  const auto step = FindStep(steps, "b-par");
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->name, "region.b-par");
  EXPECT_THAT(step->command, ElementsAre("/opt/holdfast-step"));
  EXPECT_THAT(step->args, ElementsAre("run", "--run=r1", "--step=b-par"));
  const auto end = FindStep(steps, "onExit");
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->exit_handler);
  EXPECT_THAT(end->args, ElementsAre("end", "Running", ""));
}

TEST_F(StepList, TellsGatesFromOrder) {
  const auto steps = List();
  const auto step = FindStep(steps, "a-post");
  ASSERT_TRUE(step.has_value());
  EXPECT_THAT(step->gates, ElementsAre("a-pre"));
  EXPECT_THAT(step->order, ElementsAre("a-pre", "region"));
  EXPECT_TRUE(FindStep(steps, "gate")->never);
  EXPECT_FALSE(step->never);
}

TEST_F(StepList, WaitsForWhatItsTemplateWaitsFor) {
  const auto steps = List();
  const auto step = FindStep(steps, "b-par");
  EXPECT_THAT(step->gates, ElementsAre("a-pre"));
  EXPECT_THAT(step->order, ElementsAre("a-pre"));
  const auto names = [&](const std::vector<std::size_t>& places) {
    std::vector<std::string> out;
    for (const std::size_t place : places) out.push_back(steps[place].name);
    return out;
  };
  EXPECT_THAT(names(StepsBefore(steps, "region.b-par")), ElementsAre("begin", "a-pre"));
  EXPECT_THAT(names(StepsAfter(steps, "region.b-par")), ElementsAre("a-post"));
  EXPECT_THAT(names(StepsAfter(steps, "begin")), ElementsAre("a-pre", "region.b-par", "a-post"));
  EXPECT_THAT(names(StepsBefore(steps, "a-post")), ElementsAre("begin", "a-pre", "region.b-par"));
}

TEST_F(StepList, AStepThatIsNotThereIsNotFoundWithAHint) {
  const auto step = FindStep(List(), "a-pots");
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(step.error().hint(), "did you mean 'a-post'?");
}

}  // namespace
}  // namespace holdfast::local
