#pragma once

#include <span>
#include <vector>

#include "compiler/workflow/step_group.h"

namespace holdfast::compiler {

// Gives every item of `groups` what it waits for, so that the steps keep all of the order in
// `conditions` (by step) and, where that can be said between items, their gates:
//   - a step waits for a gate in its own group to succeed;
//   - a group waits for a gate to succeed when every step in it requires that, by itself or by its gates;
//   - all else is waited for to end in any way.
// An item that waits for another group because of gates in it requires what that group does.
// What other items imply is left out. Every step stands in one group; the groups are a tree, the
// first one its root; between the items of each group the order has no cycle.
void SetGroupConditions(std::span<const StepConditions> conditions, std::vector<StepGroup>& groups);

}  // namespace holdfast::compiler
