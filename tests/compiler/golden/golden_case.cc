#include "golden_case.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "compiler/plan/graph_file.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

std::set<ActivityKind> KindsIn(const Value* list) {
  std::set<ActivityKind> kinds;
  if (list == nullptr) return kinds;
  for (const Value& name : list->AsList()) kinds.insert(ParseActivityKind(name.AsString()).value());
  return kinds;
}

// The same graph, made from its parts in the opposite order.
Result<ResourceGraph> Reversed(const ResourceGraph& graph) {
  ResourceGraphBuilder builder;
  for (auto edge = graph.edges().rbegin(); edge != graph.edges().rend(); ++edge) {
    HOLDFAST_RETURN_IF_ERROR(
        builder.AddEdge(graph.node(edge->parent).key, graph.node(edge->child).key, edge->facts));
  }
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    HOLDFAST_RETURN_IF_ERROR(builder.AddResource(*node));
  }
  return builder.Build();
}

}  // namespace

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<GoldenCase> ReadGoldenCase(const std::string& folder, bool reversed) {
  GoldenCase out;
  HOLDFAST_ASSIGN_OR_RETURN(const Value spec,
                            ParseYaml(ReadWhole(folder + "/case.yaml"), "case.yaml"));
  HOLDFAST_ASSIGN_OR_RETURN(out.plan, ParsePlan(ReadWhole(folder + "/plan.yaml"), "plan.yaml"));
  HOLDFAST_ASSIGN_OR_RETURN(out.graph, ReadGraph(ReadWhole(folder + "/graph.yaml"), "graph.yaml"));
  if (reversed) {
    HOLDFAST_ASSIGN_OR_RETURN(out.graph, Reversed(out.graph));
  }

  CompileInput& input = out.input;
  input.operation = ParseOperation(spec.StringOr("operation", "protect")).value();
  std::map<ResourceKey, std::set<ActivityKind>> none;
  if (const Value* answers = spec.Find("none"); answers != nullptr) {
    for (const auto& [key, kinds] : answers->AsMap()) {
      HOLDFAST_ASSIGN_OR_RETURN(const ResourceKey parsed, ParseResourceKey(key));
      none[parsed] = KindsIn(&kinds);
    }
  }
  std::map<std::string, const Value*, std::less<>> plugin_of;
  for (const Value& entry : spec.Find("plugins")->AsList()) {
    PluginDescriptor& plugin = out.plugins.emplace_back();
    plugin.name = entry.StringOr("name", "");
    plugin.quiesces = entry.BoolOr("quiesces", false);
    for (const Value& type : entry.Find("types")->AsList()) plugin.types.push_back(type.AsString());
    for (const Operation operation : kAllOperations) {
      for (const ActivityKind kind : KindsIn(entry.Find("activities"))) {
        plugin.operation(operation).activities[static_cast<std::size_t>(kind)] = true;
      }
      if (const Value* schema = entry.Find("parameters"); schema != nullptr) {
        HOLDFAST_ASSIGN_OR_RETURN(plugin.operation(operation).parameters,
                                  SchemaFromValue(*schema, "case.yaml"));
      }
    }
    for (const std::string& type : plugin.types) {
      input.plugins[type] = &plugin;
      plugin_of[type] = &entry;
    }
  }
  for (const ResourceGraph::Node& node : out.graph.nodes()) {
    auto& choices = input.table.choices.emplace_back();
    const auto found = plugin_of.find(node.key.type);
    if (found == plugin_of.end()) {
      choices.fill(StepChoice::None());
      continue;
    }
    const PluginDescriptor& plugin = *input.plugins.at(node.key.type);
    const Value* aggregate = found->second->Find("aggregate");
    for (const ActivityKind kind : kAllActivityKinds) {
      StepChoice& choice = choices[static_cast<std::size_t>(kind)];
      const std::string key = aggregate == nullptr ? "" : aggregate->StringOr(NameOf(kind), "");
      choice = key.empty() ? StepChoice::Own() : StepChoice::Aggregate(key);
      if (!plugin.operation(input.operation).Defines(kind) || none[node.key].contains(kind))
        choice = StepChoice::None();
    }
  }
  ParameterSet given = out.plan.parameters;
  if (input.operation != Operation::kProtect) {
    HOLDFAST_ASSIGN_OR_RETURN(
        given, ParseParameters(ReadWhole(folder + "/parameters.yaml"), "parameters.yaml"));
  }
  HOLDFAST_ASSIGN_OR_RETURN(input.parameters,
                            ResolveParameters(given, input.operation, out.graph, input.plugins));
  input.given_parameters = given.entries;
  input.graph = out.graph;
  input.plan = out.plan.value;
  input.checkpoint = spec.StringOr("checkpoint", "");
  const Value* provider = spec.Find("provider");
  input.provider_name = provider->StringOr("name", "");
  input.provider_id = provider->StringOr("id", "");
  input.options.emit.tool_version = "holdfast test";
  if (const Value* options = spec.Find("options"); options != nullptr) {
    if (options->StringOr("kind", "") == "template")
      input.options.emit.kind = WorkflowKind::kTemplate;
    if (options->StringOr("fuse", "") == "leaf") input.options.fuse = FuseMode::kLeaf;
    input.options.emit.max_tasks_per_template =
        static_cast<std::uint32_t>(options->IntOr("max_tasks", 200));
    input.options.emit.max_tasks_per_workflow =
        static_cast<std::uint32_t>(options->IntOr("max_tasks_per_workflow", 1500));
    input.options.partial = options->BoolOr("partial", false);
  }
  return out;
}

}  // namespace holdfast::compiler
