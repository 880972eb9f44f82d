#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// The names of a DAG's steps, by step: `<name>-<hash>-<what>`, [a-z][a-z0-9-]*, at most 96 bytes,
// unique, and by their form no word of any engine's expression language.
//   name  what is left of the resource's name: at most 24 of [a-z0-9-]; "r" when step names are
//         opaque; "group" for a step of several resources
//   hash  of "type#id", or of the aggregation key: 8 hex digits; those that would have the same
//         name get more of theirs, all of them alike, so that no name depends on any order
//   what  pre, fin, par, post; leaf: pre, parallel and post of a leaf; copy: parallel and post
std::vector<std::string> NameSteps(const ResourceGraph& graph, const ActivityTable& table,
                                   const ActivityDag& dag, StepNames style);

namespace step_names_internal {

// Borrowed.
struct NameParts {
  std::string_view name;
  std::string_view hash;  // 64 hex digits
  std::string_view what;
};
// Joins the parts with as much of each hash as it takes. Exposed for tests: real hashes do not
// collide on demand.
std::vector<std::string> JoinParts(const std::vector<NameParts>& parts);

}  // namespace step_names_internal

}  // namespace holdfast::compiler
