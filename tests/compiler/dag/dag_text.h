#pragma once

#include <string>
#include <string_view>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// A resource graph and what its plugins define, for tests.
struct DagCase {
  ResourceGraph graph;
  ActivityTable table;
};

// Reads a case; one resource a line: its name, the activities that exist (pre, fin, par, post; each
// with "@key" where it is aggregated), and after '>' its children:
//   server: pre par post > volume image
//   volume: pre@group par
// A child that has no line of its own has no activities. All resources are of the type Test::Node.
DagCase ReadCase(std::string_view text);

// A DAG as text, one step a line, in the order of the steps:
//   volume.pre < server.pre:green | volume.pre: server.pre
// = the activities joined by '+'; after '<' the steps that it comes after (by their first
// activity), with the colour of the link; after '|' the gates of each activity ("begin" = none).
std::string RenderDag(const ResourceGraph& graph, const ActivityDag& dag);

// "server.pre".
std::string NameOf(const ResourceGraph& graph, ActivityRef activity);

}  // namespace holdfast::compiler
