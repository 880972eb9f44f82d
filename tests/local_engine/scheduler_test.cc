#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "runtime/local/scheduler.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::local {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Workflow Parse(const std::string& spec) {
  const std::string text =
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: plan-}\nspec:\n" +
      spec;
  auto workflow = ReadWorkflow({{"wf.yaml", text}});
  if (!workflow) ADD_FAILURE() << workflow.error().Render();
  return workflow ? std::move(*workflow) : Workflow();
}

constexpr const char* kLeaves = R"(
  - name: step
    container: {command: [run], args: ["{{tasks.name}}"]}
  - name: retried
    retryStrategy:
      limit: "3"
      retryPolicy: Always
      expression: lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [75, 137, 143]
      backoff: {duration: 10s, factor: "2", cap: 30s}
    container: {command: [run], args: ["{{retries}}"]}
  - name: end
    container: {command: [end], args: ["{{workflow.status}}"]}
)";

// Drives a scheduler by names.
class Driver {
 public:
  explicit Driver(Workflow workflow, std::size_t slots = 0)
      : workflow_(std::move(workflow)), scheduler_(workflow_, {"r1", {}, slots, {}}) {
    scheduler_.Start();
    Take();
  }
  void End(const std::string& name, std::optional<int> code) {
    std::erase(running, name);
    scheduler_.PodFinished(scheduler_.Find(name), {code, ""});
    Take();
  }
  void Stop(Shutdown strategy) {
    scheduler_.Stop(strategy);
    Take();
  }
  void Deadline() {
    scheduler_.DeadlinePassed();
    Take();
  }
  void WaitOver(const std::string& name) {
    waits.erase(name);
    scheduler_.WaitOver(scheduler_.Find(name));
    Take();
  }
  std::string PhaseOf(const std::string& name) {
    for (const NodeInfo& node : scheduler_.Nodes()) {
      if (node.name == name) return std::string(NameOf(node.phase));
    }
    return "";
  }
  Scheduler& scheduler() { return scheduler_; }

  std::vector<std::string> running;
  std::vector<std::string> killed;
  std::map<std::string, std::vector<std::string>> args;
  std::map<std::string, std::chrono::milliseconds> waits;

 private:
  void Take() {
    for (const Action& action : scheduler_.TakeActions()) {
      const std::string name = scheduler_.Info(action.node).name;
      if (action.kind == Action::Kind::kStart) {
        running.push_back(name);
        args[name] = action.command.args;
        scheduler_.PodStarted(action.node);
      } else if (action.kind == Action::Kind::kKill) {
        std::erase(running, name);
        killed.push_back(name);
      } else {
        waits[name] = action.wait;
      }
    }
  }

  Workflow workflow_;
  Scheduler scheduler_;
};

TEST(Scheduler, ReadyTasksStartInFileOrderAsSlotsAllow) {
  Driver run(Parse(std::string(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: d, template: step, depends: a}
      - {name: c, template: step}
      - {name: b, template: step}
      - {name: a, template: step}
)") + kLeaves),
             2);
  EXPECT_THAT(run.running, ElementsAre("c", "b"));
  run.End("b", 0);
  EXPECT_THAT(run.running, ElementsAre("c", "a"));
  run.End("a", 0);
  EXPECT_THAT(run.running, ElementsAre("c", "d"));
}

TEST(Scheduler, TasksThatGoFirstGetAFreeSlotBeforeOthersThatAreReady) {
  const Workflow workflow = Parse(std::string(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a-copy, template: step}
      - {name: b-copy, template: step}
      - {name: c-pre, template: step}
      - {name: d-fin, template: step, depends: c-pre}
)") + kLeaves);
  SchedulerSettings settings;
  settings.slots = 1;
  settings.first = {"c-pre", "d-fin"};
  Scheduler scheduler(workflow, settings);
  scheduler.Start();
  std::vector<std::string> started;
  for (int turn = 0; turn < 4; ++turn) {
    for (const Action& action : scheduler.TakeActions()) {
      started.push_back(scheduler.Info(action.node).name);
      scheduler.PodStarted(action.node);
      scheduler.PodFinished(action.node, {0, ""});
    }
  }
  EXPECT_THAT(started, ElementsAre("c-pre", "d-fin", "a-copy", "b-copy"));
}

TEST(Scheduler, WhatIsUpstreamOfNoTargetNeverStarts) {
  Driver run(Parse(std::string(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      target: b
      tasks:
      - {name: a, template: step}
      - {name: b, template: step, depends: a}
      - {name: c, template: step, depends: a}
      - {name: d, template: step}
)") + kLeaves));
  EXPECT_THAT(run.running, ElementsAre("a"));
  run.End("a", 0);
  EXPECT_THAT(run.running, ElementsAre("b"));
  run.End("b", 0);
  EXPECT_TRUE(run.scheduler().complete());
}

constexpr const char* kRetriedWithEnd = R"(  entrypoint: main
  onExit: end
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: retried}
)";

TEST(Scheduler, BackoffGrowsByItsFactorUpToItsCap) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  std::vector<long> seconds;
  for (int i = 0; i < 3; ++i) {
    run.End("a(" + std::to_string(i) + ")", 75);
    ASSERT_TRUE(run.waits.contains("a"));
    seconds.push_back(run.waits["a"].count() / 1000);
    run.WaitOver("a");
  }
  EXPECT_THAT(seconds, ElementsAre(10, 20, 30));
  run.End("a(3)", 75);
  EXPECT_EQ(run.PhaseOf("a"), "Failed") << "the limit is three more tries";
  EXPECT_EQ(run.args["a(3)"], std::vector<std::string>{"3"});
}

TEST(Scheduler, StopBetweenTwoTriesFailsTheTaskAndRunsTheExitHandler) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  run.End("a(0)", 75);
  run.Stop(Shutdown::kStop);
  EXPECT_EQ(run.PhaseOf("a"), "Failed");
  EXPECT_THAT(run.running, ElementsAre("onExit"));
  EXPECT_EQ(run.args["onExit"], std::vector<std::string>{"Failed"});
  run.End("onExit", 0);
  EXPECT_EQ(run.scheduler().phase(), Phase::kFailed);
  EXPECT_TRUE(run.scheduler().stopped());
  run.WaitOver("a");  // too late: changes nothing
  EXPECT_THAT(run.running, IsEmpty());
}

TEST(Scheduler, AStoppedTryIsNotTriedAgainThoughItsExitCodeSaysSo) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  run.Stop(Shutdown::kStop);
  EXPECT_THAT(run.killed, ElementsAre("a(0)"));
  run.End("a(0)", 143);
  EXPECT_THAT(run.running, ElementsAre("onExit"));
}

TEST(Scheduler, AStepThatAnswersStopWithSuccessDoesNotTurnTheRunGreen) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  run.Stop(Shutdown::kStop);
  run.End("a(0)", 0);
  run.End("onExit", 0);
  EXPECT_EQ(run.PhaseOf("a(0)"), "Succeeded");
  EXPECT_EQ(run.scheduler().phase(), Phase::kFailed);
}

TEST(Scheduler, TerminateEndsTheExitHandlerToo) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  run.Stop(Shutdown::kStop);
  run.Stop(Shutdown::kTerminate);
  EXPECT_THAT(run.killed, ElementsAre("a(0)", "onExit"));
  EXPECT_TRUE(run.scheduler().complete());
  EXPECT_EQ(run.scheduler().phase(), Phase::kFailed);
}

TEST(Scheduler, StopAfterTheVerdictLeavesTheExitHandlerAndTheVerdictAlone) {
  Driver run(Parse(std::string(kRetriedWithEnd) + kLeaves));
  run.End("a(0)", 0);
  EXPECT_THAT(run.running, ElementsAre("onExit"));
  run.Stop(Shutdown::kStop);
  EXPECT_THAT(run.killed, IsEmpty());
  run.End("onExit", 0);
  EXPECT_EQ(run.scheduler().phase(), Phase::kSucceeded);
  EXPECT_FALSE(run.scheduler().stopped());
}

TEST(Scheduler, AfterTheDeadlineNothingStartsButTheExitHandler) {
  Driver run(Parse(std::string(R"(  entrypoint: main
  onExit: end
  templates:
  - name: main
    dag:
      failFast: false
      target: a b
      tasks:
      - {name: a, template: retried}
      - {name: b, template: step, depends: "!a.Daemoned"}
)") + kLeaves));
  run.Deadline();
  EXPECT_THAT(run.killed, ElementsAre("a(0)"));
  EXPECT_EQ(run.PhaseOf("a"), "Failed");
  EXPECT_EQ(run.PhaseOf("b"), "Failed");
  EXPECT_THAT(run.running, ElementsAre("onExit"));
  run.End("onExit", 0);
  EXPECT_EQ(run.scheduler().phase(), Phase::kFailed);
  EXPECT_FALSE(run.scheduler().stopped());
}

TEST(Scheduler, AMutexIsHeldOverAllTriesAndHandedOnInFileOrder) {
  std::string leaves = kLeaves;
  leaves.insert(leaves.find("    retryStrategy:"), "    synchronization: {mutexes: [{name: m}]}\n");
  Driver run(Parse(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: retried}
      - {name: b, template: retried}
      - {name: c, template: retried}
)" + leaves));
  EXPECT_THAT(run.running, ElementsAre("a(0)"));
  EXPECT_EQ(run.PhaseOf("b"), "Pending");
  run.End("a(0)", 75);
  EXPECT_THAT(run.running, IsEmpty());
  run.WaitOver("a");
  run.End("a(1)", 0);
  EXPECT_THAT(run.running, ElementsAre("b(0)"));
  run.Stop(Shutdown::kStop);
  EXPECT_EQ(run.PhaseOf("c"), "Failed");
  EXPECT_TRUE(run.scheduler().complete());
}

TEST(Scheduler, AMutexInsideItselfIsStuckAndSaysSo) {
  Driver run(Parse(R"(  entrypoint: main
  templates:
  - name: main
    synchronization: {mutexes: [{name: m}]}
    dag: {tasks: [{name: a, template: step}]}
  - name: step
    synchronization: {mutexes: [{name: m}]}
    container: {command: [run]}
)"));
  EXPECT_THAT(run.running, IsEmpty());
  EXPECT_TRUE(run.scheduler().stuck());
}

TEST(Scheduler, AnInputThatCannotBeFilledIsAnErrorOfItsTask) {
  Driver run(Parse(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - name: a
        template: step
        arguments: {parameters: [{name: x, value: "{{=1/0}}"}]}
  - name: step
    inputs: {parameters: [{name: x}]}
    container: {command: [run]}
)"));
  EXPECT_TRUE(run.scheduler().complete());
  EXPECT_EQ(run.PhaseOf("a"), "Error");
  EXPECT_EQ(run.scheduler().phase(), Phase::kError);
}

TEST(Scheduler, GeneratedNameIsCompletedFromTheRunId) {
  EXPECT_EQ(Parse(std::string(kRetriedWithEnd) + kLeaves).NameOfRun("3F0e-1b2c-9d"), "plan-30e1b");
}

// A chain of n tasks, each any-finish after the one before.
Workflow Chain(std::uint32_t count, bool fan) {
  Workflow workflow;
  workflow.name = "wf";
  Template main;
  main.name = "main";
  DagTemplate dag;
  for (std::uint32_t i = 0; i < count; ++i) {
    Task task;
    task.name = "t" + std::to_string(i);
    task.call.template_index = 1;
    task.needed = true;
    if (i > 0) {
      const std::vector<std::uint32_t> before{fan ? 0 : i - 1};
      task.depends = DependsExpression::AllOf(before);
      dag.tasks[before[0]].dependents.push_back(i);
    }
    dag.tasks.push_back(std::move(task));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (dag.tasks[i].dependents.empty()) dag.targets.push_back(i);
  }
  main.dag = std::move(dag);
  Template step;
  step.name = "step";
  Container container;
  container.command.push_back({TextTemplate::Parse("run").value(), {}});
  step.container = std::move(container);
  workflow.templates.push_back(std::move(main));
  workflow.templates.push_back(std::move(step));
  return workflow;
}

TEST(Scheduler, AChainOf100000OmittedTasksDoesNotRecurse) {
  const Workflow workflow = Chain(100'000, false);
  Scheduler scheduler(workflow, {"r", {}, 0, {}});
  scheduler.Start();
  ASSERT_EQ(scheduler.TakeActions().size(), 1U);
  scheduler.PodFinished(scheduler.Find("t0"), {4, ""});
  EXPECT_TRUE(scheduler.complete());
  EXPECT_EQ(scheduler.phase(), Phase::kFailed)
      << "an omitted target inherits the failure of its branch";
}

TEST(Scheduler, TimeGrowsWithTheEventsNotWithTheirSquare) {
  // Two steps at a time out of n: an engine that looks at every task on every event needs n * n.
  const auto seconds = [](std::uint32_t count) {
    const Workflow workflow = Chain(count, true);
    const auto start = std::chrono::steady_clock::now();
    Scheduler scheduler(workflow, {"r", {}, 2, {}});
    scheduler.Start();
    std::vector<NodeId> alive;
    while (!scheduler.complete()) {
      for (const Action& action : scheduler.TakeActions()) alive.push_back(action.node);
      const NodeId pod = alive.back();
      alive.pop_back();
      scheduler.PodFinished(pod, {0, ""});
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  seconds(2000);  // warms up
  const double small = std::min(seconds(4000), seconds(4000));
  const double large = std::min(seconds(32000), seconds(32000));
  EXPECT_LT(large, small * 8 * 4 + 0.05)
      << "eight times the tasks took " << large / small << " times as long";
}

TEST(Scheduler, TheSameEventsGiveTheSameActions) {
  const std::string spec = std::string(R"(  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: step}
      - {name: g, template: inner, depends: a}
      - {name: b, template: retried, depends: "a || g"}
  - name: inner
    dag: {tasks: [{name: x, template: step}, {name: y, template: retried, depends: x}]}
)") + kLeaves;
  std::vector<std::vector<std::string>> runs;
  for (int i = 0; i < 2; ++i) {
    Driver run(Parse(spec), 1);
    std::vector<std::string> order;
    while (!run.scheduler().complete()) {
      ASSERT_FALSE(run.running.empty());
      order.push_back(run.running.front());
      run.End(run.running.front(), 0);
    }
    runs.push_back(order);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_THAT(runs[0], ElementsAre("a", "g.x", "g.y(0)", "b(0)"));
}

TEST(ChildWorkflows, RunInPlaceOfTheirTaskWithTheirOwnParameters) {
  auto workflow = ReadWorkflow({{"wf.yaml", R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: parent}
spec:
  entrypoint: main
  arguments: {parameters: [{name: x, value: of the parent}]}
  templates:
  - name: main
    dag:
      failFast: false
      tasks:
      - {name: first, template: step}
      - name: part
        template: child
        depends: first.Succeeded
        arguments: {parameters: [{name: of, value: small}, {name: own, value: "{{workflow.uid}}"}]}
      - {name: last, template: step, depends: part.Succeeded}
  - name: step
    container: {command: [run], args: ["{{workflow.name}}", "{{workflow.parameters.x}}"]}
  - name: child
    inputs: {parameters: [{name: of}, {name: own}, {name: limit, default: "3"}]}
    resource:
      action: apply
      setOwnerReference: true
      successCondition: status.phase == Succeeded
      failureCondition: status.phase in (Failed,Error)
      manifest: |
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: "{{inputs.parameters.own}}-a", labels: {l: "{{workflow.name}}"}}
        spec:
          parallelism: {{inputs.parameters.limit}}
          workflowTemplateRef: {name: "{{inputs.parameters.of}}"}
          arguments: {parameters: [{name: y, value: "{{inputs.parameters.own}} of {{workflow.name}}"}]}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: small}
spec:
  entrypoint: one
  arguments: {parameters: [{name: y}, {name: z, value: default}]}
  templates:
  - name: one
    dag: {tasks: [{name: inside, template: leaf}]}
  - name: leaf
    retryStrategy: {limit: "1"}
    container: {command: [run], args: ["{{workflow.name}}", "{{workflow.parameters.y}}", "{{workflow.parameters.z}}"]}
)"}});
  ASSERT_TRUE(workflow) << workflow.error().Render();
  Scheduler scheduler(*workflow, {"r1", {{"x", "of the parent"}}, 0, {}});
  scheduler.Start();
  const auto next = [&](const std::string& name, int code) {
    const std::vector<Action> actions = scheduler.TakeActions();
    EXPECT_EQ(actions.size(), 1U);
    EXPECT_EQ(scheduler.Info(actions.at(0).node).name, name);
    scheduler.PodFinished(actions.at(0).node, {code, ""});
    return actions.at(0).command.args;
  };
  EXPECT_THAT(next("first", 0), ElementsAre("parent", "of the parent"));
  EXPECT_THAT(next("part.inside(0)", 1), ElementsAre("r1-a", "r1 of parent", "default"));
  EXPECT_THAT(next("part.inside(1)", 0), ElementsAre("r1-a", "r1 of parent", "default"));
  EXPECT_THAT(next("last", 0), ElementsAre("parent", "of the parent"));
  EXPECT_EQ(scheduler.phase(), Phase::kSucceeded);
}

}  // namespace
}  // namespace holdfast::local
