#pragma once

#include <map>
#include <string>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

using MistralWorkflows = std::map<std::string, const Value*, std::less<>>;

// The actions and workflows that the tasks of a workflow call, and the inputs that they give them: what Mistral refuses,
// and what ends the run when it has come there. Traps `action` and `reference`. Actions that are not Mistral's, nor
// ours, are the site's; a workflow that is not among `workflows` may be on the server.
Findings CheckCalls(const local::SourceFile& source, std::string_view name, const Value::Map& tasks,
                    const MistralWorkflows& workflows);

}  // namespace holdfast::lint
