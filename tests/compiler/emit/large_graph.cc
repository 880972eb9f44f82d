#include "tests/compiler/emit/large_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "compiler/plan/plan.h"
#include "plugins/sdk/check.h"
#include "tests/compiler/any_plugin.h"

namespace holdfast::compiler {
namespace {

constexpr std::string_view kType = "Large::Node";

// The standard's distributions give other numbers elsewhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  int Below(int limit) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(limit)); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <class T>
  void Shuffle(std::vector<T>& list) {
    for (std::size_t i = list.size(); i > 1; --i)
      std::swap(list[i - 1], list[static_cast<std::size_t>(Below(static_cast<int>(i)))]);
  }

 private:
  std::mt19937_64 engine_;
};

// By number of a resource: those of its parents, which are smaller.
using Parents = std::vector<std::set<int>>;

Parents Forest(Random& random) {
  const int size = 200 + random.Below(1800);
  const int roots = 1 + random.Below(20);
  // From deep (the parent is one of the last few) to wide.
  const int reach = std::array{3, 30, 300, 3000}[static_cast<std::size_t>(random.Below(4))];
  Parents parents(static_cast<std::size_t>(size));
  for (int i = roots; i < size; ++i)
    parents[static_cast<std::size_t>(i)] = {i - 1 - random.Below(std::min(i, reach))};
  return parents;
}

Parents Diamonds(Random& random) {
  const int size = 200 + random.Below(1200);
  const int reach = std::array{4, 40, 400}[static_cast<std::size_t>(random.Below(3))];
  const int more = 2 + random.Below(4);
  Parents parents(static_cast<std::size_t>(size));
  for (int i = 1; i < size; ++i) {
    for (int n = 1 + (random.OneIn(more) ? 1 + random.Below(2) : 0); n > 0; --n)
      parents[static_cast<std::size_t>(i)].insert(i - 1 - random.Below(std::min(i, reach)));
  }
  return parents;
}

// Some of the children have one of their own, and in some stars these share it.
Parents Star(Random& random) {
  constexpr int kChildren = 5000;
  const int arms = random.OneIn(2) ? 0 : random.Below(200);
  const bool shared = random.OneIn(2);
  Parents parents(kChildren + 1);
  for (int i = 1; i <= kChildren; ++i) parents[static_cast<std::size_t>(i)] = {0};
  for (int i = 0; i < arms; ++i) {
    auto& above = parents.emplace_back();
    above.insert(1 + random.Below(kChildren));
    if (shared && random.OneIn(10)) above.insert(1 + random.Below(kChildren));
  }
  return parents;
}

Parents Chain(Random& random) {
  constexpr int kDeep = 300;
  const int chains = 1 + random.Below(3);
  const int leaves = random.OneIn(2) ? 0 : random.Below(400);
  Parents parents(static_cast<std::size_t>(chains * kDeep));
  for (int i = 0; i < chains * kDeep; ++i) {
    if (i % kDeep != 0) parents[static_cast<std::size_t>(i)] = {i - 1};
  }
  for (int i = 0; i < leaves; ++i) parents.push_back({random.Below(chains * kDeep)});
  return parents;
}

Parents ManyParents(Random& random) {
  const int above = 5 + random.Below(40);
  const int below = 100 + random.Below(500);
  const int of_ten = 1 + random.Below(10);
  const bool top = random.OneIn(2);  // above them all
  Parents parents(static_cast<std::size_t>(above + below));
  for (int i = top ? 1 : 0; i < above; ++i) {
    if (top) parents[static_cast<std::size_t>(i)] = {0};
  }
  for (int i = above; i < above + below; ++i) {
    for (int p = 0; p < above; ++p) {
      if (random.Below(10) < of_ten) parents[static_cast<std::size_t>(i)].insert(p);
    }
  }
  return parents;
}

ResourceKey KeyOf(int number) {
  return {std::string(kType), fmt::format("id-{:05}", (number * 7919 + 13) % 99991)};
}

ActivityTable AnyTable(const ResourceGraph& graph, Random& random) {
  // Of ten resources as many have the activity.
  std::array<int, kActivityKindCount> likely{};
  for (int& of_ten : likely)
    of_ten = std::array{10, 10, 9, 5}[static_cast<std::size_t>(random.Below(4))];
  const int pre_finish = random.Below(4);  // nowhere, on the roots, on a few, on many
  ActivityTable table;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    auto& choices = table.choices.emplace_back();
    for (std::size_t kind = 0; kind < choices.size(); ++kind)
      choices[kind] = random.Below(10) < likely[kind] ? StepChoice::Own() : StepChoice::None();
    const bool root = graph.parents(ResourceId{i}).empty();
    const bool has = (pre_finish == 1 && root) || (pre_finish == 2 && random.OneIn(50)) ||
                     (pre_finish == 3 && random.OneIn(3));
    choices[static_cast<std::size_t>(ActivityKind::kPreFinish)] =
        has ? StepChoice::Own() : StepChoice::None();
  }
  return table;
}

std::string PlanFile(const std::vector<std::string>& roots) {
  std::string text = "name: large\nprovider: any\nresources:\n";
  for (const std::string& root : roots) text += "- \"" + root + "\"\n";
  return text +
         "policy: {parallelism: 20, step_deadline: 90m, run_deadline: 20h}\n"
         "schedule: {cron: \"30 2 * * 1-5\", timezone: Europe/Berlin}\n";
}

std::vector<std::string> RootsOf(const ResourceGraph& graph) {
  std::vector<std::string> roots;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    if (graph.parents(ResourceId{i}).empty()) roots.push_back(graph.node(ResourceId{i}).key.str());
  }
  return roots;
}

LargeGraph MakeGraph(std::uint64_t seed, std::string_view form, const Parents& parents,
                     Random& random) {
  ResourceGraphBuilder builder;
  for (int i = 0; i < static_cast<int>(parents.size()); ++i) {
    const std::string name = fmt::format("web {}.{}", i % 97, i);
    Value extra;
    if (random.OneIn(4)) extra.Set("size", 1234.5 + i).Set("path", "/srv/" + name);
    HOLDFAST_CHECK(builder.AddResource({KeyOf(i), name, std::move(extra)}).has_value());
    for (const int parent : parents[static_cast<std::size_t>(i)])
      HOLDFAST_CHECK(builder.AddEdge(KeyOf(parent), KeyOf(i)).has_value());
  }
  LargeGraph out;
  out.seed = seed;
  out.form = form;
  out.graph = builder.Build().value();
  out.table = AnyTable(out.graph, random);
  out.plan = PlanFile(RootsOf(out.graph));
  return out;
}

const PluginDescriptor kPlugin = AnyPlugin(kType);

}  // namespace

LargeGraph MakeLargeGraph(std::uint64_t seed) {
  using Maker = Parents (*)(Random&);
  constexpr std::array<std::pair<std::string_view, Maker>, kLargeForms> kMakers{
      {{"forest", Forest},
       {"diamonds", Diamonds},
       {"star", Star},
       {"chain", Chain},
       {"many parents", ManyParents}}};
  const auto& [form, maker] = kMakers[seed % kLargeForms];
  Random random(seed);
  const Parents parents = maker(random);
  return MakeGraph(seed, form, parents, random);
}

LargeGraph MakeSmallGraph(std::uint64_t seed) {
  Random random(seed);
  Parents parents(static_cast<std::size_t>(1 + random.Below(14)));
  for (int i = 1; i < static_cast<int>(parents.size()); ++i) {
    for (int n = random.Below(4); n > 0; --n)
      parents[static_cast<std::size_t>(i)].insert(random.Below(i));
  }
  return MakeGraph(seed, "small", parents, random);
}

LargeGraph Shuffled(const LargeGraph& large) {
  Random random(large.seed + 1);
  std::vector<ResourceGraph::Node> nodes = large.graph.nodes();
  std::vector<ResourceGraph::Edge> edges = large.graph.edges();
  std::vector<std::string> roots = RootsOf(large.graph);
  random.Shuffle(nodes);
  random.Shuffle(edges);
  random.Shuffle(roots);
  ResourceGraphBuilder builder;
  for (const auto& edge : edges) {
    HOLDFAST_CHECK(
        builder.AddEdge(large.graph.node(edge.parent).key, large.graph.node(edge.child).key)
            .has_value());
  }
  for (auto& node : nodes) HOLDFAST_CHECK(builder.AddResource(std::move(node)).has_value());
  LargeGraph out = {large.seed, large.form, builder.Build().value(), {}, PlanFile(roots)};
  for (const auto& node : out.graph.nodes())
    out.table.choices.push_back(large.table.choices[large.graph.Find(node.key)->value]);
  return out;
}

CompileInput InputOf(const LargeGraph& large, ShardSize size, FuseMode fuse) {
  CompileInput input;
  input.graph = large.graph;
  input.table = large.table;
  const auto plan = ParsePlan(large.plan, "large.yaml");
  HOLDFAST_CHECK(plan.has_value());
  input.plan = plan->value;
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = "any";
  input.plugins[std::string(kType)] = &kPlugin;
  input.parameters.resize(large.graph.size());
  input.options.fuse = fuse;
  input.options.emit.kind = WorkflowKind::kTemplate;
  input.options.emit.tool_version = "test";
  input.options.emit.max_tasks_per_template = size.max_tasks_per_template;
  input.options.emit.max_tasks_per_workflow = size.max_tasks_per_workflow;
  return input;
}

}  // namespace holdfast::compiler
