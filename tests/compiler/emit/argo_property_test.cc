// Random graphs (diamonds, any activities missing, aggregation, both fusions) are compiled; the file
// is read back and run as Argo runs it, with random failures. What ran and in which order must be
// what the brute-force oracle of the DAG says.

#include <gtest/gtest.h>
// After gtest.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "compiler/explain.h"
#include "compiler/workflow/step_group.h"
#include "runtime/local/workflow_file.h"
#include "tests/compiler/any_plugin.h"
#include "tests/compiler/dag/dag_oracle.h"
#include "tests/compiler/emit/argo_simulation.h"
#include "tests/sdk/property_cases.h"

namespace holdfast::compiler {
namespace {

using local::Phase;

const bool kConfigured = testing::TryPropertiesOn(testing::PropertyCases(200));

const PluginDescriptor kPlugin = AnyPlugin("T::N");

enum class Form { kTree, kDiamonds, kManyParents, kLargeTree, kLargeDiamonds, kStar, kChain };
constexpr std::array kLargeForms{Form::kLargeTree, Form::kLargeDiamonds, Form::kStar, Form::kChain};

bool IsLarge(Form form) { return form >= Form::kLargeTree; }

// The parents of a resource of a form that is cut into several templates.
std::set<int> ParentsIn(Form form, int child) {
  if (form == Form::kChain) return {child - 1};
  // A star with a few arms; the one before is for what hangs below its children.
  if (form == Form::kStar) return {*rc::gen::inRange(0, 12) == 0 ? child - 1 : 0};
  std::set<int> above;
  const int count = *rc::gen::inRange(0, form == Form::kLargeTree ? 2 : 3);
  for (int i = 0; i < count; ++i) above.insert(*rc::gen::inRange(0, child));
  return above;
}

// The input of a compile; its aggregation may still close a cycle.
CompileInput AnyInput(Form form, bool aggregate) {
  const int size = IsLarge(form)                ? *rc::gen::inRange(14, 50)
                   : form == Form::kManyParents ? *rc::gen::inRange(18, 32)
                                                : *rc::gen::inRange(1, 14);
  const int parents = form == Form::kManyParents ? *rc::gen::inRange(9, 14) : 0;
  const auto key = [](int i) { return ResourceKey{"T::N", std::to_string((i * 37 + 11) % 101)}; };
  ResourceGraphBuilder builder;
  for (int i = 0; i < size; ++i) {
    RC_ASSERT(builder.AddResource({key(i), "n" + std::to_string(i), {}}).has_value());
  }
  for (int child = 1; child < size; ++child) {
    std::set<int> above;
    if (form == Form::kManyParents) {
      if (child < parents) continue;
      const bool all = *rc::gen::inRange(0, 4) != 0;
      for (int p = 0; p < parents; ++p) {
        if (all || *rc::gen::arbitrary<bool>()) above.insert(p);
      }
    } else if (IsLarge(form)) {
      above = ParentsIn(form, child);
    } else {
      const int count = *rc::gen::inRange(0, form == Form::kTree ? 2 : 4);
      for (int i = 0; i < count; ++i) above.insert(*rc::gen::inRange(0, child));
    }
    for (const int parent : above) RC_ASSERT(builder.AddEdge(key(parent), key(child)).has_value());
  }
  CompileInput input;
  auto graph = builder.Build();
  RC_ASSERT(graph.has_value());
  input.graph = std::move(*graph);

  std::array<int, 4> likely{};
  for (int& l : likely) l = *rc::gen::element(0, 1, 5, 9, 10);
  likely[1] = *rc::gen::element(0, 0, 1, 3, 8);
  for (std::size_t i = 0; i < input.graph.size(); ++i) {
    auto& choices = input.table.choices.emplace_back();
    for (std::size_t k = 0; k < 4; ++k) {
      choices[k] = *rc::gen::inRange(0, 10) < likely[k] ? StepChoice::Own() : StepChoice::None();
      if (aggregate && choices[k].kind == StepChoice::Kind::kOwn && *rc::gen::inRange(0, 5) == 0) {
        choices[k] = StepChoice::Aggregate(std::string(1, "gh"[*rc::gen::inRange(0, 2)]));
      }
    }
  }
  input.plan = Value().Set("name", "any");
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = "any";
  input.plugins["T::N"] = &kPlugin;
  input.parameters.resize(input.graph.size());
  input.options.fuse = *rc::gen::element(FuseMode::kNone, FuseMode::kLeaf);
  input.options.emit.tool_version = "test";
  input.options.emit.max_tasks_per_template =
      IsLarge(form) ? *rc::gen::element(kFewestItems, 25U, 40U) : 1000;
  if (IsLarge(form)) {
    input.options.emit.max_tasks_per_workflow =
        *rc::gen::element(kFewestTasks, 30U, 50U, 80U, 1500U);
  }
  return input;
}

struct Compiled {
  CompileInput input;
  CompiledWorkflow workflow;
  LoadedBundle bundle;
  local::Workflow read;

  bool is_cut() const {
    return std::count_if(read.templates.begin(), read.templates.end(), [](const auto& made) {
             return made.dag.has_value();
           }) > 2;  // main and end
  }
  ActivityRef RefOf(const BundleActivity& activity) const {
    return {*input.graph.Find(activity.resource), activity.kind};
  }
};

Compiled AnyCompiled() {
  Compiled out;
  const Form small =
      *rc::gen::element(Form::kTree, Form::kDiamonds, Form::kDiamonds, Form::kManyParents);
  const Form form = *rc::gen::arbitrary<bool>() ? small : *rc::gen::elementOf(kLargeForms);
  out.input = AnyInput(form, *rc::gen::arbitrary<bool>());
  auto compiled = Compile(out.input);
  RC_PRE(compiled.has_value());  // nothing to do, or an aggregation that closes a cycle
  out.workflow = std::move(*compiled);
  auto bundle = LoadBundle(out.workflow.bundle);
  if (!bundle) RC_FAIL(bundle.error().Render());
  out.bundle = std::move(*bundle);
  auto read = ReadEmitted(out.workflow.text, out.workflow.children);
  if (!read) RC_FAIL(read.error().Render() + "\n" + out.workflow.text);
  out.read = std::move(*read);
  return out;
}

std::size_t Number(ActivityRef activity) {
  return activity.resource.value * 4 + static_cast<std::size_t>(activity.kind);
}

RC_GTEST_PROP(EmittedWorkflow, RunsExactlyWhatItsGatesAllow, ()) {
  const Compiled compiled = AnyCompiled();
  const auto& input = compiled.input;
  std::vector<bool> fails(input.graph.size() * 4);
  const int likely = *rc::gen::element(0, 1, 3, 8);
  for (std::size_t i = 0; i < fails.size(); ++i) fails[i] = *rc::gen::inRange(0, 10) < likely;
  const OracleRun expected = RunOracle(input.graph, input.table, fails);

  std::vector<bool> ran(fails.size(), false);
  std::vector<bool> succeeded(fails.size(), false);
  const WorkflowRun run = RunWorkflow(compiled.read, [&](const std::string& name) {
    if (name == "begin") return Phase::kSucceeded;
    // The step itself checks the gates of each activity in the journal (semantics: order and gates).
    const BundleStep* step = compiled.bundle.FindStep(name);
    RC_ASSERT(step != nullptr);
    bool whole = true;
    for (const BundleActivity& activity : step->activities) {
      const bool may =
          std::all_of(activity.gates.begin(), activity.gates.end(), [&](const BundleGate& gate) {
            return succeeded[Number({*input.graph.Find(gate.resource), gate.kind})];
          });
      const std::size_t number = Number(compiled.RefOf(activity));
      ran[number] = may;
      succeeded[number] = may && !fails[number];
      whole = whole && succeeded[number];
    }
    return whole ? Phase::kSucceeded : *rc::gen::element(Phase::kFailed, Phase::kError);
  });
  RC_ASSERT(ran == expected.ran);
  RC_ASSERT(succeeded == expected.succeeded);
  for (const auto& [name, phase] : run.phases) RC_ASSERT(local::IsFulfilled(phase));
  // Where the file can say it, no process is started for nothing: a step of one activity whose gates
  // did not succeed is left out by the engine.
  if (compiled.is_cut()) return;
  for (const std::string& name : run.started) {
    const BundleStep* step = compiled.bundle.FindStep(name);
    if (step == nullptr || step->activities.size() != 1) continue;
    const auto& gates = step->activities.front().gates;
    const bool of_single_steps =
        std::all_of(gates.begin(), gates.end(), [&](const BundleGate& gate) {
          return compiled.bundle.FindStep(gate.step)->activities.size() == 1;
        });
    if (of_single_steps) RC_ASSERT(ran[Number(compiled.RefOf(step->activities.front()))]);
  }
}

RC_GTEST_PROP(EmittedWorkflow, NothingRunsWhenBeginIsRefused, ()) {
  const Compiled compiled = AnyCompiled();
  const WorkflowRun run =
      RunWorkflow(compiled.read, [](const std::string&) { return Phase::kFailed; });
  RC_ASSERT(run.started == std::vector<std::string>{"begin"});
}

bool Has(const BundleStep& step, ActivityKind kind) {
  return std::any_of(step.activities.begin(), step.activities.end(),
                     [kind](const BundleActivity& activity) { return activity.kind == kind; });
}

bool IsForestWithoutPreFinish(const CompileInput& input) {
  for (std::uint32_t i = 0; i < input.graph.size(); ++i) {
    if (input.graph.parents(ResourceId{i}).size() > 1 ||
        input.table.Exists(ResourceId{i}, ActivityKind::kPreFinish)) {
      return false;
    }
    for (const StepChoice& choice : input.table.choices[i]) {
      if (choice.kind == StepChoice::Kind::kAggregate) return false;
    }
  }
  return true;
}

// Nothing else where the file is not cut, and in trees; else a cut may add order, but nothing that
// makes a pre_finish wait for a copy.
RC_GTEST_PROP(EmittedWorkflow, WaitsForTheOrderAndNothingElse, ()) {
  const Compiled compiled = AnyCompiled();
  const auto& input = compiled.input;
  const Matrix order = OracleOrder(input.graph, input.table);
  const std::map<std::string, std::set<std::string>> waits = WaitsOf(compiled.read);
  RC_ASSERT(waits.size() == compiled.workflow.steps);

  // The order between steps: that of their activities, closed.
  std::vector<const BundleStep*> steps;
  for (const auto& [name, before] : waits) {
    const BundleStep* step = compiled.bundle.FindStep(name);
    RC_ASSERT(step != nullptr);
    steps.push_back(step);
  }
  Matrix step_order(steps.size(), std::vector<bool>(steps.size(), false));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t j = 0; j < steps.size(); ++j) {
      for (const auto& a : steps[i]->activities) {
        for (const auto& b : steps[j]->activities) {
          if (i != j && order[Number(compiled.RefOf(a))][Number(compiled.RefOf(b))])
            step_order[i][j] = true;
        }
      }
    }
  }
  step_order = Close(std::move(step_order));
  const bool exact = !compiled.is_cut() || IsForestWithoutPreFinish(input);
  for (std::size_t j = 0; j < steps.size(); ++j) {
    std::set<std::string> expected;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (step_order[i][j]) expected.insert(steps[i]->name);
    }
    const std::set<std::string>& before = waits.at(steps[j]->name);
    if (exact) {
      RC_ASSERT(before == expected);
      continue;
    }
    RC_ASSERT(std::includes(before.begin(), before.end(), expected.begin(), expected.end()));
    RC_ASSERT(!before.contains(steps[j]->name));
    if (Has(*steps[j], ActivityKind::kParallel) || Has(*steps[j], ActivityKind::kPost)) continue;
    for (const std::string& name : before) {
      const BundleStep& other = *compiled.bundle.FindStep(name);
      const bool copies = Has(other, ActivityKind::kParallel) || Has(other, ActivityKind::kPost);
      RC_ASSERT(!copies || expected.contains(name));
    }
  }
}

RC_GTEST_PROP(Explanation, FindsTheWayOfEveryEdgeAndGate, ()) {
  const Compiled compiled = AnyCompiled();
  for (const BundleShard& shard : compiled.bundle.shards) {
    for (const BundleStep& step : shard.steps) {
      const auto explained = Explain(compiled.bundle, step.name);
      RC_ASSERT(explained.has_value());
      RC_ASSERT(explained->order.size() == step.order.size());
      RC_ASSERT(explained->activities.size() == step.activities.size());
      const auto step_of = [&](const ExplainedPlace& place) {
        return compiled.bundle.FindResource(place.resource)->StepOf(place.kind);
      };
      const auto check = [&](const ExplainedReason& reason) {
        RC_ASSERT(reason.way.size() >= 2U);
        RC_ASSERT(step_of(reason.way.front()) == reason.step);
        RC_ASSERT(step_of(reason.way.back()) == step.name);
        for (std::size_t i = 1; i + 1 < reason.way.size(); ++i) {
          RC_ASSERT(!reason.way[i].exists || step_of(reason.way[i]) == step.name);
        }
        for (std::size_t i = 1; i < reason.way.size(); ++i) RC_ASSERT(!reason.way[i].rule.empty());
      };
      for (const ExplainedReason& reason : explained->order) check(reason);
      for (std::size_t i = 0; i < step.activities.size(); ++i) {
        RC_ASSERT(explained->activities[i].gates.size() == step.activities[i].gates.size());
        for (const ExplainedReason& gate : explained->activities[i].gates) check(gate);
      }
    }
  }
}

RC_GTEST_PROP(EmittedWorkflow, EveryStepDecidesTheVerdict, ()) {
  const Compiled compiled = AnyCompiled();
  std::set<std::string> calls;
  for (const auto& made : compiled.read.templates) {
    if (!made.dag || made.name == "end") continue;
    const auto& dag = *made.dag;
    RC_ASSERT(dag.tasks.size() <= compiled.input.options.emit.max_tasks_per_template);
    const std::set<std::uint32_t> targets(dag.targets.begin(), dag.targets.end());
    for (std::uint32_t i = 0; i < dag.tasks.size(); ++i) {
      RC_ASSERT(dag.tasks[i].needed);
      RC_ASSERT(targets.contains(i) == !dag.tasks[i].when.has_value());
      RC_ASSERT(!dag.tasks[i].depends.over_limit());
      if (compiled.read.templates[dag.tasks[i].call.template_index].dag)
        RC_ASSERT(calls.insert(dag.tasks[i].name).second);
    }
    RC_ASSERT(!dag.fail_fast);
  }
}

// The tasks in the templates of one file.
std::size_t TasksIn(const std::string& text) {
  const auto file = local::ParseFile({"object.yaml", text});
  RC_ASSERT(file.documents.has_value());
  std::size_t tasks = 0;
  for (const Value& made : file.documents->front().Find("spec")->Find("templates")->AsList()) {
    tasks += made.Find("dag")->Find("tasks")->AsList().size();
  }
  return tasks;
}

RC_GTEST_PROP(EmittedWorkflow, NoObjectIsLargerThanAllowed, ()) {
  const Compiled compiled = AnyCompiled();
  const std::size_t most = compiled.input.options.emit.max_tasks_per_workflow;
  RC_ASSERT(TasksIn(compiled.workflow.text) <= most);
  const auto& children = compiled.workflow.children;
  for (std::size_t i = 1; i < children.size(); ++i) RC_ASSERT(TasksIn(children[i].text) <= most);
  // One file for each, and an index; each is started once.
  RC_ASSERT(compiled.read.children.size() == (children.empty() ? 0 : children.size() - 1));
  RC_CLASSIFY(!children.empty(), "with children");
}

RC_GTEST_PROP(EmittedWorkflow, IsTheSameTwice, ()) {
  const Compiled compiled = AnyCompiled();
  const auto again = Compile(compiled.input);
  RC_ASSERT(again.has_value());
  RC_ASSERT(again->text == compiled.workflow.text);
  RC_ASSERT(again->children.size() == compiled.workflow.children.size());
  for (std::size_t i = 0; i < again->children.size(); ++i) {
    RC_ASSERT(again->children[i].name == compiled.workflow.children[i].name);
    RC_ASSERT(again->children[i].text == compiled.workflow.children[i].text);
  }
}

}  // namespace
}  // namespace holdfast::compiler
