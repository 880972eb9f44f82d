#include "compiler/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "compiler/dag/essential_gates.h"
#include "compiler/plan/schedule.h"
#include "compiler/workflow/engine_workflow.h"
#include "compiler/workflow/step_group.h"
#include "compiler/workflow/step_names.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/in_parallel.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

// What a bundle says of a step.
void ViewStep(const CompileInput& input, const ActivityDag& dag,
              const std::vector<std::string>& names, std::size_t index, BundleStepView& out) {
  const ActivityDag::Step& step = dag.steps[index];
  out.activities.resize(step.activities.size());
  for (std::size_t a = 0; a < step.activities.size(); ++a) {
    BundleStepView::Activity& activity = out.activities[a];
    activity.resource = step.activities[a].resource.value;
    activity.key = &input.graph.node(step.activities[a].resource).key;
    activity.kind = step.activities[a].kind;
    activity.gates.clear();
    for (const ActivityRef gate : step.gates[a]) {
      const std::uint32_t at =
          dag.step_of[gate.resource.value][static_cast<std::size_t>(gate.kind)];
      activity.gates.push_back({names[at], &input.graph.node(gate.resource).key, gate.kind});
    }
  }
  out.order.clear();
  for (const ActivityDag::Predecessor& predecessor : step.order)
    out.order.push_back(names[predecessor.step.value]);
}

Result<BundleFiles> MakeFiles(const CompileInput& input, const ActivityDag& dag,
                              const std::vector<std::string>& names) {
  Bundle bundle;
  bundle.operation = input.operation;
  bundle.provider_id = input.provider_id;
  bundle.provider_name = input.provider_name;
  bundle.plan = input.plan;
  bundle.checkpoint = input.checkpoint;
  bundle.partial = input.options.partial;
  bundle.parameters = input.given_parameters;
  if (const Value* roots = input.plan.Find("resources"); roots != nullptr && roots->is_list()) {
    for (const Value& root : roots->AsList()) bundle.roots.push_back(root.AsString());
  }
  if (input.operation == Operation::kProtect) bundle.warnings = input.graph.warnings();
  std::set<std::string> used;
  for (const ResourceGraph::Node& node : input.graph.nodes()) {
    const PluginDescriptor& plugin = *input.plugins.at(node.key.type);
    if (used.insert(plugin.name).second) bundle.plugins.push_back(plugin);
  }
  BundleSource source;
  source.steps = names;
  source.resources = input.graph.size();
  source.step = [&](std::size_t step, BundleStepView& out) {
    ViewStep(input, dag, names, step, out);
  };
  source.resource = [&](std::size_t index) {
    const ResourceId id{static_cast<std::uint32_t>(index)};
    BundleResource resource;
    resource.resource = input.graph.ResourceAt(id);
    resource.plugin = input.plugins.at(resource.resource.key.type)->name;
    resource.parameters = input.parameters[index];
    return resource;
  };
  return MakeBundle(std::move(bundle), source);
}

template <typename T>
Status Into(Result<T> made, T& out) {
  if (!made) return std::move(made).error();
  out = std::move(*made);
  return Ok();
}

std::vector<std::string> MakeHead(const CompileInput& input, const std::string& plan,
                                  const ActivityDag& dag) {
  std::vector<std::string> head;
  std::string first = fmt::format("{} of plan {}", NameOf(input.operation), plan);
  first.front() = static_cast<char>(first.front() - 'a' + 'A');
  if (!input.checkpoint.empty()) first += ", checkpoint " + input.checkpoint;
  head.push_back(fmt::format("{}: {} for {}, provider {}.", first,
                             Counted(dag.steps.size(), "step"),
                             Counted(input.graph.size(), "resource"), input.provider_name));
  head.push_back(
      "Compiled by Holdfast: to change it, change the plan or the graph and compile again. "
      "NAME.bundle beside");
  head.push_back(
      "this file has what each step does; steps stand in the order of the walk, each below what it "
      "is for.");
  for (const std::string& note : dag.notes) head.push_back(note);
  return head;
}

}  // namespace

Result<CompiledWorkflow> Compile(const CompileInput& input) {
  HOLDFAST_CHECK(input.table.choices.size() == input.graph.size() &&
                 input.parameters.size() == input.graph.size());
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<EngineEmitter> emitter,
                            MakeEngineEmitter(input.options.engine));
  const std::string plan = input.plan.StringOr("name", "");
  if (!IsPlanName(plan))
    return InvalidInput(fmt::format("'{}' cannot be the name of a plan", Printable(plan)));
  for (const ResourceGraph::Node& node : input.graph.nodes()) {
    if (!input.plugins.contains(node.key.type)) {
      return InvalidInput(fmt::format("no plugin of the provider {} protects {} (such as {})",
                                      Printable(input.provider_name), node.key.type,
                                      Printable(node.key.str())));
    }
  }
  const PlanPolicy policy = PolicyOf(input.plan);
  const FuseMode fuse = input.options.fuse.value_or(policy.fuse);
  HOLDFAST_ASSIGN_OR_RETURN(const ActivityDag dag,
                            BuildActivityDag(input.graph, input.table, fuse));
  if (dag.steps.empty()) {
    return InvalidInput(
        fmt::format("there is nothing to do: no plugin has anything to {} of these resources",
                    NameOf(input.operation)));
  }
  std::vector<std::string> names;
  std::vector<StepConditions> conditions;
  InParallel(2, [&](std::size_t half) {
    if (half == 0) {
      names = NameSteps(input.graph, input.table, dag, policy.step_names);
    } else {
      conditions = EssentialGates(dag);
    }
  });

  CompiledWorkflow out;
  out.name = fmt::format("{}-{}", plan, NameOf(input.operation));
  out.notes = dag.notes;
  out.steps = dag.steps.size();

  const EmitOptions& emit = input.options.emit;
  EngineWorkflow workflow;
  workflow.name = out.name;
  workflow.plan = plan;
  workflow.operation = input.operation;
  workflow.head = MakeHead(input, plan, dag);
  Status divided;
  Status bundled;
  InParallel(2, [&](std::size_t half) {
    if (half == 0) {
      bundled = Into(MakeFiles(input, dag, names), out.bundle);
      return;
    }
    divided = Into(MakeSteps(input.graph, dag, names), workflow.steps);
    if (!divided) return;
    workflow.groups =
        CutIntoGroups(input.graph, input.table, dag, conditions, names, emitter->LimitsOf(emit));
    emitter->Divide(workflow, dag, emit);
    DescribeGroups(input.graph, dag, workflow.groups);
  });
  HOLDFAST_RETURN_IF_ERROR(std::move(bundled));
  HOLDFAST_RETURN_IF_ERROR(std::move(divided));
  workflow.bundle = out.bundle.sha256;
  workflow.provider = input.provider_id;
  workflow.fail_fast = policy.fail_fast;
  workflow.partial = input.options.partial;
  workflow.parallelism = policy.parallelism;
  workflow.step_deadline = policy.step_deadline;
  workflow.run_deadline = policy.run_deadline;
  workflow.retries = policy.retries;
  workflow.keep_succeeded = policy.keep_succeeded;
  workflow.keep_failed = policy.keep_failed;
  if (input.operation == Operation::kProtect && emit.kind == WorkflowKind::kTemplate)
    workflow.schedule = ScheduleOf(input.plan);
  HOLDFAST_ASSIGN_OR_RETURN(EmittedWorkflow emitted, emitter->Emit(workflow, emit));
  out.text = std::move(emitted.text);
  out.children = std::move(emitted.children);
  std::move(emitted.notes.begin(), emitted.notes.end(), std::back_inserter(out.notes));
  if (workflow.schedule) {
    HOLDFAST_ASSIGN_OR_RETURN(out.schedule, emitter->EmitSchedule(workflow, emit));
  }
  return out;
}

}  // namespace holdfast::compiler
