#include "tests/compiler/emit/emitted_run.h"

#include <utility>

#include "tests/compiler/emit/argo_simulation.h"

namespace holdfast::compiler {
namespace {

class Reader {
 public:
  explicit Reader(const local::Workflow& workflow) : workflow_(workflow) {}

  EmittedRun Run() {
    const std::uint32_t begin = out_.order.AddNode();
    const std::uint32_t end = out_.order.AddNode();
    Visit(workflow_.entrypoint.template_index, 0, begin, end);
    return std::move(out_);
  }

 private:
  struct Ends {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };

  // As deep as templates stand in each other.
  void Visit(std::uint32_t index, std::uint32_t parent, std::uint32_t begin, std::uint32_t end) {
    const local::DagTemplate& dag = *workflow_.templates[index].dag;
    const auto group = static_cast<std::uint32_t>(out_.groups.size());
    const auto first = static_cast<std::uint32_t>(out_.steps.size());
    out_.groups.push_back({index, parent, first, first});
    std::vector<Ends> ends(dag.tasks.size());
    for (std::size_t i = 0; i < dag.tasks.size(); ++i) {
      const local::Task& task = dag.tasks[i];
      const std::uint32_t called = task.call.template_index;
      ends[i].begin = ends[i].end = out_.order.AddNode();
      out_.order.Link(begin, ends[i].begin);
      if (workflow_.templates[called].dag) {
        ends[i].end = out_.order.AddNode();
        out_.order.Link(ends[i].begin, ends[i].end);
        Visit(called, group, ends[i].begin, ends[i].end);
      } else if (!task.when && task.name != "begin") {
        out_.steps.push_back(task.name);
        out_.nodes.push_back(ends[i].begin);
        out_.group_of_step.push_back(group);
      }
    }
    for (std::size_t i = 0; i < dag.tasks.size(); ++i) {
      for (const std::uint32_t before : dag.tasks[i].depends.tasks())
        out_.order.Link(ends[before].end, ends[i].begin);
    }
    for (const std::uint32_t target : dag.targets) out_.order.Link(ends[target].end, end);
    out_.groups[group].end_step = static_cast<std::uint32_t>(out_.steps.size());
  }

  const local::Workflow& workflow_;
  EmittedRun out_;
};

}  // namespace

EmittedRun RunOf(const local::Workflow& workflow) { return Reader(workflow).Run(); }

}  // namespace holdfast::compiler
