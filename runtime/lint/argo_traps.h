#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"
#include "runtime/local/workflow.h"

namespace holdfast::lint {

// What Argo takes and does not do as one would think (design: argo, "Traps that lint does not
// catch"; docs/reference/lint.md names and explains each).

// Those that one document shows: names, sizes, template-level failFast.
Findings FindDocumentTraps(const local::SourceFile& source, const Value& document);

// Those that show in what is called from where: failures that nothing shows, conditions that leave
// out an outcome, expressions and nested templates beyond what the controller takes, exit hooks.
// Linear in the workflow, but for the runs of a template (fault_runs.h).
struct WorkflowTraps {
  Findings findings;
  std::set<std::uint32_t> walked;  // into workflow.templates: those that it comes to
};
// Of what is started.
WorkflowTraps FindWorkflowTraps(const local::Workflow& workflow);
// Of what others may call: `roots` are some of workflow.templates, whose verdict is that of the caller.
WorkflowTraps FindLibraryTraps(const local::Workflow& workflow,
                               std::span<const std::uint32_t> roots);

}  // namespace holdfast::lint
