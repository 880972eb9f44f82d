#pragma once

#include <set>
#include <string>

#include "plugins/sdk/value.h"

namespace holdfast::cli {

// The names of the WorkflowTemplates of the namespace that the spec of a Workflow or WorkflowTemplate refers to:
// whose templates it calls, which it runs as a whole, and those of the child Workflows that its tasks start.
std::set<std::string> TemplateReferences(const Value& spec);

}  // namespace holdfast::cli
