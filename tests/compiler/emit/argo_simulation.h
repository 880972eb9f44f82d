#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/phase.h"
#include "runtime/local/workflow.h"

namespace holdfast::compiler {

// The workflow of an emitted file, with the leaf templates that it refers to.
Result<local::Workflow> ReadEmitted(const std::string& text);

// What Argo does with a DAG template, as far as it matters for `depends`: a task starts when all
// that its expression names have ended and it is true, else it is Omitted; one whose `when` is
// "false" is Skipped. `run` gives the phase of a task that starts.
struct Simulation {
  std::vector<local::Phase> phases;  // by task
  std::vector<std::size_t> started;  // tasks that were run, in order
};
Simulation Simulate(const local::DagTemplate& dag,
                    const std::function<local::Phase(const local::Task&)>& run);

// The names of the tasks that a task waits for, directly or not, without begin and barriers.
std::set<std::string> WaitsFor(const local::DagTemplate& dag, std::size_t task);

const local::DagTemplate& MainDag(const local::Workflow& workflow);

}  // namespace holdfast::compiler
