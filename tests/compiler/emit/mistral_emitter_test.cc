#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "compiler/emit/engine_emitter.h"
#include "compiler/emit/mistral/group_entries.h"
#include "tests/compiler/emit/loose_steps.h"

namespace holdfast::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

const EngineEmitter& Emitter() {
  static const auto emitter = MakeEngineEmitter("mistral").value();
  return *emitter;
}

std::string Emit(const EngineWorkflow& workflow) {
  const auto emitted = Emitter().Emit(workflow, {});
  EXPECT_TRUE(emitted) << (emitted ? "" : emitted.error().Render());
  return emitted ? emitted->text : "";
}

TEST(MistralEmitter, LinksWhatComesNextAndJoinsWhatHasSeveralBefore) {
  EngineWorkflow workflow = WorkflowOf(4);
  auto& items = workflow.groups[0].items;
  items[1].succeeded = {0};
  items[2].finished = {0};
  // That of the first one is implied by the others, and a link more would only be one more to wait for.
  items[3].succeeded = {0, 1};
  items[3].finished = {2};
  const std::string text = Emit(workflow);
  EXPECT_THAT(text, HasSubstr("on-success: [s0-aaaaaaaa-pre]\n"));
  EXPECT_THAT(text, HasSubstr("on-complete: [s1-aaaaaaaa-pre, s2-aaaaaaaa-pre]\n"));
  EXPECT_THAT(text, HasSubstr("input: {step: s3-aaaaaaaa-pre}\n      join: all\n"));
  EXPECT_THAT(text, Not(HasSubstr("input: {step: s1-aaaaaaaa-pre}\n      join")));
  EXPECT_THAT(text, HasSubstr("input: {command: end}\n      fail-on"));
}

// A part is known by its own name, and its content does not hang on what else the bundle has.
TEST(MistralEmitter, GivesTheWholeAnInputOfItsBundleAlone) {
  EngineWorkflow workflow = WorkflowOf(2);
  workflow.bundle = "3f2a9c0e81b7d654aaaa";
  workflow.groups[0].items.erase(workflow.groups[0].items.begin() + 1);
  workflow.groups[0].items.push_back({GroupItem::Kind::kGroup, 1, {}, {}});
  StepGroup below;
  below.name = "part";
  below.items = {{GroupItem::Kind::kStep, 1, {}, {}}};
  workflow.groups.push_back(std::move(below));
  const auto emitted = Emitter().Emit(workflow, {});
  ASSERT_TRUE(emitted) << emitted.error().Render();
  EXPECT_THAT(emitted->text, HasSubstr("  - {of-bundle-3f2a9c0e81b7d654: true}\n"));
  ASSERT_EQ(emitted->children.size(), 1U);
  EXPECT_THAT(emitted->children[0].text, Not(HasSubstr("of-bundle")));
  workflow.bundle = "77777777777777777777";
  EXPECT_EQ(Emitter().Emit(workflow, {})->children[0].text, emitted->children[0].text);
}

TEST(MistralEmitter, KeepsTextsOfTenantsInComments) {
  EngineWorkflow workflow = WorkflowOf(1);
  workflow.head = {"plan\nevil: <% 1 %>"};
  workflow.steps[0].comment = "pre of x\n    evil:\r\xE2\x80\xA8<% $.secret %> {{ 1 }} {% raw %}";
  const std::string text = Emit(workflow);
  EXPECT_THAT(text, HasSubstr("# plan\\x0aevil: <% 1 %>\n"));
  EXPECT_THAT(text, HasSubstr("# pre of x\\x0a    evil:"));
  EXPECT_THAT(text, Not(HasSubstr("\n    evil:")));
}

TEST(MistralEmitter, SaysWhatMistralDoesNotDoForThePlan) {
  EngineWorkflow workflow = WorkflowOf(1);
  EXPECT_THAT(Emitter().Emit(workflow, {})->notes, IsEmpty());
  workflow.parallelism = 3;
  workflow.run_deadline = std::chrono::hours(1);
  EXPECT_THAT(
      Emitter().Emit(workflow, {})->notes,
      ElementsAre(HasSubstr("parallelism is not kept"), HasSubstr("run_deadline is not kept")));
}

// Two steps, one of them in a part, which has another part in it.
EngineWorkflow NestedWorkflow() {
  EngineWorkflow workflow = WorkflowOf(3);
  auto& groups = workflow.groups;
  groups.resize(3);
  groups[1].name = "outer";
  groups[2].name = "inner";
  groups[2].items = {groups[0].items[2]};
  groups[1].items = {groups[0].items[1], {GroupItem::Kind::kGroup, 2, {}, {}}};
  groups[0].items.pop_back();
  groups[0].items[1] = {GroupItem::Kind::kGroup, 1, {}, {}};
  return workflow;
}

// "plan-protect.inner.0123456789", by the line of its file.
std::string NameIn(const EmittedFile& file) {
  const std::size_t at = file.text.find("\nplan-protect.") + 1;
  return file.text.substr(at, file.text.find(":\n", at) - at);
}

TEST(MistralEmitter, NamesAPartByWhatItDoes) {
  const auto emitted = Emitter().Emit(NestedWorkflow(), {});
  ASSERT_TRUE(emitted);
  ASSERT_EQ(emitted->children.size(), 2U);
  EXPECT_EQ(emitted->children[0].name, "outer.yaml");
  const std::string outer = NameIn(emitted->children[0]);
  const std::string inner = NameIn(emitted->children[1]);
  EXPECT_THAT(outer, MatchesRegex("plan-protect\\.outer\\.[0-9a-f]+"));
  EXPECT_THAT(inner, MatchesRegex("plan-protect\\.inner\\.[0-9a-f]+"));
  EXPECT_THAT(emitted->text, HasSubstr("workflow: " + outer + "\n"));
  EXPECT_THAT(emitted->children[0].text, HasSubstr("workflow: " + inner + "\n"));

  // A comment, and what stands in the whole alone, is none of it.
  EngineWorkflow other = NestedWorkflow();
  other.groups[2].comment = "3 steps";
  other.bundle = std::string(64, 'b');
  auto again = Emitter().Emit(other, {});
  EXPECT_EQ(NameIn(again->children[0]), outer);
  EXPECT_EQ(NameIn(again->children[1]), inner);
  // What the inner one does is what the outer one does.
  other = NestedWorkflow();
  other.steps[2].name = "s9-aaaaaaaa-pre";
  again = Emitter().Emit(other, {});
  EXPECT_NE(NameIn(again->children[0]), outer);
  EXPECT_NE(NameIn(again->children[1]), inner);
  other = NestedWorkflow();
  other.steps[1].name = "s9-aaaaaaaa-pre";
  again = Emitter().Emit(other, {});
  EXPECT_NE(NameIn(again->children[0]), outer);
  EXPECT_EQ(NameIn(again->children[1]), inner) << "what has not changed keeps its name";
  // Two providers' parts are two.
  other = NestedWorkflow();
  other.provider.back() = '0';
  EXPECT_NE(NameIn(Emitter().Emit(other, {})->children[1]), inner);
}

TEST(MistralEmitter, SaysInTagsWhoseADefinitionIs) {
  const auto emitted = Emitter().Emit(NestedWorkflow(), {});
  ASSERT_TRUE(emitted);
  const std::string tags =
      "  tags: [\"holdfast.operation=protect\", \"holdfast.plan=plan\", "
      "\"holdfast.provider=2e0c8826-81d6-44f5-bbe5-8f46a98c5845\"]\n";
  EXPECT_THAT(emitted->text, HasSubstr(tags));
  for (const EmittedFile& child : emitted->children) EXPECT_THAT(child.text, HasSubstr(tags));
}

TEST(MistralEmitter, RefusesFewerTasksThanAWorkflowHas) {
  EmitOptions options;
  options.max_tasks_per_template = kFewestItems;
  const auto refused = Emitter().Emit(WorkflowOf(1), options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().Render(), HasSubstr("at least 22 tasks, not 20"));
}

TEST(MistralEmitter, RefusesMoreTasksThanADefinitionMayHave) {
  EmitOptions options;
  EXPECT_TRUE(Emitter().Emit(WorkflowOf(1), options)) << "the default is as many as there may be";
  ++options.max_tasks_per_template;
  const auto refused = Emitter().Emit(WorkflowOf(1), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().Render(), HasSubstr("at most 200 tasks, not 201"));
  EXPECT_THAT(refused.error().hint(), HasSubstr("200 or less"));
}

TEST(MistralEmitter, HasRoomForAllButTheFrameOfADefinition) {
  EmitOptions options;
  options.max_tasks_per_template = 23;
  const GroupLimits limits = Emitter().LimitsOf(options);
  EXPECT_EQ(limits.first_items, 21U);  // begin and end
  EXPECT_EQ(limits.items, 21U);        // gate and verdict
}

TEST(MistralEmitter, SaysWhatOfThePlanAndTheCommandLineIsNotKept) {
  EngineWorkflow workflow = WorkflowOf(1);
  EXPECT_THAT(Emitter().Emit(workflow, {})->notes, IsEmpty());
  workflow.schedule = Schedule{"30 2 * * 7", "Etc/UTC", "allow", std::chrono::minutes(5), false};
  workflow.keep_failed = std::chrono::days(3);
  EmitOptions options;
  options.max_tasks_per_workflow = 300;
  EXPECT_THAT(Emitter().Emit(workflow, options)->notes,
              ElementsAre(HasSubstr("starting_deadline"), HasSubstr("keep_failed"),
                          HasSubstr("--max-tasks-per-workflow")));
}

TEST(MistralEmitter, WritesATriggerInUtcAlone) {
  EngineWorkflow workflow = WorkflowOf(1);
  workflow.schedule = Schedule{"30 2 * * 7", "Etc/UTC", "forbid", {}, false};
  const auto text = Emitter().EmitSchedule(workflow, {});
  ASSERT_TRUE(text) << text.error().Render();
  EXPECT_THAT(*text, HasSubstr("workflow_name: plan-protect\n"));
  EXPECT_THAT(*text, HasSubstr("pattern: \"30 2 * * 0\"\n"));
  workflow.schedule->timezone = "Europe/Berlin";
  const auto elsewhere = Emitter().EmitSchedule(workflow, {});
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().Render(), HasSubstr("zone Europe/Berlin cannot be kept"));
  workflow.schedule->timezone = "UTC";
  workflow.schedule->suspend = true;
  EXPECT_FALSE(Emitter().EmitSchedule(workflow, {}));
}

// A DAG whose step i is the pre of resource i, with these gates.
ActivityDag DagOf(const std::vector<std::vector<std::uint32_t>>& gates) {
  ActivityDag dag;
  dag.step_of.resize(gates.size());
  for (std::uint32_t i = 0; i < gates.size(); ++i) {
    dag.step_of[i].fill(ActivityDag::kNoStep);
    dag.step_of[i][static_cast<std::size_t>(ActivityKind::kPre)] = i;
    ActivityDag::Step step;
    step.activities = {{ResourceId{i}, ActivityKind::kPre}};
    step.gates.emplace_back();
    for (const std::uint32_t gate : gates[i])
      step.gates[0].push_back({ResourceId{gate}, ActivityKind::kPre});
    dag.steps.push_back(std::move(step));
  }
  return dag;
}

StepGroup GroupOf(std::vector<std::uint32_t> steps, std::vector<std::uint32_t> groups = {}) {
  StepGroup out;
  for (const std::uint32_t step : steps)
    out.items.push_back({GroupItem::Kind::kStep, step, {}, {}});
  for (const std::uint32_t group : groups)
    out.items.push_back({GroupItem::Kind::kGroup, group, {}, {}});
  return out;
}

TEST(GroupEntries, AreTheStepsWithoutAGateInTheGroup) {
  // 0 is above all; 1 and 2 are gated by it, 3 by 2.
  const ActivityDag dag = DagOf({{}, {0}, {0}, {0, 2}});
  std::vector<StepGroup> groups{GroupOf({0}, {1}), GroupOf({1}, {2}), GroupOf({2, 3})};
  SetEntries(dag, groups);
  EXPECT_THAT(groups[0].entries, IsEmpty());
  // 2 has the same gates as 1, its neighbour.
  EXPECT_THAT(groups[1].entries, ElementsAre(1U));
  EXPECT_THAT(groups[2].entries, ElementsAre(2U));
}

TEST(GroupEntries, AreOneForEachSetOfGatesUnlessThatIsTooMany) {
  // A gate for each of the others.
  const auto count = static_cast<std::uint32_t>(kMostEntries + 1);
  std::vector<std::vector<std::uint32_t>> gates(2 * std::size_t{count});
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> others;
  for (std::uint32_t i = 0; i < count; ++i) {
    gates[count + i] = {i};
    first.push_back(i);
    others.push_back(count + i);
  }
  const ActivityDag dag = DagOf(gates);
  std::vector<StepGroup> groups{GroupOf(first, {1}), GroupOf(others)};
  SetEntries(dag, groups);
  EXPECT_THAT(groups[1].entries, IsEmpty());
  groups = {GroupOf(first, {1}), GroupOf({count, count + 1})};
  SetEntries(dag, groups);
  EXPECT_THAT(groups[1].entries, ElementsAre(count, count + 1));
}

// Of a step of several resources one activity that can run is enough.
TEST(GroupEntries, OfSharedStepsAreThoseOfWhichOneActivityHasNoGateInTheGroup) {
  ActivityDag dag = DagOf({{}, {0}, {1}});
  dag.steps[2].activities.push_back({ResourceId{3}, ActivityKind::kPre});
  dag.steps[2].gates.push_back({{ResourceId{0}, ActivityKind::kPre}});
  dag.step_of.push_back(dag.step_of[2]);
  std::vector<StepGroup> groups{GroupOf({0}, {1}), GroupOf({1, 2})};
  SetEntries(dag, groups);
  EXPECT_THAT(groups[1].entries, ElementsAre(1U, 2U));
}

}  // namespace
}  // namespace holdfast::compiler
