#include "compiler/dag/essential_gates.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/compiler/dag/dag_text.h"

namespace holdfast::compiler {
namespace {

// One step a line: "x: succeeded... & finished...".
std::string Conditions(std::string_view text, FuseMode fuse = FuseMode::kNone) {
  const DagCase c = ReadCase(text);
  const auto dag = BuildActivityDag(c.graph, c.table, fuse);
  if (!dag.has_value()) return dag.error().Render();
  const auto name = [&](StepId step) {
    return NameOf(c.graph, dag->steps[step.value].activities.front());
  };
  std::string result;
  const auto conditions = EssentialGates(*dag);
  for (std::uint32_t i = 0; i < conditions.size(); ++i) {
    result += name(StepId{i}) + ":";
    for (const StepId step : conditions[i].succeeded) result += " " + name(step);
    if (!conditions[i].finished.empty()) result += " &";
    for (const StepId step : conditions[i].finished) result += " " + name(step);
    result += "\n";
  }
  return result;
}

// The example of the encoding: b has no pre, c has only a post.
TEST(EssentialGates, OfTheEncodingsExample) {
  EXPECT_EQ(Conditions("a: pre fin par post > b c\n"
                       "b: par\n"
                       "c: post\n"),
            "a.pre:\n"
            "a.fin: a.pre\n"
            "a.par: a.fin\n"
            "b.par: a.pre\n"
            "c.post: a.pre\n"
            "a.post: a.pre & a.par b.par c.post\n");
}

TEST(EssentialGates, LeaveOutAGateThatAnotherOneRequires) {
  EXPECT_EQ(Conditions("top: pre > a b\n"
                       "a: pre > c\n"
                       "b: > c\n"
                       "c: par\n"),
            "top.pre:\n"
            "a.pre: top.pre\n"
            "c.par: a.pre\n");
}

TEST(EssentialGates, AGateInAStepOfSeveralResourcesIsWaitedForHoweverItEnds) {
  // When a.pre fails, b.par still has to run.
  EXPECT_EQ(Conditions("s: pre > a b\n"
                       "a: pre@g par\n"
                       "b: pre@g par\n"),
            "s.pre:\n"
            "a.pre: s.pre\n"
            "a.par: & a.pre\n"
            "b.par: & a.pre\n");
}

TEST(EssentialGates, OfAMergedStepAreThoseThatAllItsResourcesHave) {
  EXPECT_EQ(Conditions("s: pre > p q\n"
                       "p: pre > a\n"
                       "q: > b\n"
                       "a: par@g\n"
                       "b: par@g\n"),
            "s.pre:\n"
            "p.pre: s.pre\n"
            "a.par: & p.pre\n");
}

TEST(EssentialGates, OfAFusedLeafComeFromOutside) {
  EXPECT_EQ(Conditions("p: pre post > c\n"
                       "c: pre par post\n",
                       FuseMode::kLeaf),
            "p.pre:\n"
            "c.pre: p.pre\n"
            "p.post: p.pre & c.pre\n");
}

}  // namespace
}  // namespace holdfast::compiler
