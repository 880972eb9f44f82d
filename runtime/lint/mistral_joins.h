#pragma once

#include "runtime/lint/finding.h"
#include "runtime/lint/mistral_graph.h"
#include "runtime/lint/mistral_reach.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Whether a run can begin, end, and come to each join: traps `start`, `join` and `circle`. `tasks` is what the workflow's
// tasks stand in.
//
// It is an error only where no run can be well. For each task it is worked out what has to succeed and to fail for it to
// be reached; a join of which one link needs a failure, and another one that there is none, cannot run. Conditions may
// hold or not, and a task may end either way, unless it says otherwise (MistralGraph).
Findings CheckJoins(const local::SourceFile& source, const MistralGraph& graph,
                    const MistralReach& reach, const Value& tasks);

}  // namespace holdfast::lint
