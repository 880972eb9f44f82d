#pragma once

#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/workflow/step_group.h"

namespace holdfast::compiler {

// Gives every group but the first the steps that its `gate` asks for: those of which an activity has no gate
// in the group. When none of them can run, nothing in the group can. One of neighbours that have the same
// gates stands for all; a group with more than kMostEntries is not asked, as its question would be longer than
// the answer is worth. Groups are a tree, its root the first one, as CutIntoGroups leaves them. Pure.
inline constexpr std::size_t kMostEntries = 16;
void SetEntries(const ActivityDag& dag, std::vector<StepGroup>& groups);

}  // namespace holdfast::compiler
