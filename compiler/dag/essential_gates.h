#pragma once

#include <vector>

#include "compiler/dag/activity_dag.h"

namespace holdfast::compiler {

// What a step waits for, as an engine's file says it (argo: encoding E1). A step starts when all
// of `succeeded` have succeeded and all of `finished` have ended in any way; it is omitted when one
// of `succeeded` has ended otherwise. Both lists are sorted and have nothing in common. A step in
// neither list is waited for because another one in them waits for it. Empty lists: the step waits
// for `begin` alone.
struct StepConditions {
  std::vector<StepId> succeeded;
  std::vector<StepId> finished;
};

// The conditions of every step, by step.
//
// Step g is a gate that a file can name for step x when every activity of x has all activities of
// g among its gates: only then is "g did not succeed" the same as "x has nothing to do". The rest
// (a gate inside a step of several resources, and the gates of such a step where its resources have
// different ones) cannot be said between steps: there x waits for g to end in any way, and leaves
// out by the journal what must not run. That check by the step itself is there in every case; what
// the file adds is that no process is started for nothing.
// Of those gates the essential ones are listed: one that another of them itself requires (through
// any number of gates) is left out.
// Assumes that a step succeeds only when each of its activities has run and succeeded.
std::vector<StepConditions> EssentialGates(const ActivityDag& dag);

}  // namespace holdfast::compiler
