// Random graphs (forests, diamonds, stars, chains; any activities missing; aggregation; both
// fusions) against a brute-force oracle.

#include <gtest/gtest.h>
// After gtest.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/dag/activity_gates.h"
#include "compiler/dag/activity_order.h"
#include "compiler/dag/essential_gates.h"
#include "compiler/graph/walk.h"
#include "tests/compiler/dag/dag_oracle.h"
#include "tests/compiler/dag/dag_text.h"
#include "tests/sdk/property_cases.h"

namespace holdfast::compiler {
namespace {

const bool kConfigured = testing::TryPropertiesOn(testing::PropertyCases(200));

// A case as data that RapidCheck can shrink and print.
struct RandomCase {
  int size = 0;
  std::vector<std::pair<int, int>> edges;  // parent, child
  std::vector<std::array<StepChoice, 4>> choices;

  DagCase Make(bool reversed = false) const {
    ResourceGraphBuilder builder;
    // Keys that do not sort as the numbers do: the order of names says nothing about the graph.
    const auto key = [](int i) { return ResourceKey{"T::N", std::to_string((i * 37 + 11) % 101)}; };
    const auto add_resource = [&](int i) {
      RC_ASSERT(builder.AddResource({key(i), "n" + std::to_string(i), {}}).has_value());
    };
    const auto add_edge = [&](const std::pair<int, int>& edge) {
      RC_ASSERT(builder.AddEdge(key(edge.first), key(edge.second)).has_value());
    };
    if (reversed) {
      std::for_each(edges.rbegin(), edges.rend(), add_edge);
      for (int i = size - 1; i >= 0; --i) add_resource(i);
    } else {
      for (int i = 0; i < size; ++i) add_resource(i);
      std::for_each(edges.begin(), edges.end(), add_edge);
    }
    auto graph = builder.Build();
    RC_ASSERT(graph.has_value());
    DagCase result{std::move(*graph), {}};
    result.table.choices.resize(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) {
      result.table.choices[result.graph.Find(key(i))->value] = choices[static_cast<std::size_t>(i)];
    }
    return result;
  }
};

void showValue(const RandomCase& c, std::ostream& out) {
  constexpr std::array<const char*, 4> kKinds{"pre", "fin", "par", "post"};
  for (int i = 0; i < c.size; ++i) {
    out << "\nn" << i << ":";
    for (std::size_t k = 0; k < 4; ++k) {
      const StepChoice& choice = c.choices[static_cast<std::size_t>(i)][k];
      if (choice.kind == StepChoice::Kind::kNone) continue;
      out << " " << kKinds[k];
      if (choice.kind == StepChoice::Kind::kAggregate) out << "@" << choice.key;
    }
    out << " >";
    for (const auto& [parent, child] : c.edges) {
      if (parent == i) out << " n" << child;
    }
  }
}

enum class Shape { kForest, kAny };
enum class Keys { kNone, kSome };

rc::Gen<RandomCase> AnyCase(Shape shape, Keys keys) {
  return rc::gen::exec([=] {
    RandomCase c;
    // Mostly small; some wide enough that sets of activities are shared and not listed.
    c.size =
        *rc::gen::oneOf(rc::gen::inRange(1, 8), rc::gen::inRange(1, 14), rc::gen::inRange(20, 40));
    const int form = *rc::gen::inRange(0, 5);
    for (int child = 1; child < c.size; ++child) {
      const auto add = [&](int parent) { c.edges.emplace_back(parent, child); };
      switch (form) {
        case 0:  // a star, or two
          add(*rc::gen::inRange(0, std::min(child, 2)));
          break;
        case 1:  // chains with branches
          add(*rc::gen::inRange(std::max(0, child - 3), child));
          break;
        default:  // trees of any form, several roots
          if (*rc::gen::inRange(0, 6) != 0) add(*rc::gen::inRange(0, child));
      }
      if (shape == Shape::kForest) continue;
      int more = 0;
      if (form == 3) more = *rc::gen::inRange(0, 2);  // a diamond here and there
      if (form == 4) more = *rc::gen::inRange(0, 4);  // many, with edges that others imply
      for (int i = 0; i < more; ++i) add(*rc::gen::inRange(0, child));
    }
    // Of ten, so many resources define each kind.
    std::array<int, 4> likely{};
    for (int& l : likely) l = *rc::gen::element(0, 1, 5, 9, 10);
    likely[1] = *rc::gen::element(0, 0, 1, 3, 8);
    for (int i = 0; i < c.size; ++i) {
      auto& choices = c.choices.emplace_back();
      for (std::size_t k = 0; k < 4; ++k) {
        choices[k] = *rc::gen::inRange(0, 10) < likely[k] ? StepChoice::Own() : StepChoice::None();
        if (keys == Keys::kSome && choices[k].kind == StepChoice::Kind::kOwn &&
            *rc::gen::inRange(0, 5) == 0) {
          choices[k] = StepChoice::Aggregate(std::string(1, "gh"[*rc::gen::inRange(0, 2)]));
        }
      }
    }
    return c;
  });
}

FuseMode AnyFuse() { return *rc::gen::element(FuseMode::kNone, FuseMode::kLeaf); }

// A case whose aggregation closes no cycle, with its DAG.
struct Compiled {
  DagCase c;
  FuseMode fuse = FuseMode::kNone;
  ActivityDag dag;
};
Compiled AnyCompiled(Keys keys) {
  Compiled compiled{(*AnyCase(Shape::kAny, keys)).Make(), AnyFuse(), {}};
  auto dag = BuildActivityDag(compiled.c.graph, compiled.c.table, compiled.fuse);
  RC_PRE(dag.has_value());
  compiled.dag = std::move(*dag);
  return compiled;
}

Matrix MatrixOf(const Digraph& graph) {
  Matrix matrix(graph.size(), std::vector<bool>(graph.size(), false));
  for (const auto& edge : graph.edges()) matrix[edge.from][edge.to] = true;
  return matrix;
}

Matrix StepMatrix(const ActivityDag& dag) {
  Matrix matrix(dag.steps.size(), std::vector<bool>(dag.steps.size(), false));
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    for (const auto& before : dag.steps[i].order) matrix[before.step.value][i] = true;
  }
  return matrix;
}

// No edge is beside a longer path.
bool IsReduced(const Matrix& edges) {
  const Matrix closure = Close(edges);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (std::size_t j = 0; j < edges.size(); ++j) {
      if (!edges[i][j]) continue;
      for (std::size_t k = 0; k < edges.size(); ++k) {
        if (closure[i][k] && closure[k][j]) return false;
      }
    }
  }
  return true;
}

Digraph Contract(const DagCase& c) {
  const auto walk = WalkGraph(c.graph);
  RC_ASSERT(walk.has_value());
  auto order = OrderActivities(c.graph, ReduceResourceGraph(c.graph), walk->parents_first, c.table);
  RC_ASSERT(order.has_value());
  return std::move(*order);
}

// --- Each pass -----------------------------------------------------------------------------------

RC_GTEST_PROP(ResourceReduction, KeepsReachabilityAndNothingImplied, ()) {
  const DagCase c = (*AnyCase(Shape::kAny, Keys::kNone)).Make();
  Matrix whole(c.graph.size(), std::vector<bool>(c.graph.size(), false));
  for (const auto& edge : c.graph.edges()) whole[edge.parent.value][edge.child.value] = true;
  const ReducedGraph reduced = ReduceResourceGraph(c.graph);
  RC_ASSERT(Close(MatrixOf(reduced.children)) == Close(whole));
  RC_ASSERT(IsReduced(MatrixOf(reduced.children)));
}

RC_GTEST_PROP(Contraction, KeepsTheOrderOfWhatExistsAndAddsNone, ()) {
  const DagCase c = (*AnyCase(Shape::kAny, Keys::kNone)).Make();
  RC_ASSERT(Close(MatrixOf(Contract(c))) == OracleOrder(c.graph, c.table));
}

RC_GTEST_PROP(Contraction, IsReducedInForests, ()) {
  const DagCase c = (*AnyCase(Shape::kForest, Keys::kNone)).Make();
  RC_ASSERT(IsReduced(MatrixOf(Contract(c))));
}

// Sets of activities so large that they are pruned on the way.
class ContractionOfLayers : public ::testing::TestWithParam<unsigned> {};

TEST_P(ContractionOfLayers, KeepsTheOrderOfWhatExistsAndAddsNone) {
  constexpr int kWide = 25;
  unsigned state = GetParam();
  const auto below = [&](unsigned limit) {
    state = state * 1664525U + 1013904223U;
    return (state >> 16U) % limit;
  };
  RandomCase random;
  random.size = 5 * kWide;
  for (int i = 0; i < random.size; ++i) {
    auto& choices = random.choices.emplace_back();
    for (std::size_t k = 0; k < 4; ++k) {
      choices[k] = below(10) < 3 ? StepChoice::Own() : StepChoice::None();
    }
    for (int k = 0; i >= kWide && k < 8; ++k) {
      random.edges.emplace_back(i / kWide * kWide - kWide + static_cast<int>(below(kWide)), i);
    }
  }
  // 125 keys: more than RandomCase's own numbering tells apart.
  ResourceGraphBuilder builder;
  const auto key = [](int i) { return ResourceKey{"T::N", std::to_string(1000 + i)}; };
  for (int i = 0; i < random.size; ++i) {
    ASSERT_TRUE(builder.AddResource({key(i), "", {}}).has_value());
  }
  for (const auto& [parent, child] : random.edges) {
    ASSERT_TRUE(builder.AddEdge(key(parent), key(child)).has_value());
  }
  auto graph = builder.Build();
  ASSERT_TRUE(graph.has_value());
  const DagCase c{std::move(*graph), {random.choices}};
  EXPECT_TRUE(Close(MatrixOf(Contract(c))) == OracleOrder(c.graph, c.table));
  const auto dag = BuildActivityDag(c.graph, c.table, FuseMode::kNone);
  ASSERT_TRUE(dag.has_value());
  EXPECT_TRUE(IsReduced(StepMatrix(*dag)));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContractionOfLayers, ::testing::Values(1U, 2U, 3U, 4U));

RC_GTEST_PROP(Gates, AreThoseOfTheDefinition, ()) {
  const DagCase c = (*AnyCase(Shape::kAny, Keys::kNone)).Make();
  const auto walk = WalkGraph(c.graph);
  const auto gates = GatesOfActivities(c.graph, walk->parents_first, c.table);
  RC_ASSERT(gates.has_value());
  for (std::uint32_t i = 0; i < gates->size(); ++i) {
    const ActivityRef activity = ActivityAt(i);
    if (!c.table.Exists(activity.resource, activity.kind)) {
      RC_ASSERT((*gates)[i].empty());
    } else {
      RC_ASSERT((*gates)[i] == OracleGates(c.graph, c.table, activity));
    }
  }
}

// --- The whole -----------------------------------------------------------------------------------

RC_GTEST_PROP(Dag, HasTheStepsOfTheRules, ()) {
  const RandomCase random = *AnyCase(Shape::kAny, Keys::kSome);
  const DagCase c = random.Make();
  const FuseMode fuse = AnyFuse();
  const auto dag = BuildActivityDag(c.graph, c.table, fuse);
  const auto expected = OracleSteps(c.graph, c.table, fuse);
  if (!dag.has_value()) {
    RC_TAG("aggregation refused");
    RC_ASSERT(expected.empty());
    return;
  }
  std::vector<std::vector<ActivityRef>> steps;
  for (std::uint32_t i = 0; i < dag->steps.size(); ++i) {
    steps.push_back(dag->steps[i].activities);
    // Sorted by resource, and within a leaf in the order in which they run: the same order.
    RC_ASSERT(std::is_sorted(steps.back().begin(), steps.back().end()));
    for (const ActivityRef activity : steps.back()) {
      RC_ASSERT(dag->step_of[activity.resource.value][static_cast<std::size_t>(activity.kind)] ==
                i);
    }
  }
  std::sort(steps.begin(), steps.end());
  RC_ASSERT(steps == expected);
}

RC_GTEST_PROP(Dag, HasTheOrderOfTheActivitiesAndNoMore, ()) {
  const Compiled x = AnyCompiled(Keys::kNone);
  const Matrix expected = OracleOrder(x.c.graph, x.c.table);
  const Matrix order = Close(StepMatrix(x.dag));
  for (std::uint32_t i = 0; i < expected.size(); ++i) {
    for (std::uint32_t j = 0; j < expected.size(); ++j) {
      const ActivityRef a = ActivityAt(i);
      const ActivityRef b = ActivityAt(j);
      const std::uint32_t from = x.dag.step_of[a.resource.value][static_cast<std::size_t>(a.kind)];
      const std::uint32_t to = x.dag.step_of[b.resource.value][static_cast<std::size_t>(b.kind)];
      if (from == ActivityDag::kNoStep || to == ActivityDag::kNoStep) continue;
      if (from == to) {
        // Inside a fused step the activities stand in their order.
        if (expected[i][j]) RC_ASSERT(a.kind < b.kind);
      } else {
        RC_ASSERT(order[from][to] == expected[i][j]);
      }
    }
  }
}

RC_GTEST_PROP(Dag, OrdersMergedStepsAsTheirActivitiesAndNoMore, ()) {
  const Compiled x = AnyCompiled(Keys::kSome);
  const Matrix activities = OracleOrder(x.c.graph, x.c.table);
  Matrix expected(x.dag.steps.size(), std::vector<bool>(x.dag.steps.size(), false));
  for (std::uint32_t i = 0; i < activities.size(); ++i) {
    for (std::uint32_t j = 0; j < activities.size(); ++j) {
      if (!activities[i][j]) continue;
      const std::uint32_t from = x.dag.step_of[i / 4][i % 4];
      const std::uint32_t to = x.dag.step_of[j / 4][j % 4];
      if (from != to) expected[from][to] = true;
    }
  }
  expected = Close(std::move(expected));
  const Matrix order = StepMatrix(x.dag);
  RC_ASSERT(Close(order) == expected);
  RC_ASSERT(IsReduced(order));
  RC_ASSERT(x.dag.notes.empty());
}

RC_GTEST_PROP(Dag, IsReduced, ()) {
  RC_ASSERT(IsReduced(StepMatrix(AnyCompiled(Keys::kNone).dag)));
}

RC_GTEST_PROP(Dag, DoesNotDependOnTheOrderOfTheInput, ()) {
  const RandomCase random = *AnyCase(Shape::kAny, Keys::kSome);
  const DagCase c = random.Make();
  const DagCase reversed = random.Make(true);
  const FuseMode fuse = AnyFuse();
  const auto a = BuildActivityDag(c.graph, c.table, fuse);
  const auto b = BuildActivityDag(reversed.graph, reversed.table, fuse);
  RC_ASSERT(a.has_value() == b.has_value());
  if (a.has_value()) {
    RC_ASSERT(RenderDag(c.graph, *a) == RenderDag(reversed.graph, *b));
  } else {
    RC_ASSERT(a.error().Render() == b.error().Render());
  }
}

// TR(A(G)) = A(TR(G)): edges that other paths imply do not change the order of the steps.
RC_GTEST_PROP(Dag, OfTheReducedGraphHasTheSameOrder, ()) {
  const DagCase c = (*AnyCase(Shape::kAny, Keys::kNone)).Make();
  ResourceGraphBuilder builder;
  for (const auto& node : c.graph.nodes()) RC_ASSERT(builder.AddResource(node).has_value());
  const ReducedGraph without_implied = ReduceResourceGraph(c.graph);
  for (const auto& edge : without_implied.children.edges()) {
    RC_ASSERT(
        builder.AddEdge(c.graph.nodes()[edge.from].key, c.graph.nodes()[edge.to].key).has_value());
  }
  const auto reduced = builder.Build();
  const auto edges_of = [&](const ResourceGraph& graph) {
    const auto dag = BuildActivityDag(graph, c.table, FuseMode::kNone);
    RC_ASSERT(dag.has_value());
    std::vector<std::pair<ActivityRef, ActivityRef>> edges;
    for (const auto& step : dag->steps) {
      for (const auto& before : step.order) {
        edges.emplace_back(dag->steps[before.step.value].activities.front(),
                           step.activities.front());
      }
    }
    std::sort(edges.begin(), edges.end());
    return edges;
  };
  RC_ASSERT(edges_of(c.graph) == edges_of(*reduced));
}

RC_GTEST_PROP(Dag, StepsStandInWalkOrder, ()) {
  const Compiled x = AnyCompiled(Keys::kSome);
  // When each resource is entered and left, by a walk of its own.
  std::vector<std::uint32_t> entered(x.c.graph.size(), 0);
  std::vector<std::uint32_t> left(x.c.graph.size(), 0);
  std::uint32_t clock = 0;
  const std::function<void(ResourceId)> visit = [&](ResourceId r) {
    if (entered[r.value] != 0) return;
    entered[r.value] = ++clock;
    for (const auto& edge : x.c.graph.edges()) {
      if (edge.parent == r) visit(edge.child);
    }
    left[r.value] = ++clock;
  };
  for (std::uint32_t r = 0; r < x.c.graph.size(); ++r) {
    if (x.c.graph.parents(ResourceId{r}).empty()) visit(ResourceId{r});
  }
  using Place = std::pair<std::uint32_t, ActivityKind>;
  Place last{0, ActivityKind::kPre};
  for (const auto& step : x.dag.steps) {
    Place first{~0U, ActivityKind::kPost};
    for (const ActivityRef a : step.activities) {
      const bool post = a.kind == ActivityKind::kPost;
      first =
          std::min(first, Place{post ? left[a.resource.value] : entered[a.resource.value], a.kind});
    }
    RC_ASSERT(last < first);
    last = first;
  }
}

// --- Runs ----------------------------------------------------------------------------------------

// Runs a DAG as an engine that reads a file with `conditions` would: a step that a file leaves out
// (omitted) runs nothing; in a step that is started, each activity looks up its gates first.
OracleRun RunSteps(const ActivityDag& dag, const std::vector<StepConditions>& conditions,
                   const std::vector<bool>& fails) {
  OracleRun run{std::vector<bool>(fails.size(), false), std::vector<bool>(fails.size(), false)};
  std::vector<bool> done(dag.steps.size(), false);
  std::vector<bool> step_succeeded(dag.steps.size(), false);
  for (std::size_t round = 0; round < dag.steps.size(); ++round) {
    // Any step whose conditions have ended; the last in the file first, to be unlike the walk.
    std::size_t next = dag.steps.size();
    for (std::size_t i = 0; i < dag.steps.size(); ++i) {
      const auto ended = [&](StepId step) { return done[step.value]; };
      if (!done[i] &&
          std::all_of(conditions[i].succeeded.begin(), conditions[i].succeeded.end(), ended) &&
          std::all_of(conditions[i].finished.begin(), conditions[i].finished.end(), ended)) {
        next = i;
      }
    }
    RC_ASSERT(next != dag.steps.size());
    done[next] = true;
    bool all = true;
    if (std::any_of(conditions[next].succeeded.begin(), conditions[next].succeeded.end(),
                    [&](StepId step) { return !step_succeeded[step.value]; })) {
      continue;
    }
    const auto& step = dag.steps[next];
    for (std::size_t a = 0; a < step.activities.size(); ++a) {
      const std::uint32_t number = ActivityIndex(step.activities[a]);
      const bool may =
          std::all_of(step.gates[a].begin(), step.gates[a].end(), [&](ActivityRef gate) {
            // What gates an activity has ended before it starts.
            const std::uint32_t gate_step =
                dag.step_of[gate.resource.value][static_cast<std::size_t>(gate.kind)];
            RC_ASSERT(gate_step == next || done[gate_step]);
            return run.succeeded[ActivityIndex(gate)];
          });
      if (may) run.ran[number] = true;
      if (may && !fails[number]) run.succeeded[number] = true;
      all = all && run.succeeded[number];
    }
    step_succeeded[next] = all;
  }
  return run;
}

RC_GTEST_PROP(Runs, RunWhatTheRulesSayWhateverFails, ()) {
  const Compiled x = AnyCompiled(Keys::kSome);
  const auto conditions = EssentialGates(x.dag);
  for (int i = 0; i < 8; ++i) {
    const int likely = *rc::gen::element(0, 1, 3, 8);
    std::vector<bool> fails;
    for (std::size_t a = 0; a < x.c.graph.size() * 4; ++a) {
      fails.push_back(*rc::gen::inRange(0, 10) < likely);
    }
    const OracleRun expected = RunOracle(x.c.graph, x.c.table, fails);
    const OracleRun run = RunSteps(x.dag, conditions, fails);
    RC_ASSERT(run.ran == expected.ran);
    RC_ASSERT(run.succeeded == expected.succeeded);
  }
}

// The conditions of a file order the steps exactly as the DAG does, and no gate is in them that
// another one requires.
RC_GTEST_PROP(EssentialGatesOf, SayTheWholeOrderAndNothingTwice, ()) {
  const Compiled x = AnyCompiled(Keys::kSome);
  const auto conditions = EssentialGates(x.dag);
  Matrix waits(x.dag.steps.size(), std::vector<bool>(x.dag.steps.size(), false));
  Matrix requires_success = waits;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    for (const StepId step : conditions[i].succeeded) {
      waits[step.value][i] = requires_success[step.value][i] = true;
    }
    for (const StepId step : conditions[i].finished) {
      RC_ASSERT(!waits[step.value][i]);
      waits[step.value][i] = true;
    }
  }
  RC_ASSERT(Close(waits) == Close(StepMatrix(x.dag)));
  RC_ASSERT(IsReduced(requires_success));
}

// Without steps of several resources the file alone decides: no step is started in which nothing
// runs.
RC_GTEST_PROP(EssentialGatesOf, StartNoStepForNothing, ()) {
  const Compiled x = AnyCompiled(Keys::kNone);
  const auto conditions = EssentialGates(x.dag);
  std::vector<bool> fails;
  for (std::size_t a = 0; a < x.c.graph.size() * 4; ++a)
    fails.push_back(*rc::gen::inRange(0, 4) == 0);
  const OracleRun run = RunOracle(x.c.graph, x.c.table, fails);
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const bool started = std::all_of(
        conditions[i].succeeded.begin(), conditions[i].succeeded.end(), [&](StepId step) {
          const auto& activities = x.dag.steps[step.value].activities;
          return std::all_of(activities.begin(), activities.end(),
                             [&](ActivityRef a) { return run.succeeded[ActivityIndex(a)]; });
        });
    const auto& own = x.dag.steps[i].activities;
    RC_ASSERT(started == std::any_of(own.begin(), own.end(),
                                     [&](ActivityRef a) { return run.ran[ActivityIndex(a)]; }));
  }
}

}  // namespace
}  // namespace holdfast::compiler
