#include <cstdio>

#include "compiler/picture/picture.h"
#include "compiler/plan/graph_file.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/cli/opened_workflow.h"

namespace holdfast::cli {

int CompileWorkflow(Session& session, const CompileArguments& arguments) {
  const auto file = CompileToFile(session, arguments);
  if (!file) return session.out().Fail(file.error());
  return 0;
}

namespace {

// Which rule puts a gate before an activity (design: semantics, order and gates).
std::string GateRule(const BundleActivity& activity, const BundleGate& gate) {
  const bool own = activity.resource == gate.resource;
  if (own && gate.kind == ActivityKind::kPreFinish) return "its parallel runs only after its own pre_finish succeeded";
  if (own) return "the resource's own pre must have succeeded";
  return "a parent's pre must have succeeded (its own is not defined, or it is the pre itself)";
}

}  // namespace

int ExplainStep(Session& session, const ExplainArguments& arguments) {
  const Output& out = session.out();
  const auto files = ReadBundleFolder(BundleFolderOf(arguments.file));
  if (!files) return out.Fail(files.error());
  const auto bundle = LoadBundle(*files);
  if (!bundle) return out.Fail(bundle.error());
  if (arguments.step == "begin" || arguments.step == "end") {
    out.Line(arguments.step == "begin"
                 ? "begin: checks the bundle, takes the lease, makes the record; a gate of every step"
                 : "end: the verdict; the engine runs it whatever happened, it makes the clean-ups that are owed");
    return 0;
  }
  const BundleStep* const step = bundle->FindStep(arguments.step);
  if (step == nullptr) {
    std::vector<std::string> names;
    for (const BundleShard& shard : bundle->shards) {
      for (const BundleStep& other : shard.steps) names.push_back(other.name);
    }
    const std::string near = Nearest(arguments.step, names);
    return out.Fail(NotFound("there is no step '" + Printable(arguments.step) + "' in " + arguments.file)
                        .Hint(near.empty() ? "'holdfast step list' shows the steps" : "did you mean '" + near + "'?"));
  }
  out.Line(step->name);
  for (const BundleActivity& activity : step->activities) {
    const BundleResource* const resource = bundle->FindResource(activity.resource);
    out.Line("  runs " + std::string(NameOf(activity.kind)) + " of " + Printable(activity.resource.str()) + " (" +
             Printable(resource == nullptr ? "" : resource->resource.name) + "), plugin " +
             (resource == nullptr ? "" : resource->plugin));
    if (activity.gates.empty()) out.Line("    gate: begin");
    Value::List gates;
    for (const BundleGate& gate : activity.gates) {
      out.Line("    gate: " + gate.step + ", " + std::string(NameOf(gate.kind)) + " of " + Printable(gate.resource.str()) + ": " +
               GateRule(activity, gate));
      gates.push_back(Value()
                          .Set("step", gate.step)
                          .Set("activity", NameOf(gate.kind))
                          .Set("resource", gate.resource.str())
                          .Set("rule", GateRule(activity, gate)));
    }
    out.Json("activity", Value()
                             .Set("step", step->name)
                             .Set("activity", NameOf(activity.kind))
                             .Set("resource", activity.resource.str())
                             .Set("gates", std::move(gates)));
  }
  for (const std::string& before : step->order) {
    const BundleStep* const other = bundle->FindStep(before);
    if (other == nullptr) continue;
    const BundleActivity& last = other->activities.back();
    const BundleActivity& first = step->activities.front();
    std::string link;
    if (last.resource == first.resource) {
      link = first.kind == ActivityKind::kParallel && last.kind == ActivityKind::kPre ? "pre -> parallel (yellow)"
             : first.kind == ActivityKind::kPost                                      ? "before its own post (red)"
                                                                                      : "its own preparation";
    } else if (first.kind == ActivityKind::kPost) {
      link = "a post below it, or what stands for it -> post (indigo)";
    } else if (first.kind == ActivityKind::kPreFinish) {
      link = "a preparation below it -> pre_finish";
    } else {
      link = "a parent's pre -> what is below it (green)";
    }
    out.Line("  after " + before + ", however it ended: " + link);
    out.Json("order", Value().Set("step", step->name).Set("after", before).Set("link", link));
  }
  return 0;
}

int DrawGraph(Session& session, const GraphArguments& arguments) {
  const Output& out = session.out();
  const auto format = arguments.format == "mermaid" ? compiler::PictureFormat::kMermaid : compiler::PictureFormat::kDot;
  std::string picture;
  if (!arguments.activities) {
    const auto graph = LoadGraph(arguments.plan, arguments.graph);
    if (!graph) return out.Fail(graph.error());
    picture = compiler::DrawResourceGraph(*graph, format);
  } else {
    const auto plan = LoadPlan(arguments.plan);
    if (!plan) return out.Fail(plan.error());
    const auto graph = LoadGraph(arguments.plan, arguments.graph);
    if (!graph) return out.Fail(graph.error());
    const auto provider = session.OpenProvider(plan->provider);
    if (!provider) return out.Fail(provider.error());
    // Parameters of another operation are not known here: those of protect, or none.
    CompileArguments compile;
    compile.plan = arguments.plan;
    compile.graph = arguments.graph;
    std::vector<Value> parameters(graph->size(), Value(Value::Map{}));
    if (arguments.operation == Operation::kProtect) {
      const auto input = GatherCompileInput(session, compile);
      if (!input) return out.Fail(input.error());
      parameters = input->parameters;
    }
    const auto table = AskPlugins(**provider, arguments.operation, *graph, parameters);
    if (!table) return out.Fail(table.error());
    const bool leaf = arguments.fuse.empty() ? plan->policy.fuse == compiler::FuseMode::kLeaf : arguments.fuse == "leaf";
    const auto dag = compiler::BuildActivityDag(*graph, *table, leaf ? compiler::FuseMode::kLeaf : compiler::FuseMode::kNone);
    if (!dag) return out.Fail(dag.error());
    picture = compiler::DrawActivityDag(*graph, *dag, format);
  }
  if (arguments.format == "svg") {
    MemorySource source(picture);
    ProcessSpec spec;
    spec.argv = {"dot", "-Tsvg"};
    spec.deadline = std::chrono::minutes(2);
    spec.input = &source;
    spec.output_limit = 1U << 30U;
    auto outcome = session.processes().Run(spec);
    if (!outcome) return out.Fail(std::move(outcome).error().Hint("SVG needs graphviz; --format dot does not"));
    if (!outcome->ok()) return out.Fail(Internal("dot failed: " + DescribeOutcome(*outcome)));
    picture = std::move(outcome->output);
  }
  if (arguments.output.empty() || arguments.output == "-") {
    std::fwrite(picture.data(), 1, picture.size(), stdout);
    return 0;
  }
  if (auto status = WriteFileDurably(arguments.output, picture); !status) return out.Fail(status.error());
  out.Say("wrote " + arguments.output);
  return 0;
}

}  // namespace holdfast::cli
