#pragma once

#include <string_view>

#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::exec {

// A resource as requests and answers have it: {"type", "id", "name", "extra"?}.
Value NodeToValue(const ResourceGraph::Node& node);
// Of an answer: "id" is required, "type" is `type` unless it says so itself (another one is
// refused), "name" the id unless given. Unknown fields have been refused by the reader of answers,
// but for those of a nested object, which are refused here.
Result<ResourceGraph::Node> NodeFromValue(const Value& value, std::string_view type);

}  // namespace holdfast::plugins::exec
