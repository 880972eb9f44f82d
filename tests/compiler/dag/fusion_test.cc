#include <gtest/gtest.h>

#include <string>

#include "compiler/dag/activity_dag.h"
#include "tests/compiler/dag/dag_text.h"

namespace holdfast::compiler {
namespace {

std::string Fuse(std::string_view text) {
  const DagCase c = ReadCase(text);
  const auto dag = BuildActivityDag(c.graph, c.table, FuseMode::kLeaf);
  return dag.has_value() ? RenderDag(c.graph, *dag) : dag.error().Render();
}

TEST(Fusion, MakesOneStepOfALeaf) {
  EXPECT_EQ(Fuse("p: pre post > c\n"
                 "c: pre par post\n"),
            "p.pre | begin\n"
            "c.pre+c.par+c.post < p.pre:green | c.pre: p.pre c.par: c.pre c.post: c.pre\n"
            "p.post < c.pre:indigo | p.pre\n");
}

TEST(Fusion, KeepsThePreApartWhereAnAncestorHasAPreFinish) {
  EXPECT_EQ(Fuse("app: pre fin post > host\n"
                 "host: > db\n"
                 "db: pre par post\n"),
            "app.pre | begin\n"
            "app.fin < db.pre:fin | app.pre\n"
            "db.pre < app.pre:green | app.pre\n"
            "db.par+db.post < db.pre:yellow | db.par: db.pre db.post: db.pre\n"
            "app.post < app.fin:red db.par:indigo | app.pre\n");
}

TEST(Fusion, TakesALeafsOwnPreFinishAlong) {
  EXPECT_EQ(Fuse("db: pre fin par post\n"),
            "db.pre+db.fin+db.par+db.post | db.pre: begin db.fin: db.pre db.par: db.pre db.fin "
            "db.post: db.pre\n");
}

TEST(Fusion, LeavesAnAggregatedPreApart) {
  EXPECT_EQ(Fuse("a: pre@g par post\n"
                 "b: pre@g par\n"),
            "a.pre+b.pre | a.pre: begin b.pre: begin\n"
            "a.par+a.post < a.pre:yellow | a.par: a.pre a.post: a.pre\n"
            "b.par < a.pre:yellow | b.pre\n");
}

TEST(Fusion, LeavesEverythingApartAroundAnAggregatedParallel) {
  EXPECT_EQ(Fuse("a: pre par@g post\n"
                 "b: par@g\n"),
            "a.pre | begin\n"
            "a.par+b.par < a.pre:yellow | a.par: a.pre b.par: begin\n"
            "a.post < a.par:red | a.pre\n");
}

TEST(Fusion, TreatsAGroupOfOneAsAStepOfItsOwn) {
  EXPECT_EQ(Fuse("a: pre@g par\n"), "a.pre+a.par | a.pre: begin a.par: a.pre\n");
}

TEST(Fusion, DoesNothingToAResourceWithChildren) {
  EXPECT_EQ(Fuse("a: pre par post > b\n"),
            "a.pre | begin\n"
            "a.par < a.pre:yellow | a.pre\n"
            "a.post < a.par:red | a.pre\n");
}

}  // namespace
}  // namespace holdfast::compiler
