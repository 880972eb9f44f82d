#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::runtime {

// The epoch that each resource gets in a resume: what is not finished gets the next one, what is
// finished keeps its own, but
//   in a protect   below a resource whose plugin quiesces all are finished together or redone
//                  together (a consistency group): a checkpoint never mixes two points in time;
//   in a restore   above what is redone each resource whose plugin quiesces is redone, too: it has
//                  to rest again meanwhile. What is restored below it already stays as it is: its
//                  data is that of the checkpoint, whenever it was written.
// `finished` and `epochs` are by resource (none: epoch 1); `quiesces` says whether a resource
// brings those below it to rest.
std::map<ResourceKey, std::uint64_t> NextEpochs(
    Operation operation, const ResourceGraph& graph,
    const std::function<bool(const ResourceKey&)>& quiesces,
    const std::map<ResourceKey, bool>& finished,
    const std::map<ResourceKey, std::uint64_t>& epochs);

}  // namespace holdfast::runtime
