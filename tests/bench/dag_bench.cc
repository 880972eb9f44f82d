// How long it takes to build the activity DAG of large graphs in memory: processor time, which other
// work on the machine changes little. Prints one line a case; exit code 1 when the forest of 100,000
// resources takes a second or more (optimised builds), or twice the ladder more than three times as
// long. `--check` measures these alone.

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/dag/essential_gates.h"
#include "plugins/sdk/resource_graph.h"
#include "tests/bench/bench_graphs.h"
#include "tests/sdk/processor_time.h"

namespace holdfast::compiler {
namespace {

using bench::Edges;
using bench::Forest;
using bench::MakeGraph;

Edges Chain(int size) {
  Edges edges;
  for (int i = 1; i < size; ++i) edges.emplace_back(i - 1, i);
  return edges;
}
Edges Star(int size) {
  Edges edges;
  for (int i = 1; i < size; ++i) edges.emplace_back(0, i);
  return edges;
}
Edges OneTree(int size) {
  Edges edges;
  for (int i = 1; i < size; ++i) edges.emplace_back((i - 1) / 10, i);
  return edges;
}
Edges Comb(int size) {  // a chain in which every resource has a leaf
  Edges edges;
  for (int i = 2; i < size; ++i) edges.emplace_back(i % 2 == 0 ? i - 2 : i - 1, i);
  return edges;
}
Edges Ladder(int size) {  // layers of two, each below both of the layer above
  Edges edges;
  for (int i = 2; i < size; ++i) {
    const int above = i / 2 * 2 - 2;
    edges.emplace_back(above, i);
    edges.emplace_back(above + 1, i);
  }
  return edges;
}
Edges Layers(int size) {  // layers of 30, each node below 4 of the layer above
  Edges edges;
  for (int i = 30; i < size; ++i) {
    for (int k = 0; k < 4; ++k) {
      edges.emplace_back(i / 30 * 30 - 30 + (i * 7 + k * 11) % 30, i);
    }
  }
  return edges;
}

// Which of pre, pre_finish, parallel and post resource i defines.
using Defines = bool (*)(int resource, ActivityKind kind);
bool Three(int, ActivityKind kind) { return kind != ActivityKind::kPreFinish; }
bool All(int, ActivityKind) { return true; }
bool NoParallel(int, ActivityKind kind) {
  return kind == ActivityKind::kPre || kind == ActivityKind::kPost;
}
bool Holes(int resource, ActivityKind kind) {
  return ((static_cast<unsigned>(resource) * 2654435761U) >> (7 + 3 * static_cast<int>(kind))) %
             3 ==
         0;
}
bool HolesAfterPre(int resource, ActivityKind kind) {
  return kind == ActivityKind::kPre || Holes(resource, kind);
}
bool OddLayers(int resource, ActivityKind kind) {
  return kind == ActivityKind::kParallel || resource / 2 % 2 == 1;
}

double Measure(std::string_view name, int size, const Edges& edges, Defines defines,
               FuseMode fuse = FuseMode::kNone) {
  const ResourceGraph graph = MakeGraph(size, edges);
  ActivityTable table;
  table.choices.resize(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    for (const ActivityKind kind : kAllActivityKinds) {
      table.choices[static_cast<std::size_t>(i)][static_cast<std::size_t>(kind)] =
          defines(i, kind) ? StepChoice::Own() : StepChoice::None();
    }
  }
  const double start = testing::ProcessorSeconds();
  const auto dag = BuildActivityDag(graph, table, fuse);
  const double built = testing::ProcessorSeconds();
  if (!dag.has_value()) {
    fmt::print("{:34} {:>8} resources: {}\n", name, size, dag.error().message());
    return 1e9;
  }
  const auto conditions = EssentialGates(*dag);
  const double end = testing::ProcessorSeconds();
  std::size_t links = 0;
  for (const auto& step : dag->steps) links += step.order.size();
  const double seconds = built - start;
  fmt::print(
      "{:34} {:>8} resources {:>8} steps {:>8} links  dag {:.3f} s  gates of the file {:.3f} s{}\n",
      name, size, dag->steps.size(), links, seconds, end - built,
      dag->notes.empty() ? "" : "  (" + dag->notes.front() + ")");
  std::fflush(stdout);
  return seconds;
}

// What must hold; a chain is deep, not recursive: run with a small stack, it comes back.
bool Check() {
  const double forest = Measure("forest", 100'000, Forest(100'000), Three);
  const double ladder = Measure("ladder of 10,000 layers", 20'000, Ladder(20'000), Three);
  const double twice = Measure("ladder of 20,000 layers", 40'000, Ladder(40'000), Three);
  Measure("chain", 100'000, Chain(100'000), Three);
  Measure("chain, activities missing", 100'000, Chain(100'000), Holes);
  if (forest >= 1) fmt::print("the forest takes a second or more\n");
  if (twice >= 3 * ladder) fmt::print("the ladder is not linear\n");
  return forest < 1 && twice < 3 * ladder;
}

bool Run() {
  const bool good = Check();
  Measure("forest, fused", 100'000, Forest(100'000), Three, FuseMode::kLeaf);
  Measure("forest, with pre_finish", 100'000, Forest(100'000), All);
  Measure("forest, activities missing", 100'000, Forest(100'000), Holes);
  Measure("forest x 2", 200'000, Forest(200'000), Three);
  Measure("forest x 10", 1'000'000, Forest(1'000'000), Three);
  Measure("one tree", 100'000, OneTree(100'000), Three);
  Measure("one tree, with pre_finish", 100'000, OneTree(100'000), All);
  Measure("one tree, activities missing", 100'000, OneTree(100'000), Holes);
  Measure("star", 100'000, Star(100'000), Three);
  Measure("star, activities missing", 100'000, Star(100'000), Holes);
  Measure("comb, activities missing", 100'000, Comb(100'000), Holes);
  Measure("ladder of 5,000 layers", 10'000, Ladder(10'000), Three);
  Measure("ladder of 10,000, no parallel", 20'000, Ladder(20'000), NoParallel);
  Measure("ladder of 10,000, odd layers", 20'000, Ladder(20'000), OddLayers);
  Measure("ladder of 10,000, missing", 20'000, Ladder(20'000), Holes);
  Measure("ladder of 10,000, with pre_finish", 20'000, Ladder(20'000), All);
  Measure("layers of 30", 30'000, Layers(30'000), All);
  Measure("layers of 30, missing", 30'000, Layers(30'000), HolesAfterPre);
  Measure("layers of 30, missing", 60'000, Layers(60'000), HolesAfterPre);
  Measure("layers of 30, every kind missing", 3'000, Layers(3'000), Holes);
  return good;
}

}  // namespace
}  // namespace holdfast::compiler

int main(int argc, char** argv) {
  const bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  return (check ? holdfast::compiler::Check() : holdfast::compiler::Run()) ? 0 : 1;
}
