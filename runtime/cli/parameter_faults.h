#pragma once

#include <vector>

#include "compiler/plan/parameter_set.h"
#include "plugins/sdk/error.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/parameter_faults.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/value.h"

namespace holdfast::cli {

// The error with its place: where the parameter of the fault was given for a resource (`given`), or
// the resource's own in the graph's file, where they are known. The line itself is not in it.
Error AtParameter(Error error, const ParameterFault& fault, const ResourceGraph::Node& node,
                  const ResourceGraph& graph, const compiler::ParameterSet& given);

// What the provider's plugins find wrong with the parameters of every resource (`parameters`,
// resolved; what the user gave is `given`), beyond their schemas. Each names the resource, and
// where it is known the place: in the plan or parameters file, or in the graph's file; one that
// many resources have from the same place is told once. The lines themselves are not in them.
std::vector<Error> FindParameterFaults(Provider& provider, Operation operation,
                                       const ResourceGraph& graph,
                                       const std::vector<Value>& parameters,
                                       const compiler::ParameterSet& given);

}  // namespace holdfast::cli
