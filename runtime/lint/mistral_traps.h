#pragma once

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/lint/mistral_graph.h"
#include "runtime/lint/mistral_reach.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// What Mistral takes and does not do as one would think (docs/reference/lint.md names and explains each). All are
// warnings, and linear in the workflow.

// Tasks that may fail while the run succeeds, and nothing in the workflow shows it: trap `masked-failure`. To Mistral a
// failure that an on-error catches is none, while on-complete catches nothing: such a run goes on, and ends in ERROR.
// On-error may well be meant so. Of a step of ours it never is; of another task it is found where all that it leads to is
// for failures alone: a message, a clean-up. Not where that ends with `fail` or `succeed`, or has a fail-on that looks at
// more than its own result; not where an expression looks at how the task has ended, or its failure is published.
Findings CheckMaskedFailures(const local::SourceFile& source, const Value& workflow,
                             const MistralGraph& graph, const MistralReach& reach);

// Passwords, keys and tokens that stand in the inputs of a task, where no expression brings them: trap `secret-in-input`.
Findings CheckSecrets(const local::SourceFile& source, const Value::Map& tasks);

}  // namespace holdfast::lint
