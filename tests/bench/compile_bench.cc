// How long a compile takes, from the graph in memory to the texts of the file and its bundle. Forests of 100 to
// 100,000 resources (three steps each; or as many as the argument says), and how it grows; of 100,000 each stage, and
// what the emitter writes a second beside a plain fwrite of the same bytes. Beside the time that passes, processor time:
// parts of it run side by side.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "compiler/compile.h"
#include "compiler/dag/essential_gates.h"
#include "compiler/workflow/engine_workflow.h"
#include "compiler/workflow/step_names.h"
#include "tests/bench/bench_graphs.h"
#include "tests/compiler/any_plugin.h"
#include "tests/sdk/processor_time.h"

namespace holdfast::compiler {
namespace {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

CompileInput MakeInput(int size) {
  static const PluginDescriptor plugin = AnyPlugin("Bench::Node");
  CompileInput input;
  input.graph = bench::MakeGraph(size, bench::Forest(size));
  input.table.choices.assign(
      static_cast<std::size_t>(size),
      {StepChoice::Own(), StepChoice::None(), StepChoice::Own(), StepChoice::Own()});
  input.parameters.resize(static_cast<std::size_t>(size), Value(Value::Map{}));
  input.plugins["Bench::Node"] = &plugin;
  input.plan = Value().Set("name", "bench");
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = "bench";
  input.options.emit.tool_version = "bench";
  return input;
}

double Measure(int size, double smaller) {
  const CompileInput input = MakeInput(size);
  const double processor_start = testing::ProcessorSeconds();
  const double start = Seconds();
  const auto compiled = Compile(input);
  const double seconds = Seconds() - start;
  const double processor_seconds = testing::ProcessorSeconds() - processor_start;
  if (!compiled) {
    fmt::print("{}\n", compiled.error().Render());
    return 1e9;
  }
  std::size_t bundle = 0;
  std::size_t files = compiled->text.size();
  for (const EmittedFile& child : compiled->children) files += child.text.size();
  for (const auto& [name, text] : compiled->bundle.files) bundle += text.size();
  fmt::print(
      "{:>8} resources {:>8} steps  {:.3f} s{} (processor {:.3f} s)  files {:.1f} MB, bundle "
      "{:.1f} MB\n",
      size, compiled->steps, seconds,
      smaller == 0 ? "        " : fmt::format(" (x{:4.1f})", seconds / smaller), processor_seconds,
      static_cast<double>(files) / 1e6, static_cast<double>(bundle) / 1e6);
  std::fflush(stdout);
  return seconds;
}

// The stages of Compile, one after the other.
void MeasureStages(int size) {
  const CompileInput input = MakeInput(size);
  double at = Seconds();
  const auto took = [&at] {
    const double before = at;
    at = Seconds();
    return at - before;
  };
  const ActivityDag dag = BuildActivityDag(input.graph, input.table, FuseMode::kNone).value();
  const double of_dag = took();
  const auto conditions = EssentialGates(dag);
  const double of_gates = took();
  const auto names = NameSteps(input.graph, input.table, dag, StepNames::kReadable);
  const double of_names = took();
  EngineWorkflow workflow;
  workflow.name = "bench-protect";
  workflow.bundle = std::string(64, 'a');
  workflow.provider = input.provider_id;
  workflow.steps = *MakeSteps(input.graph, dag, names);
  const double of_steps = took();
  const auto emitter = MakeEngineEmitter("argo").value();
  workflow.groups = CutIntoGroups(input.graph, input.table, dag, conditions, names,
                                  emitter->LimitsOf(input.options.emit));
  const double of_cut = took();
  emitter->Divide(workflow, dag, input.options.emit);
  const double of_division = took();
  DescribeGroups(input.graph, dag, workflow.groups);
  const double of_comments = took();
  const auto emitted = emitter->Emit(workflow, input.options.emit);
  const double of_emitter = took();
  if (!emitted) {
    fmt::print("{}\n", emitted.error().Render());
    return;
  }
  std::string text = emitted->text;
  for (const EmittedFile& child : emitted->children) text += child.text;
  std::FILE* const file = std::tmpfile();
  if (file == nullptr) return;
  took();
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  std::fflush(file);
  const double of_write = took();
  std::fclose(file);
  if (!whole) return;
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  fmt::print(
      "of {} resources: dag {:.3f} s, gates {:.3f} s, names {:.3f} s, steps {:.3f} s, cut {:.3f} "
      "s, "
      "division {:.3f} s, comments {:.3f} s, emit {:.3f} s: {} templates in {} files\n",
      size, of_dag, of_gates, of_names, of_steps, of_cut, of_division, of_comments, of_emitter,
      workflow.groups.size(), std::max<std::size_t>(emitted->children.size(), 1));
  fmt::print("emit {:.0f} MB/s; fwrite of the same bytes {:.0f} MB/s\n", megabytes / of_emitter,
             megabytes / of_write);
}

}  // namespace
}  // namespace holdfast::compiler

// compile_bench [RESOURCES]
int main(int argc, char** argv) {
  using holdfast::compiler::Measure;
  const int largest = argc < 2 ? 100'000 : std::atoi(argv[1]);
  double last = 0;
  for (int size = 100; size <= largest; size *= 10) last = Measure(size, last);
  holdfast::compiler::MeasureStages(100'000);
  return last < 1e9 ? 0 : 1;
}
