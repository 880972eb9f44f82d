#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/dag/essential_gates.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// What stands in a group: a step, or another group as a whole.
struct GroupItem {
  enum class Kind : std::uint8_t { kStep, kGroup };
  Kind kind = Kind::kStep;
  std::uint32_t index = 0;  // into the steps, or the groups
  // What it waits for, by position in its group, sorted, without anything in common: those that must
  // have succeeded, and those that must have ended in any way. A group has succeeded when each of its
  // items has. Both empty: nothing but what the group itself waits for (in the first: `begin`).
  std::vector<std::uint32_t> succeeded;
  std::vector<std::uint32_t> finished;
};

// Steps that an engine's file has in one piece: Argo's DAG template, Mistral's workflow definition.
struct StepGroup {
  // What is in it: everything of its resources, their preparations (pre and pre_finish) or the
  // rest (parallel and post), or one kind of activity of many.
  enum class Part : std::uint8_t {
    kWhole,
    kPreparations,
    kRest,
    kPre,
    kPreFinish,
    kParallel,
    kPost
  };
  std::string name;     // unique, and no step's: "<first step's resource>-<part>"
  std::string comment;  // for the reader, as WorkflowStep::comment
  Part part = Part::kWhole;
  // What the engine keeps apart as a run of its own (Argo: a child Workflow), which an emitter decides.
  bool separate = false;
  // Steps in it, for an engine that asks before it enters a group (Mistral's `gate`): when none of them can run,
  // nothing in it can. Set by its emitter; empty: not asked.
  std::vector<std::uint32_t> entries;
  std::vector<GroupItem> items;  // by their first step
};

inline constexpr std::uint32_t kFewestItems = 20;

// How much a group may hold, beside the tasks that frame it.
struct GroupLimits {
  std::uint32_t first_items =
      0;                    // of the first group, the whole; one less than kFewestItems or more
  std::uint32_t items = 0;  // of each other; at least kFewestItems
  // With all that is in it, as a rule; at least `items`.
  std::uint32_t steps = 0;
};

// Cuts a DAG into groups within these limits. One group when that is enough. (design: argo, "Exact nesting and sharding")
//
// A resource and everything below it is closed when all parents of what is below it are in there, too.
// What is closed becomes a group as it is, also with its siblings, and nothing waits longer for it.
// Below a resource that has a pre_finish it becomes two, preparations and rest, so that the
// pre_finish waits for no copy. What is not closed stands in the group of the nearest resource that
// dominates it; where that becomes too many, activities of one kind are put together.
//
// Groups may add order (something waits for a group because of one step in it), never remove any. A
// gate that lies inside another group cannot be said between groups: there the item waits for that
// group to end in any way, and each step checks its own gates in the journal, as it always does.
//
// Where a group of many begins and ends depends on what is next to it alone (a hash of the resource,
// as in content-defined chunking): one resource more or less changes the groups that it is in.
//
// Groups of what is closed come to no more steps than the limit, with all that is in them, where larger ones
// are not needed to keep to that of the items: an engine can then run them as a whole elsewhere.
//
// `conditions` and `names` are by step. Pure; linear for forests; never recursive.
std::vector<StepGroup> CutIntoGroups(const ResourceGraph& graph, const ActivityTable& table,
                                     const ActivityDag& dag,
                                     std::span<const StepConditions> conditions,
                                     std::span<const std::string> names, const GroupLimits& limits);

}  // namespace holdfast::compiler
