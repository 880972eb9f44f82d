#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/engine_emitter.h"
#include "plugins/sdk/result.h"
#include "runtime/local/phase.h"
#include "runtime/local/workflow.h"

namespace holdfast::compiler {

// The workflow of an emitted file, with its children and the leaf templates that it refers to.
Result<local::Workflow> ReadEmitted(const std::string& text,
                                    const std::vector<EmittedFile>& children = {});

// What Argo does with a DAG template, as far as it matters for `depends`: a task starts when all
// that its expression names have ended and it is true, else it is Omitted; one whose `when` is
// "false" is Skipped. `run` gives the phase of a task that starts.
struct Simulation {
  std::vector<local::Phase> phases;  // by task
  std::vector<std::size_t> started;  // tasks that were run, in order
};
Simulation Simulate(const local::DagTemplate& dag,
                    const std::function<local::Phase(const local::Task&)>& run);

// The same with all templates that call each other from `main` on: a task that calls another DAG is
// what that one's targets are.
struct WorkflowRun {
  std::map<std::string, local::Phase> phases;  // of the tasks that call a leaf template, by name
  std::vector<std::string> started;            // in order
};
WorkflowRun RunWorkflow(const local::Workflow& workflow,
                        const std::function<local::Phase(const std::string&)>& run);

// By the name of each task that calls a leaf template: those that it waits for, directly or not, also
// because of the template that it stands in; without begin and barriers.
std::map<std::string, std::set<std::string>> WaitsOf(const local::Workflow& workflow);

const local::DagTemplate& MainDag(const local::Workflow& workflow);

}  // namespace holdfast::compiler
