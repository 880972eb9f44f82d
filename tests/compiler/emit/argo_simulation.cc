#include "tests/compiler/emit/argo_simulation.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "runtime/local/workflow_file.h"

namespace holdfast::compiler {

using local::Phase;

Result<local::Workflow> ReadEmitted(const std::string& text) {
  const std::string path = std::string(HOLDFAST_TEMPLATES) + "/holdfast-steps.yaml";
  std::ifstream in(path, std::ios::binary);
  return local::ReadWorkflow(
      {{"emitted.yaml", text}, {path, {std::istreambuf_iterator<char>(in), {}}}});
}

Simulation Simulate(const local::DagTemplate& dag,
                    const std::function<Phase(const local::Task&)>& run) {
  Simulation out{std::vector<Phase>(dag.tasks.size(), Phase::kPending), {}};
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < dag.tasks.size(); ++i) {
      if (local::IsFulfilled(out.phases[i])) continue;
      const local::Task& task = dag.tasks[i];
      const auto& named = task.depends.tasks();
      if (!std::all_of(named.begin(), named.end(),
                       [&](std::uint32_t t) { return local::IsFulfilled(out.phases[t]); })) {
        continue;
      }
      changed = true;
      if (!task.depends.empty() &&
          !task.depends.Evaluate([&](std::uint32_t t) { return out.phases[t]; })) {
        out.phases[i] = Phase::kOmitted;
      } else if (task.when) {
        out.phases[i] = Phase::kSkipped;
      } else {
        out.started.push_back(i);
        out.phases[i] = run(task);
      }
    }
  }
  return out;
}

std::set<std::string> WaitsFor(const local::DagTemplate& dag, std::size_t task) {
  std::set<std::uint32_t> seen;
  std::set<std::string> names;
  std::vector<std::uint32_t> open(dag.tasks[task].depends.tasks().begin(),
                                  dag.tasks[task].depends.tasks().end());
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (!seen.insert(at).second) continue;
    if (dag.tasks[at].name != "begin" && !dag.tasks[at].when) names.insert(dag.tasks[at].name);
    open.insert(open.end(), dag.tasks[at].depends.tasks().begin(),
                dag.tasks[at].depends.tasks().end());
  }
  return names;
}

const local::DagTemplate& MainDag(const local::Workflow& workflow) {
  return *workflow.templates[workflow.entrypoint.template_index].dag;
}

}  // namespace holdfast::compiler
