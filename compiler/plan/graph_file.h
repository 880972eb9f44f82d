#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// The resource graph as a file: YAML with comments, to be reviewed and kept in git; or, for large
// graphs, JSON lines: a head {"format":1,"resources":N,"warnings":[...]?} and one resource a line.
// Both are the form of GraphToValue; resources by (type, id), the same bytes for the same graph.

// `comment`: words for the top of the file, one comment line each line of it; may be empty.
Result<std::string> WriteGraphYaml(const ResourceGraph& graph, std::string_view comment);
Result<std::string> WriteGraphJsonLines(const ResourceGraph& graph);

// Reads either form (and the value as plain JSON). Errors have file, line, column and the line.
// JSON lines that are fewer or more than their head says are kInvalidInput: a file that was cut off
// would be a smaller graph.
Result<ResourceGraph> ReadGraph(std::string_view text, std::string_view file);

}  // namespace holdfast::compiler
