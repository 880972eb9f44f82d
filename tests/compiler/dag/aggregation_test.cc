#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "compiler/dag/activity_dag.h"
#include "tests/compiler/dag/dag_text.h"

namespace holdfast::compiler {
namespace {

std::string Compile(std::string_view text, FuseMode fuse = FuseMode::kNone) {
  const DagCase c = ReadCase(text);
  const auto dag = BuildActivityDag(c.graph, c.table, fuse);
  return dag.has_value() ? RenderDag(c.graph, *dag) : dag.error().Render();
}

TEST(Aggregation, OneStepForAllResourcesOfAKey) {
  EXPECT_EQ(Compile("s: pre post > a b c\n"
                    "a: pre@g par\n"
                    "b: pre@g par\n"
                    "c: pre@h par\n"),
            "s.pre | begin\n"
            "a.pre+b.pre < s.pre:green | a.pre: s.pre b.pre: s.pre\n"
            "a.par < a.pre:yellow | a.pre\n"
            "b.par < a.pre:yellow | b.pre\n"
            "c.pre < s.pre:green | s.pre\n"
            "c.par < c.pre:yellow | c.pre\n"
            "s.post < a.par:indigo b.par:indigo c.par:indigo | s.pre\n");
}

TEST(Aggregation, KeepsTheGatesOfEachResource) {
  EXPECT_EQ(Compile("p: pre > a\n"
                    "q: pre > b\n"
                    "a: par@g\n"
                    "b: par@g\n"),
            "p.pre | begin\n"
            "a.par+b.par < p.pre:yellow q.pre:yellow | a.par: p.pre b.par: q.pre\n"
            "q.pre | begin\n");
}

TEST(Aggregation, IsReducedAgain) {
  // Once b.pre is one step with a.pre, z.pre -> b.pre is implied by z.pre -> y.pre -> a.pre.
  EXPECT_EQ(Compile("z: pre > b y\n"
                    "y: pre > a\n"
                    "a: pre@g\n"
                    "b: pre@g\n"),
            "z.pre | begin\n"
            "a.pre+b.pre < y.pre:green | a.pre: y.pre b.pre: z.pre\n"
            "y.pre < z.pre:green | z.pre\n");
}

TEST(Aggregation, RefusesAResourceAndItsDescendantInOneStep) {
  EXPECT_EQ(Compile("a: pre@g > b\n"
                    "b: > c\n"
                    "c: pre@g\n"),
            "steps would wait for each other because of what plugins aggregate: pre of node a [key "
            "'g'] -> pre of node c [key 'g']\n"
            "help: resources in one step must not depend on each other, not even through others: "
            "their plugin has to give them different keys, or steps of their own");
}

TEST(Aggregation, NamesAKeyAsItsPluginGaveIt) {
  ResourceGraphBuilder builder;
  ASSERT_TRUE(builder.AddResource({{"T::N", "a"}, "a", {}}));
  ASSERT_TRUE(builder.AddResource({{"T::N", "b"}, "b", {}}));
  ASSERT_TRUE(builder.AddEdge({"T::N", "a"}, {"T::N", "b"}));
  ActivityTable table;
  const StepChoice none = StepChoice::None();
  table.choices.assign(2, {StepChoice::Aggregate("noop\ng\nh"), none, none, none});
  const auto dag = BuildActivityDag(*builder.Build(), table, FuseMode::kNone);
  ASSERT_FALSE(dag);
  EXPECT_EQ(dag.error().message(),
            "steps would wait for each other because of what plugins aggregate: pre of n a [key "
            "'g\\x0ah'] -> pre of n b [key 'g\\x0ah']");
}

TEST(Aggregation, RefusesStepsThatCross) {
  EXPECT_EQ(Compile("a: pre@g > d\n"
                    "b: pre@h > c\n"
                    "c: pre@g\n"
                    "d: pre@h\n"),
            "steps would wait for each other because of what plugins aggregate: pre of node a [key "
            "'g'] -> pre of node d [key 'h']; pre of node b [key 'h'] -> pre of node c [key 'g']\n"
            "help: resources in one step must not depend on each other, not even through others: "
            "their plugin has to give them different keys, or steps of their own");
}

TEST(Aggregation, KeysOfDifferentKindsAreDifferentSteps) {
  EXPECT_EQ(Compile("a: pre@g par@g\n"),
            "a.pre | begin\n"
            "a.par < a.pre:yellow | a.pre\n");
}

}  // namespace
}  // namespace holdfast::compiler
