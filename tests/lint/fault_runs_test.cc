// What the lint works out 64 runs at a time is what the scheduler does, one run after the other: for
// random templates, every failure of one task is played through it.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "runtime/lint/fault_runs.h"
#include "runtime/local/scheduler.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

using local::Action;
using local::Phase;
using local::Scheduler;

// Conditions as people write them, with and without mistakes; barriers; with and without targets.
std::string RandomWorkflow(std::mt19937& random) {
  const auto below = [&random](unsigned n) { return random() % n; };
  const unsigned count = 2 + below(9);
  std::string tasks;
  std::string targets;
  for (unsigned i = 0; i < count; ++i) {
    tasks += "      - {name: t" + std::to_string(i) + ", template: step";
    std::string depends;
    for (unsigned other = 0; other < i; ++other) {
      if (below(3) != 0) continue;
      const std::string name = "t" + std::to_string(other);
      static const std::vector<std::string> kForms{
          "%",
          "%.Succeeded",
          "%.Failed",
          "!%.Daemoned",
          "%.Skipped",
          "(%.Succeeded || %.Failed)",
          "(%.Succeeded || %.Failed || %.Errored || %.Omitted)",
          "(%.Succeeded || %.Failed || %.Errored || %.Skipped || %.Omitted)",
          "(%.Failed || %.Errored)",
          "%.Omitted"};
      std::string form = kForms[below(kForms.size())];
      for (std::size_t at = form.find('%'); at != std::string::npos; at = form.find('%'))
        form.replace(at, 1, name);
      if (!depends.empty()) depends += below(4) == 0 ? " || " : " && ";
      depends += form;
    }
    if (!depends.empty()) tasks += ", depends: \"" + depends + "\"";
    if (below(5) == 0) tasks += ", when: \"false\"";
    tasks += "}\n";
    if (below(2) == 0) targets += " t" + std::to_string(i);
  }
  std::string text =
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n"
      "  entrypoint: main\n  templates:\n  - name: main\n    dag:\n";
  if (below(2) == 0) text += "      failFast: false\n";
  if (!targets.empty() && below(2) == 0) text += "      target: " + targets.substr(1) + "\n";
  return text + "      tasks:\n" + tasks +
         "  - {name: step, container: {image: i, command: [run]}}\n";
}

// Does the task run, and the workflow succeed although it ends so?
bool IsMasked(const local::Workflow& workflow, const std::string& task, bool has_code) {
  Scheduler scheduler(workflow, {});
  bool ran = false;
  scheduler.Start();
  while (!scheduler.complete()) {
    const std::vector<Action> actions = scheduler.TakeActions();
    if (actions.empty()) break;
    for (const Action& action : actions) {
      if (action.kind != Action::Kind::kStart) continue;
      scheduler.PodStarted(action.node);
      local::PodResult result{0, ""};
      if (scheduler.Info(action.node).task == task) {
        ran = true;
        result.exit_code = has_code ? std::optional<int>(1) : std::nullopt;
      }
      scheduler.PodFinished(action.node, result);
    }
  }
  EXPECT_TRUE(scheduler.complete());
  return ran && scheduler.phase() == Phase::kSucceeded;
}

TEST(PlayFaults, MasksWhatTheSchedulerDoesNotShow) {
  std::mt19937 random(20261128);
  std::size_t masked_tasks = 0;
  std::size_t shown_tasks = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = RandomWorkflow(random);
    const auto workflow = local::ReadWorkflow({{"wf.yaml", text}});
    ASSERT_TRUE(workflow.has_value()) << workflow.error().Render() << "\n" << text;
    const local::DagTemplate& dag = *workflow->templates[workflow->entrypoint.template_index].dag;
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t task = 0; task < dag.tasks.size(); ++task) {
      const std::string& name = dag.tasks[task].name;
      if (IsMasked(*workflow, name, true) || IsMasked(*workflow, name, false))
        wanted.push_back(task);
      else
        ++shown_tasks;
    }
    masked_tasks += wanted.size();
    ASSERT_EQ(PlayFaults(dag).masked, wanted) << text;
  }
  // Both happen: a test of one of them alone would show nothing.
  EXPECT_GT(masked_tasks, 300U);
  EXPECT_GT(shown_tasks, 500U);
}

// More failures than are worked out in one pass.
TEST(PlayFaults, FindsThemInEveryPass) {
  std::string text =
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n"
      "  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
      "      - {name: last, template: step, depends: \"";
  std::string tasks;
  constexpr std::uint32_t kTasks = 700;
  for (std::uint32_t i = 0; i < kTasks; ++i) {
    const std::string name = "t" + std::to_string(i);
    text += (i == 0 ? "!" : " && !") + name + ".Daemoned";
    tasks += "      - {name: " + name + ", template: step}\n";
  }
  text += "\"}\n" + tasks + "  - {name: step, container: {image: i, command: [run]}}\n";
  const auto workflow = local::ReadWorkflow({{"wf.yaml", text}});
  ASSERT_TRUE(workflow.has_value()) << workflow.error().Render();
  const auto masked =
      PlayFaults(*workflow->templates[workflow->entrypoint.template_index].dag).masked;
  ASSERT_EQ(masked.size(), kTasks);
  EXPECT_EQ(masked.front(), 1U);
  EXPECT_EQ(masked.back(), kTasks);
}

}  // namespace
}  // namespace holdfast::lint
