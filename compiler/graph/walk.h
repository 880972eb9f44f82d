#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/graph/digraph.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// A resource as people call it: its type's last part in lower case and its name (its id when it
// has none), printable: "server web-1".
std::string LabelOf(const ResourceGraph::Node& node);

// The depth-first walk over a resource graph: roots and siblings by (type, id), each resource once
// (a diamond too), linear in resources and edges.
struct Walk {
  // Two a resource: on entry, and on exit of its subtree. In a diamond a resource is entered below
  // the first of its parents, so an order of steps made from this is for readers, not topological.
  std::vector<DepthFirstEvent> events;
  // Every resource after all of its parents.
  std::vector<ResourceId> parents_first;
};

// kInvalidInput for a cycle, which the message prints: "server web-1 -> volume data -> server
// web-1" (of a long one the beginning and the end); of a graph from a file at the edge that closes
// it, without the text of the line. Never recursive.
Result<Walk> WalkGraph(const ResourceGraph& graph);

}  // namespace holdfast::compiler
