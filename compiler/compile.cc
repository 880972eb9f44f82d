#include "compiler/compile.h"

#include "compiler/dag/essential_gates.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/workflow/workflow.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {

namespace {

PluginsByType ByType(const std::vector<PluginDescriptor>& plugins) {
  PluginsByType out;
  for (const PluginDescriptor& plugin : plugins) {
    for (const std::string& type : plugin.types) out[type] = &plugin;
  }
  return out;
}

std::vector<BundleStep> StepsOfBundle(const CompileInput& input, const ActivityDag& dag,
                                      const std::vector<std::string>& names) {
  std::vector<BundleStep> out;
  out.reserve(dag.steps.size());
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    const ActivityDag::Step& step = dag.steps[i];
    BundleStep bundle_step;
    bundle_step.name = names[i];
    for (std::size_t a = 0; a < step.activities.size(); ++a) {
      BundleActivity activity;
      activity.resource = input.graph.node(step.activities[a].resource).key;
      activity.kind = step.activities[a].kind;
      for (const ActivityRef& gate : step.gates[a]) {
        const std::uint32_t gate_step = dag.step_of[gate.resource.value][static_cast<std::size_t>(gate.kind)];
        activity.gates.push_back({names[gate_step], input.graph.node(gate.resource).key, gate.kind});
      }
      bundle_step.activities.push_back(std::move(activity));
    }
    for (const ActivityDag::Predecessor& predecessor : step.order) bundle_step.order.push_back(names[predecessor.step.value]);
    out.push_back(std::move(bundle_step));
  }
  return out;
}

}  // namespace

Result<CompiledWorkflow> Compile(const CompileInput& input) {
  HOLDFAST_ASSIGN_OR_RETURN(const EngineEmitter* const emitter, FindEngineEmitter(input.engine));
  const PluginsByType plugins = ByType(input.plugins);
  for (const ResourceGraph::Node& node : input.graph.nodes()) {
    if (!plugins.contains(node.key.type)) {
      return InvalidInput("provider " + Printable(input.provider_name) + " has no plugin for " + Printable(node.key.str()));
    }
  }
  const PlanPolicy policy = PolicyOf(input.plan);
  const std::string plan_name = input.plan.StringOr("name", "");
  HOLDFAST_ASSIGN_OR_RETURN(const ActivityDag dag,
                            BuildActivityDag(input.graph, input.activities, input.fuse.value_or(policy.fuse)));
  const std::vector<std::string> names = NameSteps(input.graph, input.activities, dag, policy.step_names);

  Bundle bundle;
  bundle.operation = input.operation;
  bundle.provider_id = input.provider_id;
  bundle.provider_name = input.provider_name;
  bundle.plan = input.plan;
  bundle.checkpoint = input.checkpoint;
  bundle.parameters = input.given_parameters;
  bundle.plugins = input.plugins;
  if (const Value* const roots = input.plan.Find("resources"); roots != nullptr && roots->is_list()) {
    for (const Value& root : roots->AsList()) {
      if (root.is_string()) bundle.roots.push_back(root.AsString());
    }
  }
  std::vector<BundleResource> resources;
  resources.reserve(input.graph.size());
  for (std::uint32_t i = 0; i < input.graph.size(); ++i) {
    BundleResource resource;
    resource.resource = input.graph.ResourceAt(ResourceId{i});
    resource.plugin = plugins.at(resource.resource.key.type)->name;
    resource.parameters = input.parameters[i];
    resources.push_back(std::move(resource));
  }

  CompiledWorkflow out;
  HOLDFAST_ASSIGN_OR_RETURN(out.bundle, MakeBundle(std::move(bundle), StepsOfBundle(input, dag, names), std::move(resources)));
  out.notes = dag.notes;
  out.steps = dag.steps.size();

  EngineWorkflow workflow;
  workflow.name = plan_name + "-" + std::string(NameOf(input.operation));
  workflow.operation = input.operation;
  workflow.head = {std::string(NameOf(input.operation)) + " of plan " + plan_name + ": " + std::to_string(dag.steps.size()) +
                       " steps over " + std::to_string(input.graph.size()) + " resources.",
                   "Compiled by Holdfast: change the plan and compile again, not this file. Its bundle stands beside it."};
  if (!input.checkpoint.empty()) workflow.head.push_back("Checkpoint: " + input.checkpoint);
  for (const std::string& note : dag.notes) workflow.head.push_back(note);
  workflow.bundle = out.bundle.sha256;
  workflow.provider = input.provider_id;
  workflow.parallelism = policy.parallelism;
  workflow.run_deadline = policy.run_deadline;
  workflow.fail_fast = policy.fail_fast;
  workflow.partial = input.partial;
  const std::vector<StepConditions> conditions = EssentialGates(dag);
  for (std::uint32_t i = 0; i < dag.steps.size(); ++i) {
    workflow.steps.push_back({names[i], DescribeStep(input.graph, dag, StepId{i}), conditions[i]});
  }
  HOLDFAST_ASSIGN_OR_RETURN(out.text, emitter->Emit(workflow, input.emit));
  return out;
}

}  // namespace holdfast::compiler
