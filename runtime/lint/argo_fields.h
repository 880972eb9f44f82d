#pragma once

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Holds a document against Argo's full definitions as a Kubernetes API server does with strict
// validation: every field is known, of the right type, within its limits. The kinds are Workflow,
// WorkflowTemplate and CronWorkflow; others are passed over, unless they are Argo's. The table is made of Argo's own
// definitions (tests/lint/derive_argo_fields.py). Traps: "field", "unquoted",
// "too-large".
Findings CheckArgoFields(const local::SourceFile& source, const Value& document);

}  // namespace holdfast::lint
