#include "tests/compiler/emit/argo_simulation.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "runtime/local/workflow_file.h"

namespace holdfast::compiler {

using local::Phase;

Result<local::Workflow> ReadEmitted(const std::string& text,
                                    const std::vector<EmittedFile>& children) {
  const std::string path = std::string(HOLDFAST_TEMPLATES) + "/holdfast-steps.yaml";
  std::ifstream in(path, std::ios::binary);
  std::vector<local::SourceFile> files{{"emitted.yaml", text},
                                       {path, {std::istreambuf_iterator<char>(in), {}}}};
  for (const EmittedFile& child : children) files.push_back({child.name, child.text});
  return local::ReadWorkflow(std::move(files));
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

namespace {

// The phase of a DAG whose tasks have ended (argo: with a target, that of the targets).
Phase PhaseOf(const local::DagTemplate& dag, const std::vector<Phase>& phases) {
  Phase verdict = Phase::kSucceeded;
  for (const std::uint32_t target : dag.targets) {
    if (phases[target] == Phase::kFailed || phases[target] == Phase::kError)
      verdict = phases[target];
  }
  return verdict;
}

class Waits {
 public:
  explicit Waits(const local::Workflow& workflow) : workflow_(workflow) {}

  void Visit(const local::DagTemplate& dag, const std::set<std::string>& of_template) {
    std::vector<std::set<std::string>> waits(dag.tasks.size());
    for (const std::uint32_t at : dag.order) {
      const local::Task& task = dag.tasks[at];
      waits[at] = of_template;
      for (const std::uint32_t before : task.depends.tasks()) {
        waits[at].insert(waits[before].begin(), waits[before].end());
        AddLeaves(dag.tasks[before], waits[at]);
      }
      const auto& called = workflow_.templates[task.call.template_index];
      if (called.dag) {
        Visit(*called.dag, waits[at]);
      } else if (task.name != "begin" && !task.when) {
        result_[task.name] = waits[at];
      }
    }
  }

  std::map<std::string, std::set<std::string>> Take() { return std::move(result_); }

 private:
  void AddLeaves(const local::Task& task, std::set<std::string>& out) const {
    const auto& called = workflow_.templates[task.call.template_index];
    if (!called.dag) {
      if (task.name != "begin" && !task.when) out.insert(task.name);
      return;
    }
    for (const local::Task& inside : called.dag->tasks) AddLeaves(inside, out);
  }

  const local::Workflow& workflow_;
  std::map<std::string, std::set<std::string>> result_;
};

}  // namespace

WorkflowRun RunWorkflow(const local::Workflow& workflow,
                        const std::function<Phase(const std::string&)>& run) {
  WorkflowRun out;
  // One after the other is one of the orders in which they may run.
  const std::function<Phase(const local::DagTemplate&)> run_dag =
      [&](const local::DagTemplate& dag) {
        const Simulation simulation = Simulate(dag, [&](const local::Task& task) {
          const auto& called = workflow.templates[task.call.template_index];
          if (called.dag) return run_dag(*called.dag);
          out.started.push_back(task.name);
          return run(task.name);
        });
        for (std::size_t i = 0; i < dag.tasks.size(); ++i) {
          if (!workflow.templates[dag.tasks[i].call.template_index].dag)
            out.phases[dag.tasks[i].name] = simulation.phases[i];
        }
        return PhaseOf(dag, simulation.phases);
      };
  run_dag(MainDag(workflow));
  return out;
}

std::map<std::string, std::set<std::string>> WaitsOf(const local::Workflow& workflow) {
  Waits waits(workflow);
  waits.Visit(MainDag(workflow), {});
  return waits.Take();
}

const local::DagTemplate& MainDag(const local::Workflow& workflow) {
  return *workflow.templates[workflow.entrypoint.template_index].dag;
}

}  // namespace holdfast::compiler
