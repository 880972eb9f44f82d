#pragma once

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/lint/mistral_calls.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Values that are written out and larger than what Mistral keeps of one field of an execution, unless its site allows more
// ([engine] execution_field_size_limit_kb, 1,024): what a workflow or an action is given, defaults among it, and what a task publishes.
// (`vars` and `output` it lets pass.) It counts the characters that Python shows of the whole
// map, of one with a character beyond Latin-1 two or four bytes each; here each is one.
Findings CheckSizes(const local::SourceFile& source, const Value& workflow, const Value& tasks,
                    const MistralWorkflows& workflows);

}  // namespace holdfast::lint
