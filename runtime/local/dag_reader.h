#pragma once

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// Reads the `dag` of a template: its tasks, how they depend on each other, its targets. Names,
// `depends` and `target` are checked, and that no tasks wait for each other; the templates that
// tasks call are not resolved yet.
Result<DagTemplate> ReadDag(const SourceFile& source, const Value& value);

}  // namespace holdfast::local
