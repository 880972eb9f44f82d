#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/graph/digraph.h"
#include "compiler/graph/walk.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// Which activities make up which step.
struct StepTable {
  // By step, as in ActivityDag::Step.
  std::vector<std::vector<ActivityRef>> activities;
  // By resource and kind, as in ActivityDag.
  std::vector<std::array<std::uint32_t, kActivityKindCount>> step_of;
};

// The steps in walk order (a resource's pre, pre_finish and parallel on entry, its post on exit):
// one for each activity that exists, but one for all activities of a kind that share an aggregation
// key; it stands where the first of them would.
StepTable FormSteps(const Walk& walk, const ActivityTable& table);

// The order of the steps: there is an edge where `order` (between activity numbers) has one between
// an activity of the one and an activity of the other. kInvalidInput when steps would wait for each
// other because of what they aggregate: the message names the resources, kinds and keys along
// one way around. With nothing aggregated it never fails.
Result<Digraph> OrderSteps(const ResourceGraph& graph, const ActivityTable& table,
                           const StepTable& steps, const Digraph& order);

// Leaf fusion. A leaf is a resource without children. Its activities that stand alone in their
// steps become one step where
//   - no ancestor has a pre_finish: all of them, else (or where its pre or pre_finish is
//     aggregated with others) parallel and post: an ancestor's pre_finish, which resumes what is
//     frozen, must not wait for a copy; and
//   - in `order` (reduced) they are a chain that nothing enters or leaves on the way, so that the
//     step neither waits for more nor holds up more than its activities did.
// `order` is that of `steps` before, and of the result after. A fused step stands where its first
// activity did.
StepTable FuseLeaves(const ResourceGraph& graph, const Walk& walk, const ActivityTable& table,
                     StepTable steps, Digraph& order);

}  // namespace holdfast::compiler
