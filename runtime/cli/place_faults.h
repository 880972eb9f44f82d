#pragma once

#include <functional>
#include <set>
#include <vector>

#include "compiler/plan/parameter_set.h"
#include "plugins/sdk/error.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::cli {

// What is wrong with where the resources of a graph are read from, or restored to (Place), held
// against each other and against the bank's folder. Symlinks are seen through, as far as they are there.
struct PlaceFaults {
  // A place that is, lies in or holds the bank; restore: a place of several resources, and one
  // that lies in another's, unless that one's resource is above it in the graph and leaves it out.
  std::vector<Error> errors;
  // The same of protect but for the bank: what is protected is whole, but its restore to where it
  // was will be refused.
  std::vector<Error> warnings;
};

// `parameters` are resolved and have no parameter faults; those in `left_out` are not looked at.
// `saved_info` says what the checkpoint that is restored holds of a resource (PlacesOf); empty where
// there is none. Each fault names the resources, the place, and where the parameter that led there
// was given. Of protect and restore only.
using SavedInfoOf = std::function<Result<Value>(const ResourceKey&)>;
PlaceFaults FindPlaceFaults(Provider& provider, Operation operation, const ResourceGraph& graph,
                            const std::vector<Value>& parameters,
                            const compiler::ParameterSet& given,
                            const std::set<ResourceKey>& left_out = {},
                            const SavedInfoOf& saved_info = {});

}  // namespace holdfast::cli
