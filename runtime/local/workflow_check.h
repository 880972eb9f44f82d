#pragma once

#include "plugins/sdk/result.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// Checks what can be told only of a whole workflow whose calls are resolved: every {{variable}} is
// known where it stands, every argument is an input of what it is given to and every input has a
// value, no template contains itself, at most 1,000,000 steps and 100 templates inside each other.
// kInvalidInput with file and line.
Status CheckWorkflow(const Workflow& workflow);

// The same of a WorkflowTemplate whose templates (those without a `document`) others may call: what only
// a caller has is passed over.
Status CheckLibrary(const Workflow& workflow);

}  // namespace holdfast::local
