#include "compiler/dag/activity_dag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/dag/activity_order.h"
#include "compiler/graph/walk.h"
#include "tests/compiler/dag/dag_text.h"

namespace holdfast::compiler {
namespace {

using ::testing::IsEmpty;

std::string Compile(std::string_view text, FuseMode fuse = FuseMode::kNone) {
  const DagCase c = ReadCase(text);
  const auto dag = BuildActivityDag(c.graph, c.table, fuse);
  return dag.has_value() ? RenderDag(c.graph, *dag) : dag.error().Render();
}

// The specification's example: a server brings itself to rest in pre, backs up its metadata in
// parallel and resumes in post; volume, image and network depend on it.
TEST(Links, SpecificationsServerExample) {
  EXPECT_EQ(Compile("server: pre par post > image network volume\n"
                    "image: par\n"
                    "network: par\n"
                    "volume: pre par post\n"),
            "server.pre | begin\n"
            "server.par < server.pre:yellow | server.pre\n"
            "image.par < server.pre:yellow | server.pre\n"
            "network.par < server.pre:yellow | server.pre\n"
            "volume.pre < server.pre:green | server.pre\n"
            "volume.par < volume.pre:yellow | volume.pre\n"
            "volume.post < volume.par:red | volume.pre\n"
            "server.post < server.par:red image.par:indigo network.par:indigo volume.post:indigo | "
            "server.pre\n");
}

TEST(Links, AllFourWithEveryActivityThere) {
  EXPECT_EQ(Compile("p: pre par post > c\n"
                    "c: pre par post\n"),
            "p.pre | begin\n"
            "p.par < p.pre:yellow | p.pre\n"
            "c.pre < p.pre:green | p.pre\n"
            "c.par < c.pre:yellow | c.pre\n"
            "c.post < c.par:red | c.pre\n"
            "p.post < p.par:red c.post:indigo | p.pre\n");
}

TEST(Links, PreFinishWaitsForPreparationsAndNotForCopies) {
  EXPECT_EQ(Compile("app: pre fin post > db dir\n"
                    "db: pre par post\n"
                    "dir: pre par\n"),
            "app.pre | begin\n"
            "app.fin < db.pre:fin dir.pre:fin | app.pre\n"
            "db.pre < app.pre:green | app.pre\n"
            "db.par < db.pre:yellow | db.pre\n"
            "db.post < db.par:red | db.pre\n"
            "dir.pre < app.pre:green | app.pre\n"
            "dir.par < dir.pre:yellow | dir.pre\n"
            "app.post < app.fin:red db.post:indigo dir.par:indigo | app.pre\n");
}

TEST(Links, PreFinishHoldsUpTheResourcesOwnParallel) {
  EXPECT_EQ(Compile("app: pre fin par > db\n"
                    "db: pre\n"),
            "app.pre | begin\n"
            "app.fin < db.pre:fin | app.pre\n"
            "app.par < app.fin:fin | app.pre app.fin\n"
            "db.pre < app.pre:green | app.pre\n");
}

TEST(Links, PreFinishWaitsForAGrandchildThroughResourcesWithoutActivities) {
  EXPECT_EQ(Compile("app: fin > host\n"
                    "host: > db\n"
                    "db: pre\n"),
            "app.fin < db.pre:fin | begin\n"
            "db.pre | begin\n");
}

TEST(Contraction, PostAfterAChildsCopyWhenTheChildHasNoPost) {
  EXPECT_EQ(Compile("p: pre post > c\n"
                    "c: par\n"),
            "p.pre | begin\n"
            "c.par < p.pre:yellow | p.pre\n"
            "p.post < c.par:indigo | p.pre\n");
}

TEST(Contraction, AnEmptyChildAddsNothing) {
  EXPECT_EQ(Compile("p: pre par post > a b\n"
                    "a:\n"
                    "b: pre\n"),
            "p.pre | begin\n"
            "p.par < p.pre:yellow | p.pre\n"
            "b.pre < p.pre:green | p.pre\n"
            "p.post < p.par:red b.pre:indigo | p.pre\n");
}

TEST(Gates, StayWhereTheOrderIsImpliedByAnotherPath) {
  // When p.pre fails, r.post must not run, though its order after p.pre is implied by r.par.
  EXPECT_EQ(Compile("p: pre > r\n"
                    "r: par post\n"),
            "p.pre | begin\n"
            "r.par < p.pre:yellow | p.pre\n"
            "r.post < r.par:red | p.pre\n");
}

TEST(Gates, ComeFromEveryParentOfADiamond) {
  EXPECT_EQ(Compile("top: pre > a b\n"
                    "a: pre > c\n"
                    "b: > c\n"
                    "c: pre post\n"),
            "top.pre | begin\n"
            "a.pre < top.pre:green | top.pre\n"
            "c.pre < a.pre:green | a.pre top.pre\n"
            "c.post < c.pre:red | c.pre\n");
}

TEST(Gates, CountAnEdgeThatOtherPathsImply) {
  EXPECT_EQ(Compile("a: pre > b c\n"
                    "b: pre > c\n"
                    "c: pre\n"),
            "a.pre | begin\n"
            "b.pre < a.pre:green | a.pre\n"
            "c.pre < b.pre:green | a.pre b.pre\n");
}

TEST(Walk, StepsOfADiamondStandBelowItsFirstParent) {
  EXPECT_EQ(Compile("a: pre post > c\n"
                    "b: pre post > c\n"
                    "c: par\n"),
            "a.pre | begin\n"
            "c.par < a.pre:yellow b.pre:yellow | a.pre b.pre\n"
            "a.post < c.par:indigo | a.pre\n"
            "b.pre | begin\n"
            "b.post < c.par:indigo | b.pre\n");
}

TEST(ActivityDag, OfAnEmptyGraphIsEmpty) {
  EXPECT_EQ(Compile(""), "");
  EXPECT_EQ(Compile("a: > b"), "");
}

TEST(ActivityDag, SaysWhichStepAnActivityIsIn) {
  const DagCase c = ReadCase("a: pre post > b\nb: par\n");
  const auto dag = BuildActivityDag(c.graph, c.table, FuseMode::kNone);
  ASSERT_TRUE(dag.has_value());
  EXPECT_EQ(dag->step_of[0][0], 0U);
  EXPECT_EQ(dag->step_of[0][1], ActivityDag::kNoStep);
  EXPECT_EQ(dag->step_of[1][2], 1U);
  EXPECT_EQ(dag->step_of[0][3], 2U);
  EXPECT_THAT(dag->notes, IsEmpty());
}

TEST(ActivityDag, AChainOfAHundredThousandDoesNotRecurse) {
  constexpr int kLength = 100'000;
  ResourceGraphBuilder builder;
  const auto key = [](int i) { return ResourceKey{"T::Node", std::to_string(1'000'000 + i)}; };
  for (int i = 0; i < kLength; ++i) {
    ASSERT_TRUE(builder.AddResource({key(i), "", {}}).has_value());
    if (i > 0) {
      ASSERT_TRUE(builder.AddEdge(key(i - 1), key(i)).has_value());
    }
  }
  const auto graph = builder.Build();
  ActivityTable table;
  table.choices.assign(
      kLength, {StepChoice::Own(), StepChoice::None(), StepChoice::Own(), StepChoice::Own()});
  const auto dag = BuildActivityDag(*graph, table, FuseMode::kLeaf);
  ASSERT_TRUE(dag.has_value());
  EXPECT_EQ(dag->steps.size(), 3U * kLength - 2);
  EXPECT_THAT(dag->notes, IsEmpty());
}

// Two layers of 200 that hang together only through a resource with nothing of its own.
TEST(ActivityDag, RefusesAProductOfLinksThatIsTooLarge) {
  std::string text = "middle: >";
  for (int i = 0; i < 200; ++i) text += " c" + std::to_string(i);
  text += "\n";
  for (int i = 0; i < 200; ++i) {
    text += "c" + std::to_string(i) + ": pre\np" + std::to_string(i) + ": pre > middle\n";
  }
  const DagCase c = ReadCase(text);
  const auto walk = WalkGraph(c.graph);
  ASSERT_TRUE(walk.has_value());
  const ReducedGraph reduced = ReduceResourceGraph(c.graph);
  const auto whole = OrderActivities(c.graph, reduced, walk->parents_first, c.table);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->edge_count(), 40'000U);
  const auto refused = OrderActivities(c.graph, reduced, walk->parents_first, c.table, 1'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(),
              testing::StartsWith("the order of this graph's activities takes too many links: 1200 "
                                  "up to pre of node c"));
}

}  // namespace
}  // namespace holdfast::compiler
