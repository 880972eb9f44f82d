#include <cstdio>
#include <filesystem>

#include "compiler/explain.h"
#include "compiler/picture/picture.h"
#include "compiler/plan/graph_file.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/added_order.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/step_list.h"

namespace holdfast::cli {

int CompileWorkflow(Session& session, const CompileArguments& arguments) {
  const auto file = CompileToFile(session, arguments);
  if (!file) return session.out().Fail(file.error());
  return 0;
}

namespace {

Value WayToValue(const compiler::ExplainedReason& reason) {
  Value::List way;
  for (const compiler::ExplainedPlace& place : reason.way) {
    way.push_back(Value()
                      .Set("resource", place.resource.str())
                      .Set("activity", NameOf(place.kind))
                      .Set("plugin", place.plugin)
                      .Set("exists", place.exists)
                      .Set("rule", place.rule));
  }
  return Value().Set("step", reason.step).Set("way", std::move(way));
}

Result<std::vector<local::ListedStep>> ListFileSteps(const std::string& file,
                                                     const LoadedBundle& bundle) {
  HOLDFAST_ASSIGN_OR_RETURN(const local::SourceFile source, local::ReadSourceFile(file));
  if (mistral::IsMistralFile(source.text)) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, ReadMistralWorkflows(file));
    return mistral::ListSteps(definitions, bundle, {});
  }
  local::ListOptions options;
  options.file = file;
  HOLDFAST_ASSIGN_OR_RETURN(options.template_folders, TemplateFoldersOf(file, ""));
  return local::ListSteps(options);
}

// Only the file knows how it is cut; without it the bundle alone is explained.
Result<AddedOrder> AddedOrderOf(const ExplainArguments& arguments, const LoadedBundle& bundle) {
  std::error_code error;
  if (!std::filesystem::exists(arguments.file, error)) return AddedOrder{};
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, ListFileSteps(arguments.file, bundle));
  HOLDFAST_ASSIGN_OR_RETURN(const local::ListedStep step, local::FindStep(steps, arguments.step));
  return FindAddedOrder(bundle, steps, step);
}

Value AddedToValue(const AddedOrder& added) {
  Value::List waits;
  for (const AddedWait& wait : added.waits) {
    waits.push_back(Value()
                        .Set("task", wait.task)
                        .Set("steps", static_cast<std::int64_t>(wait.steps))
                        .Set("needed", static_cast<std::int64_t>(wait.needed))
                        .Set("because_of", wait.because_of));
  }
  return Value()
      .Set("steps", Value::List(added.steps.begin(), added.steps.end()))
      .Set("waits", std::move(waits));
}

}  // namespace

int ExplainStep(Session& session, const ExplainArguments& arguments) {
  const Output& out = session.out();
  const auto files = ReadBundleFolder(BundleFolderOf(arguments.file));
  if (!files && files.error().code() == ErrorCode::kNotFound) {
    return out.Fail(Error(files.error())
                        .Hint("explain reads the bundle that 'holdfast compile' wrote beside the "
                              "workflow file"));
  }
  if (!files) return out.Fail(files.error());
  const auto bundle = LoadBundle(*files);
  if (!bundle) return out.Fail(bundle.error());
  if (arguments.step == "begin" || arguments.step == "end") {
    out.Line(
        arguments.step == "begin"
            ? "begin: checks the bundle, takes the lease, makes the record; a gate of every step"
            : "end: the verdict; the engine runs it whatever happened, it makes the clean-ups that "
              "are owed");
    return 0;
  }
  const auto explanation = compiler::Explain(*bundle, arguments.step);
  if (!explanation) return out.Fail(explanation.error());
  const auto added = AddedOrderOf(arguments, *bundle);
  if (!added) return out.Fail(added.error());
  Value::List activities;
  for (const compiler::ExplainedActivity& activity : explanation->activities) {
    Value::List gates;
    for (const compiler::ExplainedReason& gate : activity.gates) gates.push_back(WayToValue(gate));
    activities.push_back(Value()
                             .Set("resource", activity.resource.str())
                             .Set("activity", NameOf(activity.kind))
                             .Set("plugin", activity.plugin)
                             .Set("gates", std::move(gates)));
  }
  Value::List order;
  for (const compiler::ExplainedReason& reason : explanation->order)
    order.push_back(WayToValue(reason));
  out.Json("explanation", Value()
                              .Set("step", explanation->step)
                              .Set("activities", std::move(activities))
                              .Set("order", std::move(order))
                              .Set("added", AddedToValue(*added)));
  if (!out.json()) WriteStdout(explanation->text + Render(*added));
  return 0;
}

int DrawGraph(Session& session, const GraphArguments& arguments) {
  const Output& out = session.out();
  const auto format = arguments.format == "mermaid" ? compiler::PictureFormat::kMermaid
                                                    : compiler::PictureFormat::kDot;
  std::string picture;
  if (!arguments.activities) {
    const auto graph = LoadGraph(session, arguments.plan, arguments.graph);
    if (!graph) return out.Fail(graph.error());
    picture = compiler::DrawResourceGraph(*graph, format);
  } else {
    const auto plan = LoadPlan(session, arguments.plan);
    if (!plan) return out.Fail(plan.error());
    const auto graph = LoadGraph(session, arguments.plan, arguments.graph);
    if (!graph) return out.Fail(graph.error());
    const auto provider = OpenProviderOf(session, *plan);
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
    const bool leaf = arguments.fuse.empty() ? plan->policy.fuse == compiler::FuseMode::kLeaf
                                             : arguments.fuse == "leaf";
    const auto dag = compiler::BuildActivityDag(
        *graph, *table, leaf ? compiler::FuseMode::kLeaf : compiler::FuseMode::kNone);
    if (!dag) return out.Fail(WithGraphLines(dag.error(), *graph));
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
    if (!outcome)
      return out.Fail(std::move(outcome).error().Hint("SVG needs graphviz; --format dot does not"));
    if (!outcome->ok()) return out.Fail(Internal("dot failed: " + DescribeOutcome(*outcome)));
    picture = std::move(outcome->output);
  }
  if (arguments.output.empty() || arguments.output == "-") {
    WriteStdout(picture);
    return 0;
  }
  if (auto status = session.files().Write(arguments.output, picture); !status)
    return out.Fail(status.error());
  out.Say("wrote " + arguments.output);
  return 0;
}

}  // namespace holdfast::cli
