#pragma once

#include <string>
#include <vector>

#include "runtime/lint/argo_schedule.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Checks files of Argo Workflows offline: fields and types as a Kubernetes API server with Argo's
// full definitions would (strictly), what the controller would refuse, and what it takes and does not
// do as one would think (argo_traps.h). `files` find templates in each other, else in `templates`, which
// are not checked themselves. Each document that can start is checked for itself, and what a CronWorkflow
// starts as the Workflow that it would be; `check_zone` knows its time zones. Templates of a
// WorkflowTemplate that nothing here calls are checked as others may call them.
//
// The findings are those of each file in turn, by line; one is said once, of the file in which it
// stands, whoever calls what. Every error of one kind is found, but of what cannot be read (trap
// "unreadable": YAML, references, conditions) the first of what a document starts, or, if nothing
// starts it, has. What compiled files do not have and the local engine does not run is unreadable
// here, too: nobody has looked at what it does.
Findings LintArgo(const std::vector<local::SourceFile>& files,
                  const std::vector<local::SourceFile>& templates,
                  const ZoneCheck& check_zone = {});

}  // namespace holdfast::lint
