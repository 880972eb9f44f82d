#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/context.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

struct DiscoveryOptions {
  // A listing that fails becomes a warning of the graph instead of an error: it may then be smaller.
  bool allow_missing = false;
};

// Builds the live resource graph below `roots` through the provider's protectable plugins, depth
// first with an explicit stack; each resource is shown or listed once, however many parents it has.
// Linear in resources and edges. Errors: a root that is gone (kNotFound), a type without plugin
// (kInvalidInput), a listing that fails, context.cancelled().
Result<ResourceGraph> DiscoverGraph(Provider& provider, Context& context,
                                    const std::vector<ResourceKey>& roots,
                                    const DiscoveryOptions& options);

// How a live graph differs from the one that a workflow was compiled from.
struct Drift {
  std::vector<ResourceKey> added;  // live, in no file
  std::vector<ResourceKey> gone;   // in the file, not live
  // what the plugin knows, or the children, changed; a name alone not
  std::vector<ResourceKey> changed;
  bool any() const { return !added.empty() || !gone.empty() || !changed.empty(); }
};
Drift CompareGraphs(const ResourceGraph& compiled, const ResourceGraph& live);

// "2 resources are new (Local::Directory#logs, ...), 1 is gone (...)", at most five names each.
std::string DescribeDrift(const Drift& drift);

}  // namespace holdfast::runtime
