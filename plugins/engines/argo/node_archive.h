#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

// Past a size, the controller keeps the nodes of a workflow compressed: status.compressedNodes is the base64
// of gzip, zstd or brotli of the JSON of status.nodes.

// The JSON. kCorrupt for what is none of the three, and for more than `most` bytes of it.
Result<std::string> DecompressNodes(std::string_view base64,
                                    std::uint64_t most = std::uint64_t{256} << 20U);

// Puts the nodes where they would be without compression. A workflow that has none is left; one whose nodes cannot be
// read is, too, and kCorrupt says why.
Status ExpandNodes(Value& workflow);

// The same for what a client hands out: a run whose nodes cannot be read is still listed and stopped. Why they cannot
// stands in its status under kNodesUnreadable then (workflow_status.h), where ReadWorkflowStatus finds it.
void ExpandReadableNodes(Value& workflow);

}  // namespace holdfast::engines::argo
